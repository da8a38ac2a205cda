#!/bin/sh
# Install AWS's session-manager-plugin, by hash: no distribution has it as a package. SESSION_MANAGER_PLUGIN is the version,
# or none. The hash of any other version than the usual one has to be given: SESSION_MANAGER_PLUGIN_SHA256.
set -eu
usual=1.2.835.0

fail() { echo "session-manager-plugin: error: $*" >&2; exit 1; }

if [ "$SESSION_MANAGER_PLUGIN" = none ]; then
    echo "session-manager-plugin: left out, as asked. Playbooks reach nodes over SSH alone in this image, not through SSM."
    exit 0
fi
case $(dpkg --print-architecture) in
    amd64) folder=ubuntu_64bit sum=7c6dcad12518571cc7959a713e6a8ae1bdf6ed66fd9bee37dc189e39ca58ae03 ;;
    arm64) folder=ubuntu_arm64 sum=0add94c4c8b6ca63f26e44fd655d662b0f6455a268b5b9ebebee0f462214e928 ;;
    *) fail "AWS has none for $(dpkg --print-architecture). Build for amd64 or arm64, or with SESSION_MANAGER_PLUGIN=none." ;;
esac
if [ -n "${SESSION_MANAGER_PLUGIN_SHA256:-}" ]; then
    sum=$SESSION_MANAGER_PLUGIN_SHA256
elif [ "$SESSION_MANAGER_PLUGIN" != "$usual" ]; then
    fail "the hash of version $SESSION_MANAGER_PLUGIN is not known. Verify AWS's signature of it, and give" \
        "SESSION_MANAGER_PLUGIN_SHA256."
fi
package=/tmp/session-manager-plugin.deb
trap 'rm -f "$package"' EXIT
from=https://s3.amazonaws.com/session-manager-downloads/plugin/$SESSION_MANAGER_PLUGIN/$folder/session-manager-plugin.deb
curl --fail --silent --show-error --retry 3 --output "$package" "$from" ||
    fail "$from could not be fetched. Give this build a way to it, or build with SESSION_MANAGER_PLUGIN=none."
echo "$sum  $package" | sha256sum --check --status || fail "what came from $from is not what was verified: it has another hash."
dpkg --install "$package"
