#!/usr/bin/env bash
# Install what the lab and the tests need. Quick when it is all there.
# Usage: setup.sh CACHE PACKAGE...
set -euo pipefail
cache=$1
shift

fail() { echo "setup: error: $*" >&2; exit 1; }

[ "$(id -u)" = 0 ] || fail "the lab needs root: it runs containers, a network bridge and a Docker engine. Run make as root."
command -v apt-get >/dev/null || fail "this is not Debian: apt-get is missing. Use a Debian 12."
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "python3 is older than 3.11. Use a Debian 12."

missing=()
for package in "$@"; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
    echo "setup: installing ${missing[*]}; usually a minute"
    export DEBIAN_FRONTEND=noninteractive
    if ! apt-get -qq update || ! apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null; then
        fail "could not install ${missing[*]} from Debian's packages."
    fi
fi

# One environment for each set of requirements, outside the checkout, so that a fresh clone finds it again.
wanted=$(cat requirements.txt constraints.txt tests/requirements-*.txt <(python3 --version) | sha256sum | cut -c1-12)
venv="$cache/venv-$wanted"
if [ ! -e "$venv/.complete" ]; then
    echo "setup: installing the Python packages of requirements.txt; usually 1-2 minutes"
    rm -rf "$venv"
    mkdir -p "$cache"
    python3 -m venv "$venv"
    # Python compiles what is imported; to compile all of it here would double the time.
    "$venv/bin/pip" install --quiet --disable-pip-version-check --no-compile -r requirements.txt -c constraints.txt ||
        fail "could not install the Python packages of requirements.txt."
    for file in tests/requirements-*.txt; do
        "$venv/bin/pip" install --quiet --disable-pip-version-check --no-compile --no-deps --require-hashes -r "$file" ||
            fail "could not install the Python packages of $file."
    done
    touch "$venv/.complete"
fi
ln -sfn "$venv" .venv

# The checkout is its own collection.
collection=.ansible/collections/ansible_collections/vaultops
mkdir -p "$collection"
ln -sfn ../../../.. "$collection/cluster"
