"""The role vault_tls on the controller: what it makes, what it refuses to make, and where files lie. No node is needed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from kit.paths import ROOT

NODES = ("vault-1", "vault-2")


class Controller:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tls = folder / "controller/tls"

    def run(self, *entry_points: str, hosts: t.Iterable[str] = NODES, check: bool = False, **variables: t.Any) -> str:
        """Runs the entry points one after the other; what was said, 'failed' before it where it failed."""
        inventory = {
            host: {"ansible_connection": "local", "vault_address": f"10.0.1.{10 + number}"}
            for number, host in enumerate(hosts)
        }
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
        (self.folder / "play.yml").write_text(yaml.safe_dump([play]))
        own = {
            "vault_cluster_name": "prod",
            "vault_controller_dir": str(self.folder / "controller"),
            "vault_login_method": "cert",
            **variables,
        }
        command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(self.folder / "hosts.yml")]
        result = subprocess.run(
            [*command, *(["--check"] if check else []), "-e", json.dumps(own), str(self.folder / "play.yml")],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
            env={**os.environ, "ANSIBLE_FORCE_COLOR": "0"},
        )
        said = " ".join((result.stdout + result.stderr).split())
        return said if result.returncode == 0 else f"failed {said}"

    def files(self) -> set[str]:
        return {str(path.relative_to(self.tls)) for path in self.tls.rglob("*") if path.is_file()}

    def serial(self, name: str) -> int:
        return x509.load_pem_x509_certificate((self.tls / name).read_bytes()).serial_number


@pytest.fixture
def controller(tmp_path):
    return Controller(tmp_path)


@pytest.fixture(scope="module")
def _made(tmp_path_factory):
    first = Controller(tmp_path_factory.mktemp("made"))
    said = first.run("issue", vault_tls_may_make_ca=True)
    assert not said.startswith("failed"), said
    return first


@pytest.fixture
def made(_made, controller):
    """A controller with everything that the role makes."""
    shutil.copytree(_made.tls, controller.tls)
    return controller


IDENTITIES = {f"vaultops-{who}.{kind}" for who in ("operator", "admin", "status") for kind in ("crt", "key")}
EVERYTHING = IDENTITIES | {f"nodes/{node}.{kind}" for node in NODES for kind in ("crt", "key")} | {"ca.crt", "ca.key"}


def test_for_a_new_cluster_everything_is_made_once(made):
    assert made.files() == EVERYTHING
    assert {path.stat().st_mode & 0o777 for path in made.tls.rglob("*.key")} == {0o600}
    before = {name: made.serial(name) for name in EVERYTHING if name.endswith(".crt")}
    said = made.run("identities", "preflight", "issue")
    assert said.count("changed=0") == len(NODES), said
    assert {name: made.serial(name) for name in before} == before


@pytest.mark.parametrize("entry", ["preflight", "issue", "ca_begin", "ca_switch", "ca_finish"])
def test_where_the_ca_is_missing_none_is_made(controller, entry):
    said = controller.run("identities", entry)
    assert said.startswith("failed")
    assert f"{controller.tls}/ca.crt" in said
    assert "missing on the controller" in said
    assert not controller.tls.exists()


def test_without_the_cas_key_nothing_is_issued_and_nothing_lost(made):
    (made.tls / "ca.key").unlink()
    assert not made.run("identities", "preflight", "issue").startswith("failed")
    (made.tls / "nodes/vault-2.crt").unlink()
    before = made.files()
    said = made.run("identities", "preflight")
    assert said.startswith("failed")
    assert f"{made.tls}/ca.key is missing on the controller" in said
    assert made.files() == before


def test_a_host_of_any_name_touches_nothing_of_the_ca(made):
    before = {name: (made.tls / name).read_bytes() for name in ("ca.crt", "ca.key", "vaultops-operator.key")}
    made.run("issue", hosts=["vault-1", "ca", "vaultops-operator"])
    assert {name: (made.tls / name).read_bytes() for name in before} == before


def test_the_nodes_files_of_an_earlier_release_are_taken_over(made):
    before = {node: made.serial(f"nodes/{node}.crt") for node in NODES}
    for path in (made.tls / "nodes").iterdir():
        shutil.move(path, made.tls / path.name)
    (made.tls / "nodes").rmdir()
    said = made.run("preflight", "issue", check=True)
    assert said.count("changed=0") == len(NODES), said
    said = made.run("preflight", "issue")
    assert not said.startswith("failed"), said
    assert made.files() == EVERYTHING
    assert {node: made.serial(f"nodes/{node}.crt") for node in NODES} == before


@pytest.mark.parametrize("early", [False, True])
def test_who_is_no_node_any_more_loses_key_and_certificate(made, early):
    serial = made.serial("nodes/vault-2.crt")
    if early:
        for kind in ("crt", "key"):
            shutil.move(made.tls / f"nodes/vault-2.{kind}", made.tls / f"vault-2.{kind}")
    leaving = {"vault_leaving_ids": ["vault-2"]}
    said = made.run("withdraw", hosts=["vault-1"], **leaving)
    assert not said.startswith("failed"), said
    kept = made.files() - EVERYTHING
    assert EVERYTHING - made.files() == {"nodes/vault-2.crt", "nodes/vault-2.key"}
    assert [made.serial(name) for name in kept] == [serial]
    said = made.run("withdraw", hosts=["vault-1"], **leaving)
    assert said.count("changed=0") == 1, said


def test_what_somebody_keeps_beside_the_ca_is_left_alone(made):
    for name in ("bundle.crt", "lb.crt", "lb.key"):
        (made.tls / name).write_text("somebody's own")
    before = made.files()
    said = made.run("withdraw", hosts=list(NODES), vault_leaving_ids=["vault-9"])
    assert not said.startswith("failed"), said
    assert made.files() == before


def test_whoever_logs_in_by_iam_has_no_certificate(controller):
    said = controller.run("issue", vault_tls_may_make_ca=True, vault_login_method="aws")
    assert not said.startswith("failed"), said
    assert controller.files() == {
        "ca.crt",
        "ca.key",
        *(f"nodes/{node}.{kind}" for node in NODES for kind in ("crt", "key")),
    }


def test_new_keys_for_everybody_and_the_old_certificates_are_kept(made):
    names = [name for name in EVERYTHING if name.endswith(".crt") and name != "ca.crt"]
    before = {name: made.serial(name) for name in names}
    keys = {name: (made.tls / name).read_bytes() for name in EVERYTHING if name.endswith(".key")}
    said = made.run("issue", vault_tls_renew=True)
    assert not said.startswith("failed"), said
    assert {made.serial(name) for name in made.files() if name.startswith("replaced/")} == set(before.values())
    same = [name for name, content in keys.items() if (made.tls / name).read_bytes() == content]
    assert same == ["ca.key"]


def given(controller, *left_out: str, **variables: t.Any) -> dict[str, t.Any]:
    """The files that the private CA made, as somebody's own."""
    for path in (controller.tls / "nodes").iterdir():
        shutil.move(path, controller.tls / path.name)
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
    said = made.run("identities", "preflight", **given(made, *left_out, **variables))
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
