#!/usr/bin/env python3
"""Health check of the images, which have no curl: healthy URL [LINE].

Exit code 0 if the URL answers with a success, and with the LINE if one is given; else 1 with a sentence.
"""

import sys
import urllib.error
import urllib.request

TIMEOUT_S = 4


def main(arguments: list[str]) -> int:
    """Ask the URL in ``arguments``. Returns the exit code."""
    if len(arguments) not in {1, 2} or not arguments[0].startswith("http://"):
        print("usage: healthy http://HOST:PORT/PATH [LINE]", file=sys.stderr)
        return 2
    url, *wanted = arguments
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:  # noqa: S310 - only http:// gets here
            lines = answer.read().decode().splitlines()
    except (urllib.error.URLError, OSError) as error:
        print(f"{url}: {error}", file=sys.stderr)
        return 1
    if missing := [line for line in wanted if line not in lines]:
        print(f"{url} answers without the line {missing[0]!r}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
