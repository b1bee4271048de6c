"""``moodline keys``: who may ask the API."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from moodline.cli.options import AsJson, Config, Run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moodline.access import ApiKey

_SCOPES = ("read", "write", "webcam")


def _known_scope(scope: str) -> str:
    if scope not in _SCOPES:
        raise typer.BadParameter(f"{scope!r} is none of {', '.join(_SCOPES)}.")
    return scope


Scope = Annotated[
    str,
    typer.Option(
        metavar="SCOPE",
        callback=_known_scope,
        help="read: ask and follow; write: that, and change; webcam: hand in frames of a browser's webcam.",
    ),
]
Name = Annotated[str, typer.Option(metavar="TEXT", help="Whose it is, to find it again.")]
ForConfig = Annotated[
    bool, typer.Option("--for-config", help="Keep it nowhere; print the line for api.keys in moodline.yaml.")
]


def build_keys() -> typer.Typer:
    """Return the commands about keys."""
    app = typer.Typer(help="Make, list and revoke the keys of the API.", no_args_is_help=True)
    app.command()(create)
    app.command("list")(list_keys)
    app.command()(revoke)
    return app


def create(
    scope: Scope, name: Name = "", for_config: ForConfig = False, run: Run = None, config: Config = None
) -> None:
    """Make a key and print it, this once: only its hash is kept."""
    from moodline.access import new_key, save_key
    from moodline.cli.connection import open_broker

    text, key = new_key(scope, name)  # type: ignore[arg-type]
    if not for_config:
        save_key(open_broker(config, run), key)
    typer.echo(text)
    if for_config:
        typer.echo(f"Add to api.keys in moodline.yaml:\n  - {key.line}", err=True)
    else:
        typer.echo(
            f"Key {key.id} may {scope}. It is not shown again; send it as `Authorization: Bearer KEY`.", err=True
        )


def list_keys(as_json: AsJson = False, run: Run = None, config: Config = None) -> None:
    """List the keys in Redis, without what would let anybody use them."""
    from moodline.access import saved_keys
    from moodline.cli.connection import open_broker

    keys = sorted(saved_keys(open_broker(config, run)).values(), key=lambda key: key.created_at)
    if as_json:
        for key in keys:
            typer.echo(json.dumps({name: getattr(key, name) for name in ("id", "scope", "name", "created_at")}))
    elif keys:
        _print(keys)
    else:
        typer.echo("There is no key; `moodline keys create --scope read` makes one.")


def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As `moodline keys list` shows it.")],
    run: Run = None,
    config: Config = None,
) -> None:
    """Let a key open nothing any more; whoever follows events with it is cut off within seconds."""
    from moodline.access import revoke_key
    from moodline.cli.connection import open_broker

    if not revoke_key(open_broker(config, run), key_id):
        raise typer.BadParameter(
            f"There is no key {key_id!r}; `moodline keys list` shows those that are kept in Redis."
        )
    typer.echo(f"Key {key_id} is revoked.")


def _print(keys: "Sequence[ApiKey]") -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table("id", "scope", "name", "created", box=box.SIMPLE_HEAD, pad_edge=False)
    for key in keys:
        table.add_row(key.id, key.scope, key.name, key.created_at)
    Console().print(table)
