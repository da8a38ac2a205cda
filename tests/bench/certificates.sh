#!/usr/bin/env bash
# What a person would type to give three nodes new certificates of a CA in KMS: a key and a request there, signed, copied, reloaded.
#   certificates.sh CONTAINER_PREFIX NETWORK CLUSTER URL_OF_AWS
set -euo pipefail
prefix=$1 network=$2 cluster=$3 aws=$4
for node in 1 2 3; do
    name=vault-$node
    docker exec "$prefix$name" sh -c "cd /etc/vault.d/tls && openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
        -subj /CN=$name -keyout new.key 2>/dev/null" |
        python -m kit.ca "$aws" "$cluster" "$name" "vault.$cluster.internal" localhost "$network.$((9 + node))" 127.0.0.1 |
        docker exec -i "$prefix$name" sh -c "cd /etc/vault.d/tls && cat >vault.crt && chown vault new.key && mv new.key vault.key"
    docker exec "$prefix$name" systemctl reload vault
done
