"""The role vault_tls on the controller: what it makes in AWS, what it refuses to make, which files it takes. It needs no node."""

from __future__ import annotations

import json
import shutil
import sys
import typing as t
from pathlib import Path

import boto3
import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from kit.ca import make_key, published
from kit.certificates import issue, pem
from kit.playbook import in_line, run_play
from labkit.settings import REGION

NODES = ("vault-1", "vault-2")
LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
ALIAS, PARAMETER = "alias/vault-prod-ca", "/vaultops/prod/ca"


class Controller:
    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self.tls = folder / "controller/tls"
        self.kms = boto3.client("kms", region_name=REGION, endpoint_url=url)

    def run(self, *entry_points: str, hosts: t.Iterable[str] = NODES, check: bool = False, **variables: t.Any) -> str:
        """Runs the entry points one after the other; what was said, 'failed' before it where it failed."""
        inventory = {host: {**LOCAL, "vault_address": f"10.0.1.{10 + number}"} for number, host in enumerate(hosts)}
        (self.folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"children": {"vault": {"hosts": inventory}}}}))
        play = {
            "hosts": "vault",
            "gather_facts": False,
            "any_errors_fatal": True,
            "tasks": [
                {"ansible.builtin.import_role": {"name": "vaultops.cluster.vault_tls", "tasks_from": entry}}
                for entry in entry_points
            ],
        }
        own = {
            "vault_cluster_name": "prod",
            "vault_tls_dir": str(self.tls),
            "vault_login_method": "cert",
            "vault_scratch_dir": str(self.folder / "scratch"),
            "vault_node_tls_dir": str(self.folder) + "/nodes/{{ inventory_hostname }}",
            "vault_aws_region": REGION,
            "vault_aws_endpoint_url": self.url,
            **variables,
        }
        options = ["--check"] if check else []
        return in_line(run_play(self.folder, play, "-i", "hosts.yml", *options, "-e", json.dumps(own)))

    def in_aws(self) -> tuple[int, list[str], str | None]:
        """How many keys there are, the aliases, and what is published."""
        aliases = [one["AliasName"] for one in self.kms.list_aliases()["Aliases"] if one.get("TargetKeyId")]
        try:
            text = published(self.url, PARAMETER)
        except Exception as error:
            assert "ParameterNotFound" in str(error)
            text = None
        return len(self.kms.list_keys()["Keys"]), [one for one in aliases if "/aws/" not in one], text


@pytest.fixture
def controller(tmp_path, aws):
    return Controller(tmp_path, aws)


IDENTITIES = {f"vaultops-{who}.{kind}" for who in ("operator", "admin", "status") for kind in ("crt", "key")}


def test_for_a_new_cluster_a_ca_is_made_once_and_nothing_stays_on_the_controller(controller):
    said = controller.run("authority", "identities", "preflight", "issue", vault_tls_may_make_ca=True)
    assert not said.startswith("failed"), said
    keys, aliases, text = controller.in_aws()
    assert (keys, aliases) == (1, [ALIAS])
    described = controller.kms.describe_key(KeyId=ALIAS)["KeyMetadata"]
    assert (described["KeyUsage"], described["KeySpec"]) == ("SIGN_VERIFY", "ECC_NIST_P384")
    tags = {
        tag["TagKey"]: tag["TagValue"] for tag in controller.kms.list_resource_tags(KeyId=described["KeyId"])["Tags"]
    }
    assert tags["vault-cluster"] == "prod"
    scratch = controller.folder / "scratch"
    assert {path.name for path in scratch.iterdir()} == IDENTITIES | {"ca.crt"}
    assert {path.stat().st_mode & 0o777 for path in scratch.glob("*.key")} == {0o600}
    ca = x509.load_pem_x509_certificate(text.encode())
    for path in scratch.glob("vaultops-*.crt"):
        leaf = x509.load_pem_x509_certificate(path.read_bytes())
        leaf.verify_directly_issued_by(ca)
        assert (leaf.not_valid_after_utc - leaf.not_valid_before_utc).days <= 1
    assert not controller.tls.exists()
    assert [sorted(path.name for path in (controller.folder / "nodes" / node).iterdir()) for node in NODES] == [
        ["pending.key"]
    ] * 2

    shutil.rmtree(scratch)
    said = controller.run("authority", "identities", "preflight")
    assert said.count("changed=0") == len(NODES), said
    assert controller.in_aws() == (1, [ALIAS], text)
    assert {path.name for path in scratch.iterdir()} == IDENTITIES | {"ca.crt"}


