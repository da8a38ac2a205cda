#!/usr/bin/env bash
# An environment of Python packages beside the checkout's own, one for each set of requirements. Says where it is.
# Usage: venv.sh CACHE NAME PYTHON REQUIREMENTS
set -euo pipefail
cache=$1 name=$2 version=$3 requirements=$4

fail() { echo "venv: error: $*" >&2; exit 1; }

python=$(command -v "python$version" || true)
# pyenv has shims of versions that are not switched on.
if ! "$python" --version >/dev/null 2>&1 && command -v pyenv >/dev/null; then
    python=$(find "$(pyenv root)/versions" -path "*/$version.*/bin/python$version" | sort -V | tail -n 1)
fi
[ -n "$python" ] || fail "there is no python$version. Install it, such as by 'pyenv install $version'."

wanted=$(cat "$requirements" <("$python" --version) | sha256sum | cut -c1-12)
venv="$cache/$name-$wanted"
if [ ! -e "$venv/.complete" ]; then
    echo "venv: installing $requirements for $("$python" --version); usually a minute" >&2
    rm -rf "$venv"
    mkdir -p "$cache"
    "$python" -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r "$requirements" >&2 ||
        fail "could not install $requirements."
    touch "$venv/.complete"
fi
echo "$venv"
