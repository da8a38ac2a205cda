"""A node stops its Vault for a while, once the others have said that they serve, and a timer of its own brings it back; with
stand-ins for the others, systemctl and systemd-run."""

from __future__ import annotations

import contextlib

import pytest
import yaml
from ansible_collections.vaultops.cluster.plugins.modules import vault_pause
from kit.backup_stage import SERVER_NAME, SMALL, VaultStandIn, whole

RUNS = "LoadState=loaded\\nActiveState=active\\nMainPID=1\\n"
STANDS = "LoadState=loaded\\nActiveState=inactive\\nMainPID=0\\n"
BAO = "ExecStart={ path=/usr/local/bin/bao ; argv[]=/usr/local/bin/bao server -config=/etc/vault.d/vault.hcl ; }\\n"
ABSENT = "LoadState=not-found\\nMainPID=0\\n"
ARMED = (
    "--quiet --unit=vaultops-back --on-active=180 --timer-property=AccuracySec=1s --collect /bin/sh -c "
    "systemctl is-enabled --quiet vault && systemctl start vault"
)


@pytest.fixture
def others(certificates):
    with contextlib.ExitStack() as stack:
        nodes = [stack.enter_context(VaultStandIn(certificates, whole(SMALL))) for _node in range(2)]
        for one in nodes:
            one.active = lambda: False
        yield nodes


@pytest.fixture
def node(vault, others, certificates, node_with, tmp_path, run_module):
    """Runs the module on the active node; returns what it says, and what systemd was told."""
    log = tmp_path / "log"

    def run(check=False, unit=RUNS, fails="none", armed=False, enabled=True, **more):
        log.write_text("")
        node_with(
            systemctl=f"""[ "$1" = show ] && {{ printf '{unit}'; exit; }}
[ "$1" = is-enabled ] && exit {0 if enabled else 1}
[ "$1" = is-active ] && exit {0 if armed else 3}
echo "$*" >>{log}
[ "$1" != {fails} ] || {{ echo "Job for $2 failed." >&2; exit 1; }}""",
            **{
                "systemd-run": f"""echo "$*" >>{log}
[ {fails} != arm ] || {{ echo "no timers here" >&2; exit 1; }}"""
            },
        )
        urls = {f"vault-{number}": one.address for number, one in enumerate(others, 2)}
        options = {"state": "paused", "url": vault.address, "others": urls, "voters": 3, "tls_server_name": SERVER_NAME}
        said = run_module(vault_pause, check, **{**options, "ca_cert": certificates.path("ca.crt"), **more})
        return said, log.read_text().splitlines()

    return run


@pytest.mark.parametrize(
    ("kind", "stops"), [("graceful", ["stop vault"]), ("crash", ["kill --signal=SIGKILL vault", "stop vault"])]
)
def test_the_way_back_is_set_before_the_stop(node, kind, stops):
    said, told = node(kind=kind)
    assert told == [ARMED, *stops]
    assert (said["changed"], said["back_after"]) == (True, 180)
    assert set(said) - {"invocation"} == {"changed", *yaml.safe_load(vault_pause.RETURN)}


def test_a_timer_of_a_run_that_was_killed_is_set_anew(node):
    assert node(armed=True)[1] == ["stop vaultops-back.timer", ARMED, "stop vault"]


def test_check_mode_asks_the_others_and_stops_nothing(node, others):
    said, told = node(check=True)
    assert (said["changed"], said["back_after"], told) == (True, None, [])
    assert [one.calls for one in others] == [["/v1/sys/health"]] * 2


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        ("standby", "it is not the active node (this node: HTTP 429"),
        ("other sealed", "without it 1 of 3 voters would serve, and a quorum is 2 (vault-3: HTTP 503"),
        ("disabled", "the service is not started at boot"),
        ("stopped", "the service does not run"),
    ],
)
def test_what_keeps_it_running(node, vault, others, check, spoil, says):
    vault.active = lambda: spoil != "standby"
    others[1].sealed = spoil == "other sealed"
    said, told = node(check, unit=STANDS if spoil == "stopped" else RUNS, enabled=spoil != "disabled")
    assert said["msg"].startswith(f"Vault was not stopped here: {says}"), said["msg"]
    assert told == []


def test_without_a_way_back_it_is_not_stopped(node):
    said, told = node(fails="arm")
    assert said["msg"] == "The timer that would start vault again can't be set (no timers here). Vault was not stopped."
    assert told == [ARMED]


@pytest.mark.parametrize("command", ["kill", "stop"])
def test_a_step_that_fails_is_told_in_systemds_words(node, command):
    said, _told = node(fails=command, kind="crash")
    assert said["msg"].startswith(f"systemctl {command} ")
    assert "Job for " in said["msg"]


@pytest.mark.parametrize(
    ("unit", "armed", "told"),
    [
        (STANDS, True, ["start --no-block vault", "stop vaultops-back.timer"]),
        (STANDS, False, ["start --no-block vault"]),
        (RUNS, True, ["stop vaultops-back.timer"]),
        (RUNS, False, []),
    ],
)
def test_it_is_started_again_and_only_then_the_timer_goes(node, unit, armed, told):
    assert node(state="resumed", unit=unit, armed=armed)[1] == told
    said, nothing = node(check=True, state="resumed", unit=unit, armed=armed)
    assert nothing == []
    assert node(state="resumed", unit=unit, armed=armed)[0]["changed"] == said["changed"] == bool(told)


def test_a_start_that_fails_leaves_the_timer(node):
    said, told = node(state="resumed", unit=STANDS, armed=True, fails="start")
    assert said["failed"]
    assert told == ["start --no-block vault"]


def test_a_node_without_the_service_is_told_what_sets_it_up(node):
    for state in ("paused", "resumed"):
        said, told = node(unit=ABSENT, state=state)
        assert said["msg"] == "There is no service vault. playbooks/site.yml sets the node up."
        assert told == []


def test_an_openbao_that_is_not_stopped_is_named_as_that(node):
    assert node(unit=RUNS + BAO, enabled=False)[0]["msg"].startswith("OpenBao was not stopped here: ")
    assert node(unit=RUNS + BAO, fails="arm")[0]["msg"].endswith(" OpenBao was not stopped.")
