#!/bin/sh
# Makes a virtual environment: make-venv.sh FOLDER [PYTHON]
# Without PYTHON the first one on the PATH is taken that runs and is 3.11 or later.
set -eu

folder=$1
wanted=${2:-}

# A name on the PATH proves nothing: pyenv's shims exist for versions that are not active.
runs() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    for name in ${wanted:-python3 python3.13 python3.12 python3.11 python3.14}; do
        if runs "$name"; then
            echo "$name"
            return
        fi
    done
    if [ -n "$wanted" ]; then found="PYTHON=$wanted is none that runs"; else found="the PATH has none"; fi
    echo "moodline needs Python 3.11 or later and $found:" \
        "install one, or name it with make PYTHON=/path/to/python3." >&2
    return 1
}

# Debian's Python comes without ensurepip (package python3-venv); its own pip can then fill the environment.
make_venv() {
    rm -rf "$folder"
    "$1" -m venv "$folder" >/dev/null 2>&1 && return
    "$1" -m venv --without-pip --clear "$folder"
    "$1" -m pip --python "$folder/bin/python" install --quiet --disable-pip-version-check pip
}

if ! runs "$folder/bin/python" || ! "$folder/bin/python" -m pip --version >/dev/null 2>&1; then
    python=$(find_python)
    make_venv "$python"
fi
