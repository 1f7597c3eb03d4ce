#!/bin/sh
# Makes .venv with the pinned packages. Usage: tools/venv.sh EXTRAS, e.g. tools/venv.sh train,verify
# Picks the first Python 3.11 to 3.13 it finds; PYTHON=/path/to/python chooses another.
set -eu
cd "$(dirname "$0")/.."

suits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1; }

python=
for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
  if suits "$candidate"; then python=$candidate; break; fi
done
if [ -z "$python" ]; then
  echo "No Python 3.11, 3.12 or 3.13 found (tried: ${PYTHON:-python3 python3.13 python3.12 python3.11})." \
       "Install one, or name it: make PYTHON=/path/to/python3.12" >&2
  exit 1
fi
if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
  version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  echo "Python's venv module is missing. Run: sudo apt install python$version-venv" >&2
  exit 1
fi
if [ ! -x .venv/bin/pip ] || ! suits .venv/bin/python; then
  echo "Making .venv with $("$python" --version)" >&2
  "$python" -m venv --clear .venv
fi
echo "Installing pinned packages (about 2.5 GB on disk, the first time takes a few minutes)" >&2
PIP_CONSTRAINT="$PWD/constraints.txt" PIP_DISABLE_PIP_VERSION_CHECK=1 \
  .venv/bin/pip install --quiet --editable ".[$1]"
