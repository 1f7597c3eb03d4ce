#!/bin/sh
# Writes constraints.txt anew: the newest versions that satisfy pyproject.toml, for every Python and platform at once.
set -eu
cd "$(dirname "$0")/.."
{
  echo "# Pinned versions of everything that any extra installs. Made by tools/pin.sh; use with pip install -c."
  .venv/bin/uv pip compile -q --universal --python-version 3.11 --all-extras --prerelease=if-necessary-or-explicit \
    --no-emit-index-url --no-header --no-annotate pyproject.toml
} > constraints.txt.new
mv constraints.txt.new constraints.txt
