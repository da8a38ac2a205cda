"""Path, boundary and tags as a company asks for them, and what keeps them from being so."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._aws import rules

ARN = "arn:aws:iam::111122223333"
BOUNDARY = f"{ARN}:policy/boundary"


def thing(kind, where):
    return {"kind": kind, "name": where.rpartition("/")[2], "id": f"{ARN}:{where}", "named": True}


def problems(things=(), path="/", boundary="", tags=None):
    return rules.problems(list(things), path, boundary, tags or {}, "vault-cluster", "vault-node")


@pytest.mark.parametrize("path", ["/", "/company/", "/company/vault/"])
@pytest.mark.parametrize("boundary", ["", BOUNDARY, "arn:aws-cn:iam::aws:policy/ReadOnlyAccess"])
def test_what_can_be_kept(path, boundary):
    here = [thing("role", f"role{path}vault-node"), thing("instance_profile", f"instance-profile{path}vault-node")]
    assert problems(here, path, boundary, {"Service": "vault", "CostCenter": "4711"}) == []


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"path": "company"}, "vault_iam_path is 'company'. It begins and ends with a slash"),
        ({"path": "/company"}, "It begins and ends with a slash"),
        ({"path": "/" + "x" * 511 + "/"}, "It begins and ends with a slash"),
        ({"boundary": "boundary"}, "vault_iam_permissions_boundary is 'boundary', which is no policy's ARN"),
        ({"boundary": f"{ARN}:role/boundary"}, "which is no policy's ARN"),
        ({"tags": {"vault-cluster": "other"}}, "vault_aws_tags has vault-cluster."),
        (
            {"tags": {"Name": "x", "AWS:cost": "y", "vault-volumes": "z"}},
            "vault_aws_tags has AWS:cost, Name, vault-volumes.",
        ),
        ({"tags": {f"k{number}": "" for number in range(41)}}, "vault_aws_tags has 41 tags. Give 40 at most"),
        ({"tags": {"k" * 129: ""}}, "is not as AWS takes it: a key has 1 to 128 characters"),
        ({"tags": {"k": "v" * 257}}, "vault_aws_tags: 'k' is not as AWS takes it"),
    ],
)
def test_what_can_not(asked, says):
    (said,) = problems(**asked)
    assert says in said


@pytest.mark.parametrize(
    ("has", "path", "back"), [("role/vault-node", "/company/", "/"), ("role/old/vault-node", "/", "/old/")]
)
def test_a_role_is_not_moved(has, path, back):
    (said,) = problems([thing("role", has)], path)
    assert f"The role vault-node exists as {ARN}:{has}, and vault_iam_path is {path}" in said
    assert f"put back {back}, or choose another vault_node_role" in said


@pytest.mark.parametrize(
    ("kind", "has", "label"),
    [
        ("role", "role/vault-prod-replication", "The role vault-prod-replication"),
        ("managed_policy", "policy/vault-prod-init", "The managed policy vault-prod-init"),
    ],
)
def test_what_has_its_name_from_no_input_is_made_anew_instead(kind, has, label):
    (said,) = problems([thing(kind, has)], "/company/")
    assert f"{label} exists as {ARN}:{has}, and vault_iam_path is /company/" in said
    assert "put back /, or delete it: provision.yml makes it anew" in said
    assert "vault_node_role" not in said


@pytest.mark.parametrize("kind", ["role", "instance_profile"])
def test_without_those_of_drills_only_drills_wait(kind):
    (said,) = problems([thing(kind, f"{kind.replace('_', '-')}/vault-prod-drill")], "/company/")
    assert "put back /, or delete it: provision.yml makes it anew, and until then no drill has a machine." in said


def test_a_policy_that_others_attached_is_named():
    attached = [{"policy_name": "a", "policy_arn": "arn:a"}, {"policy_name": "b", "policy_arn": "arn:b"}]
    assert rules.others_policies(attached[:1], ["arn:a"], "vault-node") == []
    (line,) = rules.others_policies(attached, ["arn:a"], "vault-node")
    assert line.startswith("The role vault-node has arn:b, which vault_aws_node_managed_policies does not list")
