"""The command line: one module a command, nothing heavy imported before a command runs."""

import sys


def main() -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 wrong usage or configuration, 130 on Ctrl-C.

    What goes wrong for a reason that moodline knows is one sentence on stderr, without a traceback.
    """
    from moodline.cli.app import build_app
    from moodline.errors import MoodlineError
    from moodline.redact import redact_text

    try:
        build_app()(prog_name="moodline")
    except MoodlineError as error:
        print(redact_text(str(error)), file=sys.stderr)  # noqa: T201 - the command line speaks to its user
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
