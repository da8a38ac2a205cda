"""After a change of the CA nothing is left of the old one."""

from __future__ import annotations

import boto3
from ansible_collections.vaultops.cluster.plugins.module_utils._tls.served import look
from cryptography import x509
from labkit.settings import REGION

testinfra_hosts = ["docker://test-vault-1", "docker://test-vault-2", "docker://test-vault-3"]


def test_the_nodes_trust_the_new_ca_alone(host, cluster):
    trusted = x509.load_pem_x509_certificates(host.file("/etc/vault.d/tls/ca.crt").content)
    with open(cluster.connection.ca_cert, "rb") as stream:
        assert trusted == x509.load_pem_x509_certificates(stream.read())
    assert len(trusted) == 1


def test_the_wire_is_the_file_and_clients_accept_it(host, lab, cluster):
    name = next(node.hostname for node in lab.nodes if node.container == host.backend.name)
    seen = look(cluster.connection, name)
    assert seen["problem"] is None
    leaf = x509.load_pem_x509_certificate(host.file("/etc/vault.d/tls/vault.crt").content)
    assert x509.load_der_x509_certificate(seen["der"]) == leaf


def test_what_was_replaced_is_kept_and_no_key_waits(host):
    names = set(host.file("/etc/vault.d/tls").listdir())
    assert names == {"ca.crt", "vault.crt", "vault.key", "replaced"}
    now = x509.load_pem_x509_certificate(host.file("/etc/vault.d/tls/vault.crt").content)
    replaced = [
        host.file(f"/etc/vault.d/tls/replaced/{one}").content
        for one in host.file("/etc/vault.d/tls/replaced").listdir()
    ]
    assert len(replaced) == 2 and now not in map(x509.load_pem_x509_certificate, replaced)


def test_the_alias_leads_to_the_new_key_and_the_old_one_is_left(lab):
    kms = boto3.client("kms", region_name=REGION, endpoint_url=lab.aws_url)
    aliases = {one["AliasName"]: one.get("TargetKeyId") for one in kms.list_aliases()["Aliases"]}
    assert f"alias/vault-{lab.name}-ca-next" not in aliases
    made = [key["KeyId"] for key in kms.list_keys()["Keys"]]
    described = [kms.describe_key(KeyId=one)["KeyMetadata"] for one in made]
    signing = {one["KeyId"]: one["KeyState"] for one in described if one["KeyUsage"] == "SIGN_VERIFY"}
    assert aliases[f"alias/vault-{lab.name}-ca"] in signing
    assert list(signing.values()) == ["Enabled", "Enabled"]
