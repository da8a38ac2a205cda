#!/usr/bin/env bash
# What a person would type to give three nodes new certificates: issue, copy, reload.
#   certificates.sh CONTAINER_PREFIX NETWORK CLUSTER DIRECTORY_OF_THE_CA
set -euo pipefail
prefix=$1 network=$2 cluster=$3 tls=$4
for node in 1 2 3; do
    name=vault-$node
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$name" -keyout "$tls/$name.key" 2>/dev/null |
        openssl x509 -req -CA "$tls/ca.crt" -CAkey "$tls/ca.key" -CAcreateserial -days 397 -out "$tls/$name.crt" -extfile <(
            echo "subjectAltName=DNS:$name,DNS:vault.$cluster.internal,DNS:localhost,IP:$network.$((9 + node)),IP:127.0.0.1"
        ) 2>/dev/null
    for file in crt key; do
        docker exec -i "$prefix$name" sh -c "cat >/etc/vault.d/tls/vault.$file" <"$tls/$name.$file"
    done
    docker exec "$prefix$name" systemctl reload vault
done
