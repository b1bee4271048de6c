#!/bin/sh
# Looks for keys and tokens in every file of the checkout, or in the given ones; ends with exit code 1 if there are any.
# Without the guesses (random looking text, words like "password"): tests are full of throw-away passwords, and a list of
# exceptions that grows with every test is read by nobody. tests/deploy/test_safety.py looks for passwords of our own.
set -eu

BIN=${BIN:-.venv/bin}
if [ "$#" -eq 0 ]; then
    git ls-files -z --cached --others --exclude-standard | xargs -0 "$0"
    exit
fi
exec "$BIN/detect-secrets-hook" --disable-plugin KeywordDetector --disable-plugin Base64HighEntropyString \
    --disable-plugin HexHighEntropyString --disable-plugin BasicAuthDetector --disable-plugin IPPublicDetector "$@"
