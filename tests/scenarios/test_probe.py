"""The nodes' probe on a real cluster: green everywhere, red with the step that fails, and gone when it is to be no more."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._backup import probe
from ansible_collections.vaultops.cluster.plugins.module_utils._common import samples
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.auth import api
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.client import call
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.errors import VaultError
from kit.changes import inside, make_cluster
from kit.login import as_admin, as_operator
from labkit.settings import cache

TOOL = {"vault_snapshot_bucket": "", "vault_backup_bundle_dir": str(cache() / "backup-tool")}
PROBES = {**TOOL, "vault_probe": True}
METRICS = "/var/lib/prometheus/node-exporter/vault_probe.prom"
LEFT = [
    "/etc/systemd/system/vault-probe.service",
    "/etc/systemd/system/vault-probe.timer",
    "/etc/vault-backup/probe.json",
    METRICS,
]
PLACES = ("sys/policies/acl/vaultops-probe", "auth/cert/certs/vaultops-probe")


def play(bench, variables, *arguments, playbook="site.yml", fails=False) -> str:
    code, output = bench.play("-e", json.dumps(variables), *arguments, playbook=playbook)
    assert (code != 0) is fails, output
    return " ".join(output.split())


@pytest.fixture(scope="module")
def cluster(fresh_lab):
    """Brought up without a probe; then one run of site.yml has it."""
    bench = make_cluster(fresh_lab, **TOOL)
    looked = play(bench, PROBES, "--check", "--diff")
    assert "The login of the nodes' probe is set up" in looked
    assert all(f"vault-{number}" in looked.partition("vault-probe.timer")[0] for number in (1, 2, 3))
    assert found(bench) == {}
    play(bench, PROBES)
    return bench


def found(bench) -> dict[str, object]:
    """What Vault has of the probe."""
    vault = as_operator(bench)
    with vault.login_active() as client:
        there = {place: api.read("vault", client, place) for place in PLACES}
    return {place: content for place, content in there.items() if content}


def names(bench) -> list[str]:
    return [node.container for node in bench.lab.nodes]


def probe_on(container: str) -> tuple[bool, str, dict[str, float]]:
    """One run as its timer makes it: whether it went well, the tool's last line, and the metrics but for times."""
    done = subprocess.run(
        ["docker", "exec", container, "systemctl", "start", "vault-probe.service"], capture_output=True, check=False
    )
    said = inside(
        container,
        "run=$(systemctl show --property InvocationID --value vault-probe.service); "
        'journalctl --no-pager --output cat "_SYSTEMD_INVOCATION_ID=$run"',
    )
    told = samples.parse(inside(container, f"cat {METRICS}"), probe.HELP)
    told = {name: value for name, value in told.items() if "seconds" not in name}
    return done.returncode == 0, said.strip().splitlines()[-1], told


GREEN = {"vault_probe_success": 1} | {
    f'vault_probe_step_success{{step="{step}"}}': 1 for step in ("login", "write", "read", "revoke")
}


def test_it_is_green_on_every_node_and_the_run_after_has_nothing_to_do(cluster):
    for container in names(cluster):
        went_well, said, told = probe_on(container)
        assert went_well and "the probe went well" in said, said
        assert told == GREEN
        assert inside(container, f"stat -c %a {METRICS}; ls {METRICS}.partial 2>/dev/null || true").split() == ["644"]
        assert inside(container, "systemctl is-enabled vault-probe.timer; systemctl is-active vault-probe.timer")
    assert play(cluster, PROBES).count("changed=0") == 4


def test_its_policy_is_as_narrow_as_its_work(cluster):
    there = found(cluster)
    assert re.findall(r'path "([^"]+)"', str(there[PLACES[0]]["policy"])) == [probe.PLACE, "auth/token/revoke-self"]
    assert there[PLACES[1]]["token_policies"] == ["vaultops-probe"] and there[PLACES[1]]["token_ttl"] == 900
    assert sorted(there[PLACES[1]]["allowed_dns_sans"]) == ["vault-1", "vault-2", "vault-3"]


