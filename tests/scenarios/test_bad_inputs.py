"""Every kind of bad input stops the play before a node is changed, and says who, why and what to do."""

from __future__ import annotations

import functools
import json
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from kit.ca import make_key
from kit.certificates import issue, pem
from kit.fault_proxy import Answer, FaultProxy, Rule
from kit.mirror import PROXY_PORT, tampered_mirror
from labkit.docker import docker
from labkit.settings import REGION


@dataclass
class Case:
    """Variables and host variables that differ from the lab's good ones, and what must be said."""

    says: tuple[str, ...]
    variables: dict[str, t.Any] = field(default_factory=dict)
    hosts: dict[str, dict[str, t.Any]] | None = None
    prepare: str | None = None
    rules: tuple[Rule, ...] = ()


DENIED = "AccessDeniedException"
CASES = {
    "wrong version string": Case(("vault_version is '1.21'", "such as 1.21.1"), {"vault_version": "1.21"}),
    "missing archive": Case(("vault-2", "HTTP 404", "Check the version and the mirror"), {"vault_version": "9.9.9"}),
    "wrong checksum": Case(("vault-2", "the checksum of", "signed list"), prepare="mirror_checksum"),
    "wrong signature": Case(("vault-2", "signature", "vault_release_signing_key"), prepare="mirror_signature"),
    "unreadable key": Case(("vault-1", "private key", "can't be read"), prepare="tls_no_key"),
    "key of another certificate": Case(("vault-2", "is not the key of"), prepare="tls_other_key"),
    "certificate without the names": Case(("vault-3", "does not hold 10.0.2.12"), prepare="tls_other_names"),
    "certificate of another CA": Case(("vault-1", "was not signed by"), prepare="tls_other_ca"),
    "expired certificate": Case(("vault-1", "expires at", "Issue a new one"), prepare="tls_expired"),
    "a machine without a program": Case(
        ("vault-2 lacks logrotate", "apt-get install --yes logrotate"), prepare="machine_lacks"
    ),
    "a firewalld that keeps ports closed": Case(
        ("vault-3", "keeps TCP 8201 closed", "--zone=public --add-rich-rule="), prepare="firewalld"
    ),
    "a log where the unit lets nobody write": Case(
        ("log_file", "/srv/vault.log", "/var/log/vault/vault.log"),
        {"vault_server_settings": {"log_file": "/srv/vault.log"}},
    ),
    "unknown alias": Case(
        ("alias/none does not exist", "eu-central-1", "let its owner create key and alias"),
        {"vault_kms_manage": False, "vault_kms_key_alias": "alias/none"},
    ),
    "unreachable KMS": Case(
        ("SSM can't be reached", "eu-central-1"),
        # A file as the sink: before it looks up the key, the run then asks nothing of AWS.
        # By a certificate nobody asks STS, either.
        {
            "vault_custody_sink": "kms_file",
            "vault_aws_endpoint_url": "http://10.0.2.1:5999",
            "vault_login_method": "cert",
        },
    ),
    "somebody else's administrators": Case(
        ("user/moto, as whom this controller logs in, is not among vault_admins", "Add it"),
        {"vault_admins": ["arn:aws:iam::123456789012:role/vault-admin"]},
    ),
    "an administrator who is no ARN": Case(
        ("vault_admins: 'somebody' is not the ARN of an IAM user or role", "Give one such as"),
        {"vault_admins": ["somebody"]},
    ),
    "another way to log in": Case(("vault_login_method", "aws, cert, token"), {"vault_login_method": "ldap"}),
    "no token to begin with": Case(
        ("vault_login_method is token", "there would be no administrator"), {"vault_login_method": "token"}
    ),
    "unreachable AWS": Case(
        ("SSM can't be reached", "Check the region's name, the endpoint and the way out"),
        {"vault_aws_endpoint_url": "http://10.0.2.1:5999"},
    ),
    "controller is denied": Case(
        ("kms:DescribeKey", DENIED, "Allow it"), rules=(Rule("DescribeKey", Answer(DENIED), 1, True),)
    ),
    "node is denied": Case(
        ("vault-3", "kms:Encrypt was refused", DENIED, "The role of this instance needs kms:Encrypt"),
        rules=(Rule("Encrypt", Answer(DENIED), 1, True),),
    ),
    "key is going to be deleted": Case(("is scheduled for deletion", "cancel_deletion"), prepare="key_pending"),
    "key is disabled": Case(("is disabled", "enabled=true"), prepare="key_disabled"),
    "key is somebody else's": Case(("does not carry the tag vault-cluster=test", "tag the key"), prepare="key_foreign"),
    "CA key of another kind": Case(("alias/ca-kind is a", "a CA needs an ECC_NIST_P384 one"), prepare="ca_kind"),
    "CA key is disabled": Case(("alias/ca-disabled", "it can't sign certificates"), prepare="ca_disabled"),
    "CA key is going to be deleted": Case(("alias/ca-pending", "nothing can be signed"), prepare="ca_pending"),
    "CA certificate of another key": Case(
        ("has the CA CN=foreign", "is not the certificate of the KMS key alias/ca-foreign"), prepare="ca_foreign"
    ),
    "duplicate node_id": Case(
        ("vault-2", "vault-1", "Give every host its own"), hosts={"vault_2": {"vault_node_id": "vault-1"}}
    ),
    "two nodes": Case(("2 hosts", "Use 3, 5 or 7"), hosts={"remove": {"vault-3": {}}}),
    "four nodes": Case(("4 hosts", "Use 3, 5 or 7"), hosts={"add": {"vault-4": {"vault_address": "10.0.2.13"}}}),
    "loopback cluster_addr": Case(
        ("vault-3", "loopback", "private address"), hosts={"vault_3": {"vault_cluster_addr": "https://127.0.0.1:8201"}}
    ),
    "no sink": Case(("vault_custody_sink is not set", "secretsmanager"), {"vault_custody_sink": ""}),
    "no file for the sink": Case(
        ("vault_custody_sink is kms_file", "no file is named", "vault_custody_file", "vault_output_dir"),
        {"vault_custody_sink": "kms_file", "vault_output_dir": ""},
    ),
    "no secret, bucket or directory": Case(
        ("vault_custody_secret is empty", "no place to go"), {"vault_custody_secret": "", "vault_output_dir": ""}
    ),
    "a bucket that is not there": Case(
        ("there is no such bucket", "playbooks/provision.yml"), {"vault_snapshot_bucket": "nobodys-bucket"}
    ),
    "a bucket that is another cluster's": Case(
        ("bucket staging-snapshots", "carries the tag vault-cluster=staging", "vault_snapshot_bucket"),
        {"vault_snapshot_bucket": "staging-snapshots"},
        prepare="bucket_foreign",
    ),
    "snapshots where records are kept": Case(
        ("vault_snapshot_prefix is 'records'", "Choose another prefix"),
        {"vault_snapshot_bucket": "nobodys-bucket", "vault_snapshot_prefix": "records"},
    ),
    "pgp sink without keys": Case(("no keys", "every share"), {"vault_custody_sink": "pgp"}),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_input_stops_before_a_node_is_changed(fresh_lab, tmp_path, request, name):
    case = CASES[name]
    variables = dict(case.variables)
    if case.prepare:
        variables |= PREPARE[case.prepare](fresh_lab, tmp_path, request)
    inventory = fresh_lab.inventory(_hosts(fresh_lab, case.hosts)) if case.hosts else None
    before = fresh_lab.fingerprint()

    with FaultProxy((fresh_lab.lab.gateway, PROXY_PORT), fresh_lab.lab.aws_url, case.rules) as proxy:
        if case.rules:
            variables["vault_aws_endpoint_url"] = proxy.url
        code, output = fresh_lab.play("-e", json.dumps(variables), inventory=inventory)

    assert code != 0, output
    missing = [words for words in case.says if words not in " ".join(output.split())]
    assert not missing, f"the output does not say {missing}:\n{output}"
    assert fresh_lab.fingerprint() == before, f"a node was changed:\n{output}"


def _hosts(bench, changes):
    hosts = bench.hosts(**{name: own for name, own in changes.items() if name not in ("add", "remove")})
    hosts |= changes.get("add", {})
    return {name: own for name, own in hosts.items() if name not in changes.get("remove", {})}


# --- a mirror that is not to be trusted


def _other_archive(release: Path) -> None:
    (release / "vault_1.21.1_linux_amd64.zip").write_bytes(b"not what was signed")


def _other_sums(release: Path) -> None:
    sums = release / "vault_1.21.1_SHA256SUMS"
    sums.write_text(sums.read_text().replace("a", "b"))


# --- certificates that don't fit


def _certificates(fault: str, bench, folder: Path, _request) -> dict[str, t.Any]:
    """A CA and a certificate for every node, with one fault in them."""
    ca_key, ca = issue("a CA", [], None, None)
    other_key, other = issue("another CA", [], None, None)
    for node in bench.lab.nodes:
        names = [node.hostname, f"vault.{bench.lab.name}.internal", "localhost", "127.0.0.1", node.address]
        if fault == "names" and node.hostname == "vault-3":
            names.remove(node.address)
        days = -1 if fault == "expired" else 30
        key, certificate = issue(node.hostname, names, ca_key, ca, days)
        if fault == "key" and node.hostname == "vault-2":
            key = other_key
        (folder / f"{node.hostname}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        if fault != "no key" or node.hostname != "vault-1":
            (folder / f"{node.hostname}.key").write_bytes(pem(key))
    given = other if fault == "ca" else ca
    (folder / "ca.crt").write_bytes(given.public_bytes(serialization.Encoding.PEM))
    return {"vault_tls_source": "given", "vault_tls_dir": str(folder)}


# --- machines


def _lacks(bench, _folder: Path, request) -> dict[str, t.Any]:
    node, there = bench.lab.nodes[1].container, "/usr/sbin/logrotate"
    docker("exec", node, "mv", there, f"{there}.away")
    request.addfinalizer(lambda: docker("exec", node, "mv", f"{there}.away", there))
    return {}


# What firewall-cmd says where firewalld runs with one zone, in which one port is open.
FIREWALL_CMD = """#!/bin/sh
case "$1" in
  --state) exit 0 ;;
  --get-zone-of-interface=* | --get-default-zone) echo public ;;
  --get-active-zones) printf 'public (default)\\n  interfaces: eth0\\n' ;;
  --info-zone=*) printf 'public (default, active)\\n  target: default\\n  sources: \\n  services: \\n  ports: 8200/tcp\\n' ;;
  --get-active-policies | --direct) exit 0 ;;
  *) exit 1 ;;
esac
"""


def _firewalld(bench, folder: Path, request) -> dict[str, t.Any]:
    node, there = bench.lab.nodes[2].container, "/usr/bin/firewall-cmd"
    program = folder / "firewall-cmd"
    program.write_text(FIREWALL_CMD)
    program.chmod(0o755)
    docker("cp", str(program), f"{node}:{there}")
    request.addfinalizer(lambda: docker("exec", node, "rm", there))
    return {}


# --- keys that can't unseal


def _key(fault: str, bench, _folder: Path, _request) -> dict[str, t.Any]:
    kms = bench.aws("kms")
    alias = f"alias/{fault}"
    ours = [] if fault == "foreign" else [{"TagKey": "vault-cluster", "TagValue": "test"}]
    key = kms.create_key(KeyUsage="ENCRYPT_DECRYPT", Tags=ours)["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    if fault == "pending":
        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    elif fault == "disabled":
        kms.disable_key(KeyId=key)
    return {"vault_kms_key_alias": alias}


def _foreign_bucket(bench, _folder: Path, _request) -> dict[str, t.Any]:
    s3, tags = bench.aws("s3"), [{"Key": "vault-cluster", "Value": "staging"}]
    s3.create_bucket(Bucket="staging-snapshots", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_tagging(Bucket="staging-snapshots", Tagging={"TagSet": tags})
    return {}


# --- keys that can't sign


def _ca(fault: str, bench, _folder: Path, _request) -> dict[str, t.Any]:
    kms, alias = bench.aws("kms"), f"alias/ca-{fault}"
    kind = {"KeyUsage": "ENCRYPT_DECRYPT", "KeySpec": "SYMMETRIC_DEFAULT"} if fault == "kind" else {}
    key = make_key(bench.lab.aws_url, alias, bench.lab.name, **kind)
    if fault == "pending":
        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    elif fault == "disabled":
        kms.disable_key(KeyId=key)
    elif fault == "foreign":
        text = issue("foreign", [], None, None)[1].public_bytes(serialization.Encoding.PEM).decode()
        bench.aws("ssm").put_parameter(Name="/vaultops/ca-foreign/ca", Value=text, Type="String", Overwrite=True)
    return {"vault_ca_key_alias": alias, "vault_ca_parameter": f"/vaultops/ca-{fault}/ca"}


PREPARE: dict[str, t.Callable[..., dict[str, t.Any]]] = {
    "mirror_checksum": functools.partial(tampered_mirror, _other_archive),
    "mirror_signature": functools.partial(tampered_mirror, _other_sums),
    "tls_no_key": functools.partial(_certificates, "no key"),
    "tls_other_key": functools.partial(_certificates, "key"),
    "tls_other_names": functools.partial(_certificates, "names"),
    "tls_other_ca": functools.partial(_certificates, "ca"),
    "tls_expired": functools.partial(_certificates, "expired"),
    "ca_kind": functools.partial(_ca, "kind"),
    "ca_pending": functools.partial(_ca, "pending"),
    "ca_disabled": functools.partial(_ca, "disabled"),
    "ca_foreign": functools.partial(_ca, "foreign"),
    "key_pending": functools.partial(_key, "pending"),
    "key_disabled": functools.partial(_key, "disabled"),
    "bucket_foreign": _foreign_bucket,
    "machine_lacks": _lacks,
    "firewalld": _firewalld,
    "key_foreign": functools.partial(_key, "foreign"),
}
