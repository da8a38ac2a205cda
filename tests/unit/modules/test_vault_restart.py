"""A node restarts its Vault once the other voters have said that they serve; with stand-ins for them and for systemctl. What
makes a quorum is in test_turn.py."""

from __future__ import annotations

import contextlib

import pytest
import yaml
from ansible_collections.vaultops.cluster.plugins.modules import vault_restart
from kit.backup_stage import SERVER_NAME, SMALL, VaultStandIn, whole

RUNS = "LoadState=loaded\\nActiveState=active\\nMainPID=1\\n"
STANDS = "LoadState=loaded\\nActiveState=inactive\\nMainPID=0\\n"
BAO = "ExecStart={ path=/usr/local/bin/bao ; argv[]=/usr/local/bin/bao server -config=/etc/vault.d/vault.hcl ; }\\n"
ABSENT = "LoadState=not-found\\nMainPID=0\\n"
DONE = ["daemon-reload", "enable vault", "restart vault"]


@pytest.fixture
def others(certificates):
    """The two other voters, of which the first leads."""
    with contextlib.ExitStack() as stack:
        nodes = [stack.enter_context(VaultStandIn(certificates, whole(SMALL))) for _node in range(2)]
        nodes[1].active = lambda: False
        yield nodes


@pytest.fixture
def node(vault, others, certificates, node_with, tmp_path, run_module):
    """Runs the module on the node of the third voter; returns what it says, and what systemctl was told."""
    vault.active = lambda: False
    binary = tmp_path / "releases" / "1.21.1" / "vault"
    binary.parent.mkdir(parents=True)
    binary.write_text("")
    (tmp_path / "vault").symlink_to(binary)
    log = tmp_path / "log"

    def run(check=False, unit=RUNS, fails="none", **more):
        log.write_text("")
        node_with(
            systemctl=f"""[ "$1" = show ] && {{ printf '{unit}'; exit; }}
echo "$*" >>{log}
[ "$1" != {fails} ] || {{ echo "Job for $2 failed." >&2; exit 1; }}"""
        )
        urls = {f"vault-{number}": one.address for number, one in enumerate(others, 2)}
        options = {"url": vault.address, "others": urls, "voters": 3, "tls_server_name": SERVER_NAME}
        places = {"ca_cert": certificates.path("ca.crt"), "link": str(tmp_path / "vault")}
        said = run_module(vault_restart, check, **{**options, **places, **more})
        return said, log.read_text().splitlines()

    return run


def test_it_tells_what_the_others_said(node, others):
    said, told = node()
    assert (said["changed"], told) == (True, DONE)
    assert set(said) - {"invocation"} == {"changed", *yaml.safe_load(vault_restart.RETURN)}
    assert said["others"] == [
        {"name": "vault-2", "status": 200, "cluster_id": others[0].cluster_id, "problem": None},
        {"name": "vault-3", "status": 429, "cluster_id": others[1].cluster_id, "problem": None},
    ]


def test_check_mode_asks_the_others_and_restarts_nothing(node, others):
    said, told = node(check=True)
    done, _told = node()
    assert told == []
    assert (said["changed"], said["others"]) == (done["changed"], done["others"])
    assert all(one.calls == ["/v1/sys/health"] * 2 for one in others)


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        ("sealed", "vault-3: HTTP 503, cluster None"),
        ("new", "vault-3: HTTP 501, cluster None"),
        ("another cluster", "vault-3: HTTP 429, cluster another"),
        ("not vault", "vault-3: no answer ("),
        ("hangs up", "vault-3: no answer ("),
        ("a list", "vault-3: no answer (what answers there is not Vault)"),
    ],
)
def test_a_voter_that_does_not_serve_keeps_this_one_running(node, others, check, spoil, says):
    others[1].sealed, others[1].initialized = spoil == "sealed", spoil != "new"
    if spoil == "another cluster":
        others[1].cluster_id = "another"
    faults = {"not vault": (200, b"<html>Log in</html>"), "hangs up": None, "a list": (200, b"[]")}
    if spoil in faults:
        others[1].faults["sys/health"] = faults[spoil]
    said, told = node(check)
    assert said["msg"].startswith(
        "Vault was not restarted here: without it 1 of 3 voters would serve, and a quorum is 2 (vault-3: "
    )
    assert says in said["msg"]
    assert "Bring the others back first, then run again." in said["msg"]
    assert told == []


def test_a_service_that_does_not_run_takes_nothing_away(node, others):
    others[0].sealed = others[1].sealed = True
    said, told = node(unit=STANDS)
    assert (said["changed"], told) == (True, DONE)


def test_a_node_without_the_service_is_told_what_sets_it_up(node, others):
    said, told = node(unit=ABSENT, service="vault-old")
    assert said["msg"] == ("There is no service vault-old. Nothing was restarted. playbooks/site.yml sets the node up.")
    assert told == []
    assert others[0].calls == []


@pytest.mark.parametrize("command", DONE)
def test_each_step_that_fails_is_told_in_systemds_words_and_ends_it(node, command):
    said, told = node(fails=command.split()[0])
    assert said["msg"].startswith(f"systemctl {command} failed: Job for ")
    assert "Read 'journalctl -u vault' on the node." in said["msg"]
    assert told == DONE[: DONE.index(command) + 1]


def test_a_release_that_was_not_switched_on_is_not_started(node, tmp_path):
    said, told = node(release="1.21.2")
    assert said["msg"] == (
        f"Vault was not restarted here: {tmp_path / 'vault'} leads to {tmp_path}/releases/1.21.1/vault, and not to the release "
        "1.21.2. Somebody switched it meanwhile. Find out who, then run again."
    )
    assert told == []
    assert node(release="1.21.1")[1] == DONE


def test_without_a_ca_nobody_can_be_asked_and_nothing_is_restarted(node, tmp_path):
    said, told = node(ca_cert=str(tmp_path / "lost.crt"))
    assert said["msg"] == (
        f"The CA file {tmp_path / 'lost.crt'} can't be used (No such file or directory). Without it no other node can be asked."
    )
    assert told == []


def test_an_openbao_that_is_not_restarted_is_named_as_that(node, others):
    assert node(unit=RUNS + BAO, release="2.6.2")[0]["msg"].startswith("OpenBao was not restarted here: ")
    others[1].sealed = True
    assert node(unit=RUNS + BAO)[0]["msg"].startswith("OpenBao was not restarted here: without it 1 of 3 voters")
