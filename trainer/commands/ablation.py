"""`ablate`: the variants of a plan, trained, compared, and written into the docs."""

import logging
from pathlib import Path
from typing import Annotated

import typer

from trainer.commands.options import Data, MarkdownFile

log = logging.getLogger(__name__)

Out = Annotated[Path, typer.Option(help="Folder of the runs, one for each variant, and of PLAN.csv.")]
PlanName = Annotated[str, typer.Option("--plan", help="Name of a plan, or path of a TOML file.")]


def ablate(data: Data, out: Out, plan: PlanName = "ablation", into: MarkdownFile = None) -> None:
    """Train what differs from a recipe in one thing each, and compare; Ctrl-C and the same command go on."""
    from trainer.ablation.cost import cost_table
    from trainer.ablation.plan import read_plan
    from trainer.ablation.table import all_rows, markdown, write_csv
    from trainer.ablation.trainings import train_all
    from trainer.card import put_section
    from trainer.data import read_training
    from trainer.provenance import machine_and_day

    how = read_plan(plan)
    faces, validation = read_training(data)
    try:
        found = train_all(how, data, faces, validation, out)
        cost = [cost_table(how, how.faces(faces), validation, out)] if how.cost else []
    except KeyboardInterrupt:
        typer.echo(f"stopped; the same command goes on where {out} ends", err=True)
        raise typer.Exit(130) from None
    rows = all_rows(how, found, validation)
    tables = "\n\n".join([markdown(how, rows, machine_and_day()), *cost])
    typer.echo(tables)
    write_csv(out / f"{how.name}.csv", rows)
    if into is not None:
        put_section(into, how.name, tables)
