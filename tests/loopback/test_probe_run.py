"""The probe as a process: what it does, what it leaves, and that it names the step that fails."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._backup import probe
from ansible_collections.vaultops.cluster.plugins.module_utils._common import samples
from ansible_collections.vaultops.cluster.plugins.module_utils._snapshot.errors import Exit
from kit.backup_stage import way_to
from kit.vault_standin import Certificates, VaultStandIn, whole

TOOL = "ansible_collections.vaultops.cluster.plugins.module_utils._backup.probe_cli"
RUN_SECONDS = 60
PLACE = probe.PLACE


class Stage:
    def __init__(self, folder: Path, certificates: Certificates, vault: VaultStandIn) -> None:
        self.vault, self.metrics, self.path = vault, folder / "vault_probe.prom", folder / "probe.json"
        self.config: dict[str, t.Any] = {
            "node_name": "vault-1",
            "metrics_file": str(self.metrics),
            "vault": way_to(vault, certificates, "vaultops-probe", 1),
        }

    def start(self) -> subprocess.Popen[str]:
        self.path.write_text(json.dumps(self.config))
        command = [sys.executable, "-m", TOOL, "--config", str(self.path)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run(self) -> tuple[int, str]:
        process = self.start()
        said = process.communicate(timeout=RUN_SECONDS)[0]
        assert "Traceback" not in said and "hvs." not in said, said
        return process.returncode, said

    def values(self) -> dict[str, float]:
        """But for how long it took."""
        text = self.metrics.read_text()
        assert "hvs." not in text
        found = samples.parse(text, probe.HELP)
        return {name: value for name, value in found.items() if "duration" not in name}

    def steps(self) -> dict[str, float]:
        found = {re.sub(r'.*step="(\w+)".*', r"\1", name): value for name, value in self.values().items()}
        return {name: value for name, value in found.items() if not name.startswith("vault_")}


@pytest.fixture
def stage(tmp_path: Path, certificates: Certificates) -> t.Iterator[Stage]:
    with VaultStandIn(certificates, whole(b"")) as vault:
        yield Stage(tmp_path, certificates, vault)


def refused(status: int, reason: str) -> tuple[int, bytes]:
    return status, json.dumps({"errors": [reason]}).encode()


def test_a_probe_that_goes_well(stage: Stage):
    code, said = stage.run()
    assert code == 0 and re.fullmatch(
        r"vault-1: the probe went well: login .+, write .+, read .+, revoke .+ s\.\n", said
    )
    assert stage.vault.calls == [
        "/v1/auth/cert/login",
        f"/v1/{PLACE}",
        f"/v1/{PLACE}",
        "/v1/auth/token/revoke-self",
    ]
    assert stage.vault.tokens == set()
    assert stage.steps() == dict.fromkeys(("login", "write", "read", "revoke"), 1)
    values = stage.values()
    assert values["vault_probe_success"] == 1
    assert abs(values[probe.LAST_SUCCESS] - time.time()) < 30
    assert values[probe.LAST_SUCCESS] == values["vault_probe_last_run_timestamp_seconds"]
    assert stage.metrics.stat().st_mode & 0o777 == 0o644
    assert sorted(path.name for path in stage.metrics.parent.iterdir()) == ["probe.json", "vault_probe.prom"]


@pytest.mark.parametrize(
    ("path", "fault", "step", "says"),
    [
        ("auth/cert/login", refused(503, "Vault is sealed"), "login", "(HTTP 503: Vault is sealed). It is sealed or"),
        (
            "auth/cert/login",
            refused(500, "local node not active but active cluster node not found"),
            "login",
            "did not let this node log in with the role vaultops-probe (HTTP 500: local node not active",
        ),
        ("auth/cert/login", refused(400, "invalid certificate"), "login", "does it take this node's certificate?"),
        ("auth/cert/login", None, "login", "did not let this node log in with the role vaultops-probe ("),
        (PLACE, refused(403, "permission denied"), "write", "playbooks/site.yml writes that policy"),
        (PLACE, None, "write", f"did not take what this node wrote to {PLACE} ("),
        ("auth/token/revoke-self", refused(500, "no quorum"), "revoke", "did not revoke this run's token (HTTP 500"),
    ],
)
def test_the_step_that_fails_is_named_with_cause_and_cure(
    stage: Stage, path: str, fault: tuple[int, bytes] | None, step: str, says: str
):
    assert stage.run()[0] == 0
    before = stage.values()
    stage.vault.faults[path] = fault
    code, said = stage.run()
    assert code == Exit.VAULT and says in said, said
    assert said.splitlines()[-1].startswith(f"error: the probe fails at its step {step}: ")
    assert stage.steps()[step] == 0
    after = stage.values()
    assert after["vault_probe_success"] == 0
    assert after[probe.LAST_SUCCESS] == before[probe.LAST_SUCCESS]
    assert after["vault_probe_last_run_timestamp_seconds"] > before["vault_probe_last_run_timestamp_seconds"]
    if step == "write":
        assert stage.vault.tokens == set() and stage.steps() == {"login": 1, "write": 0, "revoke": 1}


def test_another_value_than_what_was_written(stage: Stage):
    keep, vault = stage.vault.kept, stage.vault

    class Forgetful(dict):
        def __getitem__(self, name):
            return {"value": "old"} if PLACE in name else super().__getitem__(name)

    vault.kept = Forgetful(keep)
    code, said = stage.run()
    assert code == Exit.VAULT and "at its step read: Vault gave another value than the one that it took" in said
    assert stage.steps() == {"login": 1, "write": 1, "read": 0, "revoke": 1} and vault.tokens == set()


def test_requests_that_hang_end_by_the_probe_s_own_time(stage: Stage):
    """An audit device that is blocked: health is good all the while."""
    stage.vault.audit_blocked = True
    begun = time.monotonic()
    code, said = stage.run()
    assert code == Exit.VAULT and "at its step login" in said and "nothing came for vault.timeout_seconds" in said
    assert time.monotonic() - begun < 10 and stage.steps() == {"login": 0}


def test_a_probe_that_is_ended_has_failed(stage: Stage):
    stage.config["vault"]["timeout_seconds"] = 30
    stage.vault.audit_blocked = True
    process = stage.start()
    deadline = time.monotonic() + RUN_SECONDS
    while "/v1/auth/cert/login" not in stage.vault.calls:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=RUN_SECONDS)[0]
    assert process.returncode == Exit.INTERRUPTED and "interrupted by SIGTERM" in said
    assert (stage.values()["vault_probe_success"], stage.steps()) == (0, {"login": 0})


@pytest.mark.parametrize(
    ("field", "value", "code", "says"),
    [
        ("address", "https://127.0.0.1:1", Exit.VAULT, "Connection refused"),
        ("tls_server_name", "other.internal", Exit.VAULT, "certificate was not accepted"),
        ("client_key", "/nowhere.key", Exit.CONFIG, "can't be used"),
    ],
)
def test_a_vault_that_is_not_reached(stage: Stage, field: str, value: str, code: int, says: str):
    stage.config["vault"][field] = value
    found, said = stage.run()
    assert (found, says in said) == (code, True), said
    assert stage.values()["vault_probe_success"] == 0
    assert stage.steps() == ({"login": 0} if code == Exit.VAULT else {})


def test_metrics_that_can_not_be_written_are_told_and_the_probe_is_made(stage: Stage):
    stage.config["metrics_file"] = "/nowhere/vault_probe.prom"
    code, said = stage.run()
    assert code == Exit.DISK and "the metrics could not be written" in said
    assert stage.vault.tokens == set() and "/v1/auth/token/revoke-self" in stage.vault.calls
    stage.config["metrics_file"] = None
    assert stage.run()[0] == 0
