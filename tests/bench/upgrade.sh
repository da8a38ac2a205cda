#!/usr/bin/env bash
# What a person would type to bring three nodes to another version: standbys first, the active node last, and after each a look
# at its health. No snapshot, no signature, no gate on Raft.
#   upgrade.sh CONTAINER_PREFIX NETWORK TARGET CA_FILE
set -euo pipefail
prefix=$1 network=$2 target=$3 ca=$4
archive=vault_${target}_linux_amd64.zip
health() { curl --silent --cacert "$ca" "$@" "https://$network.$((9 + node)):8200/v1/sys/health"; }
upgrade() {
    docker exec "$prefix"vault-"$node" sh -ec "
        ln -sfn /opt/vault/releases/$target/vault /usr/local/bin/vault
        systemctl restart vault"
    until health | grep --quiet "\"sealed\":false.*\"version\":\"$target\""; do sleep 0.2; done
}

for node in 1 2 3; do
    docker exec "$prefix"vault-"$node" python3 -c "
import io, os, urllib.request, zipfile
archive = urllib.request.urlopen('http://$network.1:8080/vault/$target/$archive').read()
os.makedirs('/opt/vault/releases/$target', exist_ok=True)
zipfile.ZipFile(io.BytesIO(archive)).extract('vault', '/opt/vault/releases/$target')
os.chmod('/opt/vault/releases/$target/vault', 0o755)" &
done
wait
active=0
for node in 1 2 3; do
    if [ "$(health --output /dev/null --write-out '%{http_code}')" = 200 ]; then active=$node; else upgrade; fi
done
node=$active
upgrade
