"""Recovery keys of a real Vault: proven, made anew, and used where nobody can log in. Clients write, and controllers die."""

from __future__ import annotations

import json
import signal

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.client import call
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.errors import VaultError
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.recovery import api
from kit.bench import end_family
from kit.changes import assert_nothing_lost, clients, make_cluster
from kit.fault_proxy import Kill, Rule
from kit.login import as_admin, as_operator, opens, recovery_keys_open
from kit.process_list import ProcessList
from kit.recording_proxy import PROXY_PORT, Wire

CHECK, REKEY, REGAIN = (f"playbooks/{name}.yml" for name in ("custody_check", "rekey", "regain_admin"))
ALWAYS = {"vault_rekey_age_hours": 0}


@pytest.fixture(scope="module")
def cluster(fresh_lab):
    return make_cluster(fresh_lab, **named(fresh_lab))


def named(bench):
    return {"vault_admins": [bench.aws("sts").get_caller_identity()["Arn"]]}


def play(bench, playbook, *arguments, **variables):
    code, output = bench.play("-e", json.dumps({**named(bench), **variables}), *arguments, playbook=playbook)
    return code, output


def confirmed(bench):
    return {"vault_regain_confirm": bench.lab.name, "vault_rekey_confirm": bench.lab.name}


def custody(bench):
    return json.loads(bench.aws("secretsmanager").get_secret_value(SecretId=bench.secret)["SecretString"])


def work(bench, keys) -> bool:
    """Whether Vault makes a root token with these; it is revoked at once."""
    found = as_operator(bench)
    name = found.active()
    try:
        return recovery_keys_open(found, name, keys)
    except VaultError:
        return False
    finally:
        api.cancel_root(name, found.client(name))


def root_tokens(bench) -> list[str]:
    found = as_admin(bench)
    name = found.active()
    with found.login(name) as client:
        described = [api.look_up(name, client, accessor) for accessor in api.accessors(name, client)]
    return [one["accessor"] for one in described if one and "root" in one["policies"]]


def lock_out(bench) -> None:
    """Nobody logs in any more: as an administrator, of what administrators have."""
    found = as_admin(bench)
    name = found.active()
    with found.login(name) as client:
        for role in ("vaultops-status", "vaultops-operator", "vaultops-admin"):
            path = f"/v1/auth/aws/role/{role}"
            call(name, lambda path=path: client.adapter.delete(path))
    assert not opens(as_operator(bench))
    assert not opens(as_admin(bench))


def no_change(output) -> bool:
    recap = [line for line in output.splitlines() if "unreachable=" in line]
    return bool(recap) and all("changed=0 " in line for line in recap)


def test_the_keys_in_custody_are_proven_and_nothing_is_used_up(cluster):
    before = custody(cluster)
    for arguments, said in ((["--check"], "Nothing was given to Vault"), ([], "Vault has taken 5 of them")):
        code, output = play(cluster, CHECK, *arguments)
        assert code == 0, output
        assert said in " ".join(output.split()), output
        assert no_change(output), output
    assert custody(cluster) == before
    assert work(cluster, before["recovery_keys"][2:])


def test_new_keys_take_the_place_of_the_old_ones_while_clients_write(cluster):
    before = custody(cluster)["recovery_keys"]
    code, output = play(cluster, REKEY, **ALWAYS)
    assert code != 0 and f"vault_rekey_confirm={cluster.lab.name}" in output, output
    assert custody(cluster)["recovery_keys"] == before
    with clients(cluster) as probe:
        code, output = play(cluster, REKEY, **ALWAYS, **confirmed(cluster))
        assert code == 0, output
    assert_nothing_lost(probe.report())
    after = custody(cluster)
    assert set(after["recovery_keys"]).isdisjoint(before)
    assert after["former"][0]["recovery_keys"] == before
    assert not work(cluster, before[:3]), "the old keys are good for nothing"
    assert work(cluster, after["recovery_keys"][:3])
    code, output = play(cluster, REKEY, **confirmed(cluster))
    assert code == 0 and "Nothing to do" in output, output
    assert no_change(output), output


# PutSecretValue: 1 proves that there is room. Then everything is put twice, so that no version before gives out more: 2 and 3
# reserve, 4 and 5 note the nonce, 6 and 7 put the new keys there, 8 and 9 let them count.
@pytest.mark.parametrize(("nth", "forward"), [(4, False), (6, True), (8, False)])
def test_a_rekey_whose_controller_dies_is_finished_by_the_next_run(cluster, nth, forward):
    with Wire((cluster.lab.gateway, PROXY_PORT), cluster.lab.aws_url, []) as wire:
        output = killed(cluster, wire, REKEY, nth, forward, **ALWAYS)
        held = custody(cluster)
        sets = [held["recovery_keys"], (held["rekey"] or held)["recovery_keys"]]
        assert any(work(cluster, keys[:3]) for keys in sets)
        code, second = again(cluster, wire, REKEY, **ALWAYS)
        assert code == 0, second
        assert not wire.shown_in(output + second)
    after = custody(cluster)
    assert after["rekey"] is None
    assert work(cluster, after["recovery_keys"][:3])
    code, output = play(cluster, CHECK)
    assert code == 0, output


