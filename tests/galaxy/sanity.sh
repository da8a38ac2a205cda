#!/usr/bin/env bash
# ansible-test sanity on what the tarball holds, beside what the collection depends on.
# Usage: sanity.sh CACHE [OPTION OF ansible-test sanity]...
set -euo pipefail
cache=$1
shift
# Outside of the checkout: inside, it would ask git, which ignores such a tree.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/ansible_collections
installed=$(python -c 'import importlib.util; print(*importlib.util.find_spec("ansible_collections").submodule_search_locations, sep="\n")')

mkdir -p "$tree/vaultops/cluster" "$tree/community"
while IFS= read -r parent; do
    for name in amazon community/aws; do
        if [ -d "$parent/$name" ] && [ ! -e "$tree/$name" ]; then ln -s "$parent/$name" "$tree/$name"; fi
    done
done <<<"$installed"
ansible-galaxy collection build --output-path "$work" >/dev/null
tar --extract --file "$work"/*.tar.gz --directory "$tree/vaultops/cluster"

# It would fetch pip's installer from a host that is no package index. Python has one.
export HOME="$cache/ansible-test"
mkdir -p "$HOME/.ansible/test/cache"
for pip in 23.1.2 24.2 25.2; do
    cat >"$HOME/.ansible/test/cache/get_pip_${pip//./_}.py" <<EOF
import subprocess
import sys

for command in (["ensurepip", "--default-pip"], ["pip", "install", "--quiet", "--disable-pip-version-check", "pip==$pip"]):
    subprocess.run([sys.executable, "-m", *command], check=True)
EOF
done
unset ANSIBLE_HOME ANSIBLE_COLLECTIONS_PATH PYTHONPATH
export LC_ALL=C.UTF-8
cd "$tree/vaultops/cluster"
ansible-test sanity --local --python "$(python -c 'import sys; print("%d.%d" % sys.version_info[:2])')" --color no "$@"
