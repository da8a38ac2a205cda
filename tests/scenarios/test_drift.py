"""What somebody changed on a node, or in the cluster, is in the plan, is put right, and is nothing to do the time after.

A part that a run did not compare would stay as it is, and the run would say that there is nothing to do.
"""

from __future__ import annotations

import json
import shlex
import typing as t

import pytest
from kit.changes import make_cluster
from kit.login import as_operator
from labkit.settings import cache

# The tool's archive is made once for all clusters of the tests.
SNAPSHOTS = {
    "vault_backup": True,
    "vault_snapshot_bucket": "",
    "vault_backup_bundle_dir": str(cache() / "backup-tool"),
}
# What --tags limits a run to, and the drifts that are put right then.
PARTS = {
    "preflight": [],
    "install": ["release that is switched on", "release that others may write"],
    "tls": ["rights of the certificate", "CA"],
    "configure": [
        "configuration that wants a reload",
        "log rotation",
        "hourly look at the audit files",
        "guard of the metadata service",
    ],
    "cluster": ["autopilot"],
    "backup": ["user of the tool", "timer", "unit that systemd has not read", "tool"],
}
NOTHING = "Nothing to do: every node, the cluster and the unseal key are as they should be."

# What is done on which node (by number), what the plan calls it, and what shows that it was put right.
DRIFTS: dict[str, tuple[int, str, str, str]] = {
    "configuration that wants a reload": (
        1,
        "echo '# mine' >>/etc/vault.d/reload.hcl",
        "/etc/vault.d/reload.hcl",
        "! grep -q mine /etc/vault.d/reload.hcl",
    ),
    "rights of the certificate": (
        1,
        "chmod 0666 /etc/vault.d/tls/vault.crt",
        "/etc/vault.d/tls/vault.crt",
        "stat -c %a /etc/vault.d/tls/vault.crt | grep -qx 644",
    ),
    "CA": (0, "rm /etc/vault.d/tls/ca.crt", "/etc/vault.d/tls/ca.crt", "test -s /etc/vault.d/tls/ca.crt"),
    "release that is switched on": (0, "rm /usr/local/bin/vault", "release ", "/usr/local/bin/vault version"),
    "release that others may write": (
        2,
        "chmod o+w /opt/vault/releases",
        "release ",
        "stat -c %a /opt/vault/releases | grep -qx 755",
    ),
    "log rotation": (2, "rm /etc/logrotate.d/vault", "/etc/logrotate.d/vault", "test -s /etc/logrotate.d/vault"),
    "hourly look at the audit files": (
        0,
        "systemctl disable --now vaultops-logrotate.timer",
        "vaultops-logrotate.timer",
        "systemctl is-enabled vaultops-logrotate.timer && systemctl is-active vaultops-logrotate.timer",
    ),
    "user of the tool": (2, "userdel vault-backup", "vault-backup", "id vault-backup"),
    "timer": (
        1,
        "systemctl disable --now vault-backup.timer",
        "vault-backup.timer",
        "systemctl is-enabled vault-backup.timer && systemctl is-active vault-backup.timer",
    ),
    "unit that systemd has not read": (
        0,
        "sed -i '/^Description/d' /etc/systemd/system/vault-backup.service && systemctl daemon-reload",
        "/etc/systemd/system/vault-backup.service",
        "systemctl show -p Description vault-backup.service | grep -qv vault-backup.service",
    ),
    "tool": (0, "rm /opt/vault-backup/*/complete", "/complete", "test -e /opt/vault-backup/*/complete"),
    "guard of the metadata service": (
        1,
        "nft delete table inet vaultops_metadata",
        "the guard of the metadata service",
        "nft list table inet vaultops_metadata",
    ),
}


def play(bench, *arguments: str) -> tuple[str, str]:
    """What it says in one line, and its plan."""
    code, output = bench.play("-e", json.dumps(SNAPSHOTS), *arguments)
    assert code == 0, output
    said = " ".join(output.split())
    return said, said.partition(" : The plan]")[2].partition("TASK [")[0]