def killed(bench, wire, playbook, nth, forward, **variables) -> str:
    process = None
    wire.rules[:] = [Rule("PutSecretValue", Kill(lambda: end_family(process.pid), forward=forward), nth)]
    own = {**named(bench), **confirmed(bench), **variables, "vault_aws_endpoint_url": wire.url}
    process = bench.start_play("-e", json.dumps(own), playbook=playbook)
    output, _ = process.communicate(timeout=240)
    assert process.returncode == -signal.SIGKILL, output
    wire.rules.clear()
    return output


def again(bench, wire, playbook, **variables):
    own = {**named(bench), **confirmed(bench), **variables, "vault_aws_endpoint_url": wire.url}
    return bench.play_after_kill("-e", json.dumps(own), playbook=playbook)


def test_where_an_administrator_logs_in_nothing_is_regained(cluster):
    code, output = play(cluster, REGAIN, **confirmed(cluster))
    said = " ".join(output.split())
    assert code == 0, output
    assert "Nothing to do: 'vaultops-admin' logs in by AWS IAM" in said, output
    assert no_change(output), output


def test_administrators_get_in_again_while_clients_write(cluster):
    with clients(cluster) as probe:
        lock_out(cluster)
        code, output = play(cluster, "playbooks/status.yml")
        assert "can't log in" in " ".join(output.split()), output
        code, output = play(cluster, REGAIN, "--check")
        assert code == 0 and "No administrator can log in from here" in output, output
        code, output = play(cluster, REGAIN)
        assert code != 0 and f"vault_regain_confirm={cluster.lab.name}" in output, output
        assert not opens(as_admin(cluster))
        code, output = play(cluster, REGAIN, **confirmed(cluster))
        assert code == 0, output
    assert_nothing_lost(probe.report())
    assert opens(as_admin(cluster)) and opens(as_operator(cluster))
    assert root_tokens(cluster) == []
    assert custody(cluster)["root_token"] is None
    code, output = play(cluster, "site.yml")
    assert code == 0 and no_change(output), output


def away_from(bench) -> None:
    """Vault asks STS where the last run did, which is a proxy that goes away with the test."""
    code, output = play(bench, "site.yml")
    assert code == 0, output


def test_what_vault_2_wants_is_written_on_every_node_and_taken_back_after_a_failure(cluster):
    code, output = play(cluster, "tests/scenarios/recovery/access.yml")
    assert "it went wrong" in output, output
    assert [f"changed: [{node.hostname}]" in output for node in cluster.lab.nodes] == [True] * 3, output
    left = cluster.on_nodes("cat /etc/vault.d/reload.hcl")
    assert not [text for text in left if "enable_unauthenticated_access" in text]
    code, output = play(cluster, "site.yml")
    assert code == 0 and no_change(output), output


# 1 proves that there is room, 2 and 3 note what is begun, 4 and 5 the nonce, 6 and 7 the time; 8 keeps the token, 9 and 10 let it
# go. Where only the note of the nonce is missing, the run asks for it to be typed.
@pytest.mark.parametrize(("nth", "forward"), [(4, False), (7, True), (8, False), (9, False)])
def test_a_regaining_whose_controller_dies_is_finished_by_the_next_run(cluster, nth, forward):
    lock_out(cluster)
    with Wire((cluster.lab.gateway, PROXY_PORT), cluster.lab.aws_url, []) as wire:
        output = killed(cluster, wire, REGAIN, nth, forward)
        code, second = again(cluster, wire, REGAIN)
        if code != 0:
            asked = " ".join(second.split()).partition("-e vault_regain_cancel=")[2].split(" ")[0].strip('"')
            assert (nth, forward) == (4, False), second
            code, third = play(cluster, REGAIN, **confirmed(cluster), vault_regain_cancel=asked)
            second += third
        assert code == 0, second
        assert not wire.shown_in(output + second)
        away_from(cluster)
    assert opens(as_admin(cluster)) and opens(as_operator(cluster))
    assert root_tokens(cluster) == []
    held = custody(cluster)
    assert (held["root_token"], held["generate_root"]) == (None, None)
    code, output = play(cluster, REGAIN, **confirmed(cluster))
    assert code == 0 and no_change(output), output


def test_no_key_and_no_token_shows(cluster):
    lock_out(cluster)
    with Wire((cluster.lab.gateway, PROXY_PORT), cluster.lab.aws_url, []) as wire, ProcessList() as processes:
        own = {**named(cluster), **confirmed(cluster), **ALWAYS, "vault_aws_endpoint_url": wire.url}
        output = ""
        for playbook in (REGAIN, REKEY, CHECK):
            code, said = cluster.play("-e", json.dumps(own), "-vvvv", "--diff", playbook=playbook)
            assert code == 0, said
            output += said
        seen = " ".join(processes.seen)
        assert "ansible-playbook" in seen
        assert any(record["root_token"] for record in wire.records)
        assert not wire.shown_in(output)
        assert not wire.shown_in(seen)
        assert "hvs." not in output and "hvs." not in seen
        away_from(cluster)
        logs = cluster.on_nodes("journalctl --no-pager; cat /var/log/vault/* || true")
        assert not wire.shown_in("".join(logs))
