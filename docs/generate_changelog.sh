#!/usr/bin/env bash
# Writes CHANGELOG.md from changelogs/: 'make docs'. What is not released yet stands in its fragments alone, so it is released in
# a copy. With --check it only compares, and ends with an error where the file is not current.
set -euo pipefail
cd "$(dirname "$0")/.."
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -r galaxy.yml changelogs "$copy/"
version=$(sed -n 's/^version: //p' galaxy.yml)
(cd "$copy" && if compgen -G 'changelogs/fragments/*.yml' >/dev/null; then antsibull-changelog release --version "$version"; else antsibull-changelog generate; fi) >/dev/null
if [ "${1:-}" != --check ]; then
    cp "$copy/CHANGELOG.md" CHANGELOG.md
elif ! cmp --silent "$copy/CHANGELOG.md" CHANGELOG.md; then
    echo "CHANGELOG.md is not what changelogs/ says. Change that, and run 'make docs'." >&2
    exit 1
fi
