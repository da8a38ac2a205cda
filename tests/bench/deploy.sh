#!/usr/bin/env bash
# What the play does, as a plain script: the floor that it is measured against. No checks, no second run, no mercy.
# Usage: deploy.sh PREFIX NETWORK WORKDIR [NAME [shamir]]
# NAME is the cluster's, by which its machines are tagged.
# With 'shamir' a person unseals it: 5 keys, of which 3 open a node, and a root token that stays, all in WORKDIR/init.json.
set -Eeuo pipefail
trap 'echo "line $LINENO: $BASH_COMMAND" >&2' ERR
prefix=$1 network=$2 work=$3 name=${4:-test} seal=${5:-awskms}
version=1.21.1
aws="http://$network.1:5000"
mirror="http://$network.1:8080"
mkdir -p "$work" && cd "$work"

boto() { python3 -c "
import boto3, sys
kms, secrets = (boto3.client(name, region_name='eu-central-1', endpoint_url='$aws') for name in ('kms', 'secretsmanager'))
$1"; }

boto "
key = kms.create_key(KeyUsage='ENCRYPT_DECRYPT', Description='Unseals Vault')['KeyMetadata']['KeyId']
kms.create_alias(AliasName='alias/vault-unseal', TargetKeyId=key)
kms.enable_key_rotation(KeyId=key)"

openssl ecparam -name secp384r1 -genkey -noout -out ca.key
openssl req -x509 -new -key ca.key -days 3650 -subj "/CN=CA" -out ca.crt 2>/dev/null
certificate() { # NAME SANS USAGE
    openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"
    openssl req -new -key "$1.key" -subj "/CN=$1" -out "$1.csr" 2>/dev/null
    printf 'subjectAltName=%s\nextendedKeyUsage=%s\n' "$2" "$3" >"$1.ext"
    openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -set_serial "0x$(openssl rand -hex 8)" -days 397 -extfile "$1.ext" -out "$1.crt" 2>/dev/null
}
certificate vaultops-operator DNS:vaultops-operator clientAuth

node() {
    local n=$1 address="$network.$((9 + $1))" container="${prefix}vault-$1"
    certificate "vault-$n" "DNS:vault-$n,DNS:vault.$name.internal,DNS:localhost,IP:127.0.0.1,IP:$address" serverAuth
    docker exec -i "$container" sh -euc "
        useradd --system --home-dir /opt/vault --shell /usr/sbin/nologin vault
        mkdir -p /opt/vault/releases/$version /etc/vault.d/tls
        install -d -o vault -g vault -m 0700 /opt/vault/data /var/log/vault
        cd /tmp
        python3 - <<PY
import base64, hashlib, re, urllib.request as u, zipfile
for name in ('vault/$version/vault_${version}_SHA256SUMS', 'vault/$version/vault_${version}_SHA256SUMS.sig',
             'vault/$version/vault_${version}_linux_amd64.zip', 'lab-signing-key.asc'):
    u.urlretrieve('$mirror/' + name, name.rpartition('/')[2])
armor = open('lab-signing-key.asc').read()
open('keyring', 'wb').write(base64.b64decode(re.search(r'\n\n(.+?)\n=', armor, re.S).group(1)))
zipfile.ZipFile('vault_${version}_linux_amd64.zip').extract('vault', '/opt/vault/releases/$version')
PY
        gpgv --keyring ./keyring vault_${version}_SHA256SUMS.sig vault_${version}_SHA256SUMS 2>/dev/null
        sha256sum --quiet -c vault_${version}_SHA256SUMS
        rm -f keyring lab-signing-key.asc vault_*
        chmod 0755 /opt/vault/releases/$version/vault
        ln -s /opt/vault/releases/$version/vault /usr/local/bin/vault"
    docker cp -q "ca.crt" "$container:/etc/vault.d/tls/ca.crt" 2>/dev/null || docker cp "ca.crt" "$container:/etc/vault.d/tls/ca.crt"
    docker cp "vault-$n.crt" "$container:/etc/vault.d/tls/vault.crt"
    docker cp "vault-$n.key" "$container:/etc/vault.d/tls/vault.key"
    sed -e "s/10\.0\.1\.10/$address/g; s/vault-1/vault-$n/; s/prod/$name/g; s#addr_type#endpoint=$aws addr_type#" \
        -e "s#kms_key_id = .*#&\n  endpoint   = \"$aws\"#" "$OLDPWD/tests/golden/auto_join.hcl" |
        if [ "$seal" = shamir ]; then sed '/^seal /,/^}/d'; else cat; fi |
        docker exec -i "$container" sh -c 'cat >/etc/vault.d/vault.hcl'
    docker exec -i "$container" sh -c 'cat >/etc/vault.d/reload.hcl' <<<'log_level = "info"'
    docker exec -i "$container" sh -c 'cat >/etc/systemd/system/vault.service' <"$OLDPWD/tests/golden/vault.service"
    docker exec "$container" sh -c "chown vault /etc/vault.d/tls/vault.key && chmod 0400 /etc/vault.d/tls/vault.key &&
        systemctl daemon-reload && systemctl enable --quiet --now vault"
}
jobs=()
for n in 1 2 3; do node $n & jobs+=($!); done
for job in "${jobs[@]}"; do wait "$job"; done

address=https://$network.10:8200
api() { curl --silent --show-error --fail --cacert ca.crt -H "X-Vault-Token: ${token:-}" "$@"; }
until curl --silent --cacert ca.crt "$address/v1/sys/health" >/dev/null; do sleep 0.2; done
kind=recovery
[ "$seal" = awskms ] || kind=secret
api -X PUT -d "{\"${kind}_shares\": 5, \"${kind}_threshold\": 3}" "$address/v1/sys/init" >init.json
boto "secrets.create_secret(Name='init-by-hand', SecretString=open('init.json').read())"
token=$(python3 -c 'import json; print(json.load(open("init.json"))["root_token"])')
# A node that joins waits for the keys, and calls itself initialised only with them.
for n in 1 2 3; do
    [ "$seal" = shamir ] || break
    node_address=https://$network.$((9 + n)):8200
    until api "$node_address/v1/sys/health?standbyok=true" >/dev/null 2>&1; do
        for place in 0 1 2; do
            python3 -c "import json; print(json.dumps({'key': json.load(open('init.json'))['keys'][$place]}))" |
                api -X PUT -d @- "$node_address/v1/sys/unseal" >/dev/null 2>&1 || true
        done
        sleep 0.5
    done
done
until api "$address/v1/sys/health" >/dev/null 2>&1; do sleep 0.2; done

api -X POST -d '{"type": "cert"}' "$address/v1/sys/auth/cert"
capabilities='{ capabilities = [\"create\", \"read\", \"update\", \"delete\", \"list\", \"sudo\"] }'
api -X PUT -d "{\"policy\": \"path \\\"sys/*\\\" $capabilities path \\\"auth/*\\\" $capabilities\"}" "$address/v1/sys/policies/acl/vaultops-operator"
python3 -c 'import json; print(json.dumps({"certificate": open("ca.crt").read(), "allowed_common_names": "vaultops-operator", "token_policies": "vaultops-operator"}))' |
    api -X POST -d @- "$address/v1/auth/cert/certs/vaultops-operator"
api -X PUT -d '{"type": "file", "options": {"file_path": "/var/log/vault/audit.log"}}' "$address/v1/sys/audit/file"
api -X PUT -d '{"type": "file", "options": {"file_path": "stdout"}}' "$address/v1/sys/audit/journal"
api -X POST -d '{"min_quorum": 3, "dead_server_last_contact_threshold": "24h"}' "$address/v1/sys/storage/raft/autopilot/configuration"
until [ "$(api "$address/v1/sys/storage/raft/autopilot/state" | python3 -c '
import json, sys
state = json.load(sys.stdin)["data"]
print(state["healthy"] and len(state.get("voters") or []))')" = 3 ]; do sleep 0.3; done
[ "$seal" = shamir ] || api -X POST "$address/v1/auth/token/revoke-self"