def test_check_mode_makes_nothing_in_aws(controller):
    said = controller.run("authority", "identities", "preflight", "issue", check=True, vault_tls_may_make_ca=True)
    assert not said.startswith("failed"), said
    assert "A certificate would be issued for vault-2. It has none." in said
    assert controller.in_aws() == (0, [], None) and not (controller.folder / "nodes").exists()


@pytest.mark.parametrize("entries", [("preflight",), ("issue",), ("ca_begin",), ("ca_switch",), ("ca_finish",)])
def test_where_the_ca_is_missing_none_is_made(controller, entries):
    said = controller.run("authority", "identities", *entries)
    assert said.startswith("failed")
    assert "the cluster is not known to be new" in said or "begins with the one that is trusted now" in said, said
    assert controller.in_aws()[2] is None and not (controller.folder / "nodes").exists()


def test_a_run_that_was_killed_between_key_and_certificate_is_finished_with_that_key(controller):
    assert not controller.run("authority", "issue", vault_tls_may_make_ca=True).startswith("failed")
    boto3.client("ssm", region_name=REGION, endpoint_url=controller.url).delete_parameter(Name=PARAMETER)
    said = controller.run("authority", "preflight", "issue", vault_tls_may_make_ca=True)
    assert not said.startswith("failed"), said
    keys, aliases, text = controller.in_aws()
    assert (keys, aliases) == (1, [ALIAS]) and text


def test_a_change_of_the_ca_makes_a_second_key_and_both_are_published(controller):
    assert not controller.run("authority", "issue", vault_tls_may_make_ca=True).startswith("failed")
    old = controller.in_aws()[2]
    for entry, order in (("ca_begin", slice(None)), ("ca_switch", slice(None, None, -1))):
        for _run in range(2):
            said = controller.run("authority", entry, "ca_state")
            assert not said.startswith("failed"), said
        assert said.count("changed=0") == len(NODES), said
        keys, aliases, text = controller.in_aws()
        assert (keys, sorted(aliases)) == (2, [ALIAS, f"{ALIAS}-next"])
        both = x509.load_pem_x509_certificates(text.encode())[order]
        assert both[0] == x509.load_pem_x509_certificate(old.encode()) and len(both) == 2
        scratch = controller.folder / "scratch"
        assert (scratch / "ca.crt").read_text() == text
        assert x509.load_pem_x509_certificate((scratch / "ca-next.crt").read_bytes()) == both[1]


def test_whoever_keeps_snapshots_keeps_the_ca(controller):
    assert not controller.run("authority", "issue", vault_tls_may_make_ca=True).startswith("failed")
    before = controller.in_aws()
    said = controller.run("removable", "remove", vault_decommission_keep_snapshots=True)
    assert not said.startswith("failed") and controller.in_aws() == before, said
    said = controller.run("removable", "remove")
    assert not said.startswith("failed") and controller.in_aws()[2] is None, said


def test_a_key_that_is_somebody_elses_is_left_alone(controller):
    make_key(controller.url, ALIAS, cluster="")
    said = controller.run("authority", "preflight", "issue", vault_tls_may_make_ca=True)
    assert said.startswith("failed") and "it is somebody else's key" in said
    assert controller.in_aws() == (1, [ALIAS], None)