# With the tool's own code, by root.
STEP_BY_STEP = """
import dataclasses, json
from vaultops_tool._backup import config, probe, vault
told = config.load_probe("/etc/vault-backup/probe.json").vault
place = "/etc/vault.d/tls/"
files = {"ca_cert": place + "ca.crt", "client_cert": place + "vault.crt", "client_key": place + "vault.key"}
node = vault.Node(dataclasses.replace(told, **files))
index = lambda: node._call("GET", "/v1/sys/leader", "say")["raft_committed_index"]
token = node.log_in()
seen = [index()]
node.write(token, probe.PLACE, {"value": "x"})
seen.append(index())
assert node.read(token, probe.PLACE) == {"value": "x"}
seen.append(index())
node.revoke(token)
print(json.dumps(seen))
"""


def test_its_write_is_an_entry_in_raft(cluster):
    """The cubbyhole is stored as everything else: the index grows with the write, and not with the read."""
    (active,) = [one for one in names(cluster) if one.endswith(as_operator(cluster).active())]
    play_of_it = f"/opt/vault-backup/*/bin/python -I -B -c '{STEP_BY_STEP}'"
    before, written, read = json.loads(inside(active, play_of_it))
    assert before < written and written == read


def test_no_token_is_in_journal_metrics_or_configuration(cluster):
    for container in names(cluster):
        everything = f"journalctl --no-pager -u vault-probe -o verbose; cat {' '.join(LEFT)}"
        assert re.search(r"hvs\.|hvb\.|PRIVATE", inside(container, everything)) is None
        assert inside(container, "ls -d /run/vault-probe 2>/dev/null || true") == ""


@contextlib.contextmanager
def stopped(containers: list[str], unit: str = "vault"):
    for container in containers:
        inside(container, f"systemctl stop {unit}")
    try:
        yield
    finally:
        for container in containers:
            inside(container, f"systemctl start {unit}")


def test_where_vault_is_down_or_nobody_leads_it_names_the_step_and_the_status_says_so(cluster):
    first, second, third = names(cluster)
    with stopped([first, second]):
        went_well, said, told = probe_on(first)
        assert not went_well and said.startswith("error: the probe fails at its step login: ") and "refused" in said
        assert told == {"vault_probe_success": 0, 'vault_probe_step_success{step="login"}': 0}
        went_well, said, told = probe_on(third)
        assert not went_well and said.startswith("error: the probe fails at its step login: "), said
        assert told["vault_probe_success"] == 0
        output = play(cluster, PROBES, playbook="playbooks/status.yml", fails=True)
        assert "vault-3's probe failed" in output and "at its step login" in output
    play(cluster, PROBES)  # waits for every voter
    assert all(probe_on(container)[2] == GREEN for container in names(cluster))
    output = play(cluster, PROBES, playbook="playbooks/status.yml")
    assert output.count("; probed ") == 3 and "probe failed" not in output


def test_a_sealed_node_is_said_to_be_sealed(cluster):
    vault = as_admin(cluster)
    name = vault.active()
    (container,) = [one for one in names(cluster) if one.endswith(name)]
    # The token can't be given back any more.
    with pytest.raises(VaultError, match="Vault is sealed"), vault.login(name) as client:
        call(name, lambda: client.adapter.put("/v1/sys/seal"))
    went_well, said, told = probe_on(container)
    inside(container, "systemctl restart vault")
    assert not went_well and told["vault_probe_success"] == 0
    assert said.startswith("error: the probe fails at its step login: ") and "(HTTP 503: Vault is sealed)" in said, said
    play(cluster, PROBES)
    assert all(probe_on(container)[2] == GREEN for container in names(cluster))


def test_a_timer_that_does_not_run_is_put_right(cluster):
    inside(names(cluster)[1], "systemctl disable --now vault-probe.timer")
    assert "vault-probe.timer" in play(cluster, PROBES, "--check").partition(" : The plan]")[2]
    play(cluster, PROBES)
    assert inside(names(cluster)[1], "systemctl is-active vault-probe.timer").strip() == "active"


def test_without_the_input_nothing_of_it_is_left(cluster):
    looked = play(cluster, TOOL, "--check").partition(" : The plan]")[2]
    assert "The login of the nodes' probe is" in looked and METRICS in looked
    assert found(cluster).keys() == set(PLACES)
    play(cluster, TOOL)
    assert found(cluster) == {}
    for container in names(cluster):
        assert inside(container, f"ls -d {' '.join(LEFT)} 2>/dev/null || true") == ""
        assert inside(container, "systemctl list-units --all --plain --no-legend 'vault-probe*'") == ""
    assert play(cluster, TOOL).count("changed=0") == 4
