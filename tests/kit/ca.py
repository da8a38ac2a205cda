"""A private CA whose key is in a stand-in for KMS, and what it signs, for tests."""

from __future__ import annotations

import datetime
import sys
import typing as t
from pathlib import Path

import boto3
from ansible_collections.amazon.aws.plugins.module_utils.retries import RetryingBotoClientWrapper
from ansible_collections.vaultops.cluster.plugins.module_utils._aws import kms_api
from ansible_collections.vaultops.cluster.plugins.module_utils._tls import authority, signers
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from labkit.settings import REGION

PEM = serialization.Encoding.PEM


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(PEM).decode()


def kms(url: str) -> t.Any:
    return RetryingBotoClientWrapper(boto3.client("kms", region_name=REGION, endpoint_url=url), kms_api.RETRY)


def tags_of(cluster: str) -> dict[str, str]:
    return {"vault-cluster": cluster}


def make_key(url: str, alias: str, cluster: str = "prod", **kind: str) -> str:
    """An asymmetric key of that cluster, or, without its name, of nobody's, known by the alias; its id."""
    tags = [{"TagKey": name, "TagValue": value} for name, value in tags_of(cluster).items() if value]
    client = boto3.client("kms", region_name=REGION, endpoint_url=url)
    created = client.create_key(**{"KeyUsage": "SIGN_VERIFY", "KeySpec": "ECC_NIST_P384", "Tags": tags, **kind})
    made = created["KeyMetadata"]["KeyId"]
    client.create_alias(AliasName=alias, TargetKeyId=made)
    return made


def signer(url: str, alias: str) -> signers.KmsSigner:
    client = kms(url)
    metadata = kms_api.describe(client, alias)
    assert metadata, f"{alias} does not exist"
    return signers.KmsSigner(client, alias, metadata["Arn"])


def keys_of(url: str, cluster: str) -> signers.Keys:
    return signers.Keys(kms(url), f"alias/vault-{cluster}-ca", REGION, tags_of(cluster))


def published(url: str, name: str) -> str:
    return boto3.client("ssm", region_name=REGION, endpoint_url=url).get_parameter(Name=name)["Parameter"]["Value"]


def issue_client(url: str, cluster: str, bundle: str, name: str, folder: Path, days: int = 1) -> None:
    """Certificate and key, as files, of who logs in with this common name, by the first CA of the bundle."""
    key = authority.new_key()
    wanted: t.Any = {"common_name": name, "names": [name], "usage": ["clientAuth"], "days": days}
    now = datetime.datetime.now(datetime.timezone.utc)
    ca = x509.load_pem_x509_certificate(bundle.encode())
    signs = keys_of(url, cluster).signer(ca)
    made = authority.certificate(ca, signs, key.public_key(), wanted, now)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / f"{name}.key").write_bytes(authority.private(key))
    (folder / f"{name}.crt").write_bytes(made.public_bytes(PEM))


def expired(url: str, cluster: str, node: str, address: str) -> dict[str, str]:
    """Certificate and key of a node, as its files: of the cluster's CA, and expired three days ago."""
    ca = x509.load_pem_x509_certificate(published(url, f"/vaultops/{cluster}/ca").encode())
    names = [node, f"vault.{cluster}.internal", "localhost", "127.0.0.1", address]
    wanted: t.Any = {"common_name": node, "names": names, "usage": ["serverAuth", "clientAuth"], "days": 397}
    begun = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=400)
    key = authority.new_key()
    made = authority.certificate(ca, signer(url, f"alias/vault-{cluster}-ca"), key.public_key(), wanted, begun)
    return {"vault.crt": pem(made), "vault.key": authority.private(key).decode()}


def sign_request(url: str, cluster: str, *names: str) -> str:
    """A certificate of the cluster's CA for the request that is read, with the first name as its common name."""
    ca = x509.load_pem_x509_certificate(published(url, f"/vaultops/{cluster}/ca").encode())
    wanted: t.Any = {"common_name": names[0], "names": names, "usage": ["serverAuth", "clientAuth"], "days": 397}
    key = authority.requested_key(sys.stdin.read())
    signs = keys_of(url, cluster).signer(ca)
    return pem(authority.certificate(ca, signs, key, wanted, datetime.datetime.now(datetime.timezone.utc)))


if __name__ == "__main__":
    print(sign_request(*sys.argv[1:]), end="")
