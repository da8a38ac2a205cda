#!/usr/bin/env bash
# Another ansible-core, with a Python and the collections that go with it, for tests/lab/env with VAULTOPS_ANSIBLE.
# Usage: setup.sh CACHE VERSION
set -euo pipefail
cache=$1 version=$2
here=$(dirname "$0")

fail() { echo "versions: error: $*" >&2; exit 1; }

# Which Python, and which package of collections: of the package only what is needed is unpacked.
case $version in
    2.16) python=3.11 ansible=ansible==13.8.0 sum=daf9c9a2850bbc6c098ba3368aeba99d4ae37c90bca47f974dc19342c0571361 ;;
    2.21) python=3.13 ansible=ansible==14.5.0 sum=245623ccc2d31d0f6f4bdb63168d550cad305fb032cc43d96e8f61ce8ab0ba84 ;;
    *) fail "there are no requirements for ansible-core $version. VAULTOPS_ANSIBLE is 2.16 or 2.21." ;;
esac
venv=$("$here/../venv.sh" "$cache" "ansible-$version" "$python" "$here/$version.txt")
names=(amazon/aws community/aws community/docker)
collections="$cache/collections-$(echo "$sum ${names[*]}" | sha256sum | cut -c1-12)"
if [ ! -e "$collections/.complete" ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    echo "$ansible --hash=sha256:$sum" >"$work/requirements"
    # What is unpacked runs on an older Python than the package asks for.
    "$venv/bin/python" -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary :all: \
        --python-version 3.13 --dest "$work" -r "$work/requirements" || fail "could not fetch $ansible."
    rm -rf "$collections"
    mkdir -p "$collections"
    "$venv/bin/python" - "$work"/*.whl "$collections" "${names[@]}" <<'EOF'
import sys
import zipfile

with zipfile.ZipFile(sys.argv[1]) as wheel:
    wanted = tuple(f"ansible_collections/{name}/" for name in sys.argv[3:])
    wheel.extractall(sys.argv[2], [name for name in wheel.namelist() if name.startswith(wanted)])
EOF
    touch "$collections/.complete"
fi
mkdir -p ".ansible/versions"
ln -sfn "$venv" ".ansible/versions/$version"
ln -sfn "$collections" ".ansible/versions/$version-collections"
