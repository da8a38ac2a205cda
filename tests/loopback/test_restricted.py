"""provision.yml by an identity that is held to its policies. The stand-in verifies signatures and has IAM decide; how it reads
IAM is its own, as the simulator's and the tests' readings are.
"""

from __future__ import annotations

import json
import typing as t

import pytest
from kit.account import ACCOUNT, Account, Run
from kit.regions import ROOT_KEY, ministack

IMAGE = "ami-0c2023a1b2c3d4e5f"
RUNNER = f"arn:aws:iam::{ACCOUNT}:role/runner"
ANYBODY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}],
}
VARIABLES = {"vault_ec2_image_id": IMAGE, "vault_kms_administrators": [f"arn:aws:iam::{ACCOUNT}:root", RUNNER]}


class Strict(Account):
    key, reset = ROOT_KEY, "/_ministack/reset"

    def _fill(self, subnet: str) -> str:
        return subnet

    def as_runner(self, *policies: str) -> dict[str, str | None]:
        """Credentials of a role with these policies of the playbook's and no other."""
        iam = self.client("iam")
        for name in iam.list_role_policies(RoleName="runner")["PolicyNames"]:
            iam.delete_role_policy(RoleName="runner", PolicyName=name)
        for name in policies:
            path = self.folder / "output" / "policies" / f"prod-{name}.json"
            iam.put_role_policy(RoleName="runner", PolicyName=name, PolicyDocument=path.read_text())
        made = self.client("sts").assume_role(RoleArn=RUNNER, RoleSessionName="somebody")["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": made["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"],
            "AWS_SESSION_TOKEN": made["SessionToken"],
        }


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Strict]:
    with ministack(tmp_path_factory.mktemp("ministack"), is_strict=True) as url:
        made = Strict(url, tmp_path_factory.mktemp("account"))
        made.client("iam").create_role(RoleName="runner", AssumeRolePolicyDocument=json.dumps(ANYBODY))
        written = made.run("iam_policies", variables={**VARIABLES, "vault_output_dir": str(made.folder / "output")})
        assert written.code == 0, written.output
        yield made


def provision(account: Strict, *policies: str) -> Run:
    return account.provision(variables=VARIABLES, environment=account.as_runner(*policies))


def test_without_a_policy_nothing_is_done(account):
    refused = provision(account)
    assert refused.code != 0, refused.output


def test_half_of_the_policies_stops_at_the_machines(account):
    stopped = provision(account, "provision")
    assert stopped.code != 0, stopped.output


def test_both_are_enough_from_nothing_and_once_more(account):
    first = provision(account, "provision", "provision-machines")
    assert first.code == 0, first.output
    again = provision(account, "provision", "provision-machines")
    assert (again.code, again.changed) == (0, 0), again.output
