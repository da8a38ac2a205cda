"""provision.yml and decommission.yml, and what site.yml and backup.yml ask of AWS, by an identity that is held to the policies of
iam_policies.yml: they are enough, and what is taken out of them is missed by name. kit/strict_account.py says how MiniStack reads
policies, and in what it errs.
"""

from __future__ import annotations

import typing as t

import boto3
import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._objects import secret
from ansible_collections.vaultops.cluster.plugins.modules import (
    kms_key,
    kms_key_info,
    vault_certificate_authority,
    vault_record,
)
from botocore.exceptions import ClientError
from kit.account import EVERYTHING, SNAPSHOTS, Run, count
from kit.regions import ministack
from kit.strict_account import Strict
from labkit.settings import REGION

ALLOW = "Allow it in the policy of the identity that runs this"
NEEDED = ("provision", "provision-machines")
NO_BALANCER = {"target group": 0, "target": 0, "load balancer": 0, "listener": 0}

CLUSTER = {"vault-cluster": "prod"}


def write(run_module: t.Callable[..., dict[str, t.Any]], url: str, prefix: str = "records/prod") -> dict[str, t.Any]:
    kept = {"bucket": SNAPSHOTS, "prefix": prefix, "region": REGION, "endpoint_url": url, "tags": CLUSTER}
    return run_module(vault_record, name="canary.json", content="{}", records=kept)


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Strict]:
    with ministack(tmp_path_factory.mktemp("ministack"), is_strict=True) as url:
        yield Strict(url, tmp_path_factory.mktemp("account"))


@pytest.fixture(scope="module")
def refused(account: Strict) -> Run:
    """From nothing, by who may not make the role."""
    return account.restricted("provision", policies=NEEDED, without="iam:CreateRole")


@pytest.fixture(scope="module")
def provisioned(account: Strict, refused: Run) -> Run:
    return account.restricted("provision", policies=NEEDED)


class TestRestricted:
    def test_without_a_policy_nothing_is_made(self, account):
        run = account.restricted("provision", policies=())
        assert run.code != 0, run.output
        assert "ssm:GetParametersByPath" in run.said and ALLOW in run.said, run.said
        assert not any(count(account.made()).values())

    def test_what_is_missing_is_said_by_name(self, refused, account):
        assert refused.code != 0, refused.output
        assert "iam:CreateRole" in refused.said and "vault-node" in refused.said and ALLOW in refused.said, refused.said

    def test_both_policies_are_enough(self, account, provisioned):
        assert provisioned.code == 0, provisioned.output
        assert provisioned.changed
        assert count(account.made()) == {**EVERYTHING, **NO_BALANCER}

    def test_a_second_run_changes_nothing(self, account, provisioned):
        again = account.restricted("provision", policies=NEEDED)
        assert (again.code, again.changed) == (0, 0), again.output

    def test_site_looks_at_the_key_makes_the_ca_and_keeps_the_recovery_keys(
        self, account, provisioned, run_module, tmp_path
    ):
        with account.session("site") as url:
            there = {"region": REGION, "endpoint_url": url}
            (key,) = run_module(kms_key_info, alias="alias/vault-unseal", **there)["kms_keys"]
            assert key["tags"]["vault-cluster"] == "prod"
            ca = {**there, "alias": "alias/vault-test-ca", "required_tags": CLUSTER}
            made = [run_module(kms_key, purpose="ca", **ca)["changed"] for _time in range(2)]
            assert made == [True, False]
            publish = {
                "parameter": "/vaultops/test/ca",
                "path": str(tmp_path / "ca.crt"),
                "common_name": "CA",
                "tags": CLUSTER,
            }
            made = [
                run_module(vault_certificate_authority, step="make", **publish, **ca)["changed"] for _time in range(2)
            ]
            assert made == [True, False]
            keys = secret.Stored("vault/test/recovery", {**there, "tags": CLUSTER}, "SecretString", "")
            version = keys.create("keys")
            assert version and keys.put("more keys", version)
            assert keys.content()[0] == "more keys" and keys.found() == CLUSTER

    def test_site_makes_no_bucket_go(self, account, provisioned):
        with account.session("site") as url, pytest.raises(ClientError, match="AccessDenied.*s3:DeleteBucket"):
            boto3.client("s3", region_name=REGION, endpoint_url=url).delete_bucket(Bucket=SNAPSHOTS)

    def test_a_record_is_written_with_the_policy_of_backups_and_not_without(self, account, provisioned, run_module):
        with account.session("backup") as url:
            said = write(run_module, url)
            assert said["changed"] and not write(run_module, url)["changed"]
        with account.session("backup", without="s3:GetObject") as url:
            said = write(run_module, url)
            assert said["failed"] and "s3:GetObject" in said["msg"] and SNAPSHOTS in said["msg"], said
        # Elsewhere in the bucket, where snapshots are.
        with account.session("backup") as url:
            said = write(run_module, url, "snapshots")
            assert said["failed"] and "AccessDenied" in said["msg"], said

    def test_who_provisions_removes_nothing(self, account, provisioned):
        before = account.made()
        run = account.restricted("decommission", "-e", "vault_decommission=prod", policies=NEEDED)
        assert run.code != 0, run.output
        assert ALLOW in run.said, run.said
        assert account.made() == before

    def test_decommission_removes_with_its_own_policies_alone(self, account, provisioned):
        s3 = account.client("s3")
        for each in s3.list_object_versions(Bucket=SNAPSHOTS).get("Versions", []):
            s3.delete_object(Bucket=SNAPSHOTS, Key=each["Key"], VersionId=each["VersionId"])
        run = account.restricted(
            "decommission", "-e", "vault_decommission=prod", policies=("decommission", "decommission-drill")
        )
        assert run.code == 0, run.output
        # The keys wait for their end.
        assert {kind for kind, number in count(account.made()).items() if number} == {"key", "alias"}