def autopilot(bench, change: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
    cluster = as_operator(bench)
    with cluster.login_active() as client:
        path = "/v1/sys/storage/raft/autopilot/configuration"
        if change:
            client.adapter.post(path, json=change)
        # What only Vault Enterprise takes is read, and refused when it comes back.
        return {name: value for name, value in client.adapter.get(path)["data"].items() if "upgrade" not in name}


def damage(bench, before: dict[str, t.Any]) -> None:
    for node, command, _names, _right in DRIFTS.values():
        bench.on_nodes(f'[ "$(hostname)" != vault-{node + 1} ] || {{ {command}; }}')
    autopilot(bench, {**before, "max_trailing_logs": before["max_trailing_logs"] + 1})


@pytest.fixture(scope="module")
def drifted(fresh_lab):
    """A cluster with all of it at once, and the plans of a look and of a run."""
    bench = make_cluster(fresh_lab, **SNAPSHOTS)
    said, plan = play(bench)
    assert NOTHING in plan and said.count("changed=0") == 4
    before = autopilot(bench)
    damage(bench, before)
    looked = play(bench, "--check")[1]
    assert autopilot(bench)["max_trailing_logs"] == before["max_trailing_logs"] + 1
    ran = play(bench)[1]
    return bench, looked, ran, before


@pytest.mark.parametrize("name", DRIFTS)
def test_what_was_changed_is_in_the_plan_and_is_put_right(drifted, name):
    bench, looked, ran, _autopilot = drifted
    node, _damage, names, right = DRIFTS[name]
    host = f"vault-{node + 1}"
    for plan in (looked, ran):
        line = next(line for line in plan.split('", "') if f"{host}: " in line or f"{host} (active): " in line)
        assert names in line
    bench.on_nodes(f'[ "$(hostname)" != {host} ] || {{ {right}; }}')


def test_so_is_what_is_set_in_the_cluster(drifted):
    bench, looked, ran, before = drifted
    assert "Autopilot is set." in looked and "Autopilot is set." in ran
    assert autopilot(bench) == before


def test_the_run_after_has_nothing_to_do(drifted):
    bench = drifted[0]
    said, plan = play(bench)
    assert NOTHING in plan and said.count("changed=0") == 4


LEASE = """import json, pathlib, time
boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
mine = {"cluster": "NAME", "holder": "alice", "who": "alice@laptop", "job": "", "playbook": "rolling_upgrade", "boot_id": boot}
times = {"since": time.time(), "seconds": 1800.0, "renewed_at": time.clock_gettime(time.CLOCK_BOOTTIME)}
pathlib.Path("/var/lib/vaultops/lease-NAME.json").write_text(json.dumps({**mine, **times}))
"""


def test_a_look_names_the_run_that_it_would_stop_for(drifted):
    bench = drifted[0]
    name = bench.lab.name
    bench.on_nodes(f"python3 -c {shlex.quote(LEASE.replace('NAME', name))}")
    said, plan = play(bench, "--check")
    bench.on_nodes(f"rm /var/lib/vaultops/lease-{name}.json")
    assert "Without --check this run would stop here." in said and "alice@laptop (rolling_upgrade" in said, said
    assert NOTHING in plan


def in_line(bench, before) -> set[str]:
    """Names of what is as it should be."""
    found = {"autopilot"} if autopilot(bench) == before else set()
    for name, (node, _damage, _names, right) in DRIFTS.items():
        if bench.on_nodes(f"if {right}; then echo in line; fi")[node].endswith("in line\n"):
            found.add(name)
    return found


def test_each_part_puts_right_what_is_its_own_and_names_what_it_leaves(drifted):
    bench, _looked, _ran, before = drifted
    damage(bench, before)
    assert in_line(bench, before) == set()
    expected: set[str] = set()
    for part, names in PARTS.items():
        said, plan = play(bench, "--tags", part)
        expected |= set(names)
        assert in_line(bench, before) == expected, part
        assert (said.count("changed=0") == 4) == (part == "preflight"), part
        left = [line for line in plan.split('", "') if "Left out by --tags: " in line]
        assert bool(left) == (part != "backup" and expected != {*DRIFTS, "autopilot"}), plan
    said, plan = play(bench)
    assert NOTHING in plan and said.count("changed=0") == 4