def test_a_key_of_another_kind_is_named_before_anything_is_made(controller):
    make_key(controller.url, ALIAS, KeyUsage="ENCRYPT_DECRYPT", KeySpec="SYMMETRIC_DEFAULT")
    said = controller.run("authority", vault_tls_may_make_ca=True)
    assert said.startswith("failed") and "a CA needs an ECC_NIST_P384 one for SIGN_VERIFY" in said


def test_where_it_is_not_required_the_reason_is_kept_and_the_run_goes_on(controller):
    said = controller.run(
        "authority", "identities", vault_aws_endpoint_url="http://127.0.0.1:9", vault_tls_ca_required=False
    )
    assert not said.startswith("failed"), said


def test_whoever_logs_in_by_iam_has_no_certificate(controller):
    said = controller.run("authority", "identities", "issue", vault_tls_may_make_ca=True, vault_login_method="aws")
    assert not said.startswith("failed"), said
    assert {path.name for path in (controller.folder / "scratch").iterdir()} == {"ca.crt"}


# --- given files


@pytest.fixture(scope="module")
def own(tmp_path_factory) -> Path:
    """What somebody's own CA has issued."""
    folder = tmp_path_factory.mktemp("own")
    client = x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH])
    ca_key, ca = issue("own CA", [], None, None)
    made = {f"vaultops-{who}": ([f"vaultops-{who}"], client) for who in ("operator", "admin", "status")}
    made |= {node: ([node, "vault.prod.internal", f"10.0.1.{10 + number}"], None) for number, node in enumerate(NODES)}
    for name, (names, usage) in made.items():
        key, certificate = issue(name, names, ca_key, ca, usage=usage)
        (folder / f"{name}.key").write_bytes(pem(key))
        (folder / f"{name}.key").chmod(0o600)
        (folder / f"{name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "ca.crt").write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    return folder


@pytest.fixture
def made(controller, own):
    shutil.copytree(own, controller.tls)
    return controller


def given(controller, *left_out: str, **variables: t.Any) -> dict[str, t.Any]:
    for name in left_out:
        (controller.tls / name).unlink()
    return {"vault_tls_source": "given", **variables}


@pytest.mark.parametrize(
    ("left_out", "variables", "says"),
    [
        ((), {}, None),
        (("vaultops-status.crt", "vaultops-status.key"), {}, None),
        (("vaultops-admin.crt", "vaultops-admin.key"), {}, None),
        (
            ("vaultops-admin.crt", "vaultops-admin.key"),
            {"vault_tls_may_make_ca": True},
            "There is no certificate for vaultops-admin",
        ),
        (
            ("vaultops-operator.crt", "vaultops-operator.key"),
            {},
            "name them (vault_operator_certificate_file and _key_file)",
        ),
        (("vaultops-operator.key",), {}, "The private key"),
        ((), {"vault_tls_server_name": "vault.other.internal"}, "does not hold vault.other.internal"),
        ((), {"vault_api_addr": "https://10.9.9.9:8200"}, "does not hold 10.9.9.9"),
        ((), {"vault_tls_identity_common_names": {"vaultops-operator": "ops"}}, "and logs in by ops"),
    ],
)
def test_given_files_are_judged_before_a_node_is_touched(made, left_out, variables, says):
    said = made.run("authority", "identities", "preflight", **given(made, *left_out, **variables))
    if says is None:
        assert not said.startswith("failed"), said
    else:
        assert said.startswith("failed")
        assert says in said, said


def test_given_certificates_need_neither_the_hosts_names_nor_localhost(made):
    """Names of the machines in the inventory are nobody's but Ansible's."""
    variables = given(made)
    for kind in ("crt", "key"):
        for number, node in enumerate(NODES, 1):
            shutil.move(made.tls / f"{node}.{kind}", made.tls / f"machine-{number}.{kind}")
    said = made.run("preflight", hosts=["machine-1", "machine-2"], **variables)
    assert not said.startswith("failed"), said
