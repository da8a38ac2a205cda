"""A cluster that people unseal by hand comes to a KMS key while clients write, and is adopted."""

from __future__ import annotations

import json

import pytest
from kit.bench import end_family, finished
from kit.changes import assert_nothing_lost
from kit.login import recovery_keys_open
from kit.probe import Probe, prepare
from kit.shamir import CONFIG, ByHand

ADOPT = "playbooks/adopt_seal.yml"


@pytest.fixture(scope="module")
def by_hand(fresh_lab):
    made = ByHand(fresh_lab, fresh_lab.folder / "by-hand")
    fresh_lab.environment["VAULT_TOKEN"] = made.token
    yield made
    del fresh_lab.environment["VAULT_TOKEN"]


def run(by_hand, *arguments, keys=None, typed=True):
    """The run, of which nobody learns a key."""
    by_hand.bench.environment["VAULT_UNSEAL_KEYS"] = ",".join(by_hand.keys[1:4] if keys is None else keys)
    code, output = by_hand.play(*(confirmed(by_hand) if typed else ()), *arguments, playbook=ADOPT)
    assert_nothing_shown(by_hand, output)
    return code, output, " ".join(output.split())


def confirmed(by_hand):
    return "-e", f"vault_seal_adopt_confirm={by_hand.bench.lab.name}"


def assert_nothing_shown(by_hand, output):
    assert not [secret for secret in (*by_hand.keys, by_hand.token) if secret in output], "a secret is shown"


def seen(by_hand):
    return by_hand.states(), by_hand.bench.fingerprint()


def test_what_can_not_work_stops_it_before_a_node_is_touched(by_hand):
    wrong = by_hand.keys[2][:-2] + ("00" if by_hand.keys[2][-2:] != "00" else "01")
    before = seen(by_hand)

    code, output, said = run(by_hand, typed=False)
    assert code != 0 and f"If that is wanted: -e vault_seal_adopt_confirm={by_hand.bench.lab.name}" in said, output
    code, output, said = run(by_hand, keys=[by_hand.keys[0], by_hand.keys[0], by_hand.keys[1]])
    assert code != 0 and "3 of the 5 unseal keys are needed, and 2 different ones were given" in said, output
    code, output, said = run(by_hand, keys=[*by_hand.keys[:2], wrong])
    assert code != 0 and "Vault takes no 3 together" in said, output
    code, output, said = run(by_hand, keys=[*by_hand.keys[:2], wrong, by_hand.keys[3]])
    assert code != 0 and "counted from 1: not 3" in said, output
    key_id = by_hand.bench.aws("kms").describe_key(KeyId="alias/vault-unseal")["KeyMetadata"]["KeyId"]
    with by_hand.bench.disabled(key_id):
        code, output, said = run(by_hand)
    assert code != 0 and "DisabledException" in said, output

    code, output, said = run(by_hand, "--check", keys=[], typed=False)
    assert code == 0 and "the seal is added to its configuration, it restarts" in said, output
    assert seen(by_hand) == before


def test_a_node_that_is_sealed_is_named(by_hand):
    node = by_hand.bench.lab.nodes[2]
    before = by_hand.bench.fingerprint()
    by_hand.restart(node)
    code, output, said = run(by_hand)
    assert code != 0 and f"{node.hostname} is sealed. Open it with the unseal keys first" in said, output
    assert by_hand.bench.fingerprint() == before
    by_hand.open(node.hostname)
    by_hand.wait_until_live()


def killed_at(by_hand, task, times, *arguments):
    """The controller dies when the task begins that often."""
    variables = ("-e", json.dumps(by_hand.variables), *confirmed(by_hand))
    play = by_hand.bench.start_play(*variables, *arguments, playbook=ADOPT)
    assert play.stdout
    lines, left = [], times
    for line in play.stdout:
        lines.append(line)
        left -= line.startswith("TASK") and f": {task}" in line
        if not left:
            break
    end_family(play.pid)
    finished(play)
    assert not left, "".join(lines)


def test_no_write_is_lost_though_the_controller_dies_on_the_way(by_hand):
    bench, options = by_hand.bench, by_hand.cluster.connection
    bench.environment["VAULT_UNSEAL_KEYS"] = ",".join(by_hand.keys[:3])
    writers = Probe(nodes=options.nodes, ca_cert=options.ca_cert, token=prepare(by_hand.cluster), max_seconds=900)
    with writers as probe:
        # While a standby has restarted and is sealed; then while the node that was active has.
        killed_at(by_hand, "The CA is not needed any more", 1)
        assert sorted(by_hand.states()) == ["active shamir", "sealed awskms", "standby shamir"]
        code, refusal, _said = run(by_hand)
        assert code != 0, refusal
        taking = next(word for word in refusal.split() if word.startswith("vault_lease_take_over=")).rstrip('".')
        killed_at(by_hand, "The CA is not needed any more", 3, "-e", taking)
        assert sorted(by_hand.states()) == ["active awskms", "sealed awskms", "standby awskms"]
        code, output, said = run(by_hand, "-e", taking, "-vvv")
        assert code == 0, output
    assert_nothing_lost(probe.report(), longest=3.0)
    by_hand.wait_until_live("awskms")
    assert "The unseal keys are the recovery keys now" in said
    assert "Every node is configured for awskms and has migrated to arn:aws:kms:" in said
    assert recovery_keys_open(by_hand.cluster, by_hand.cluster.active(), by_hand.keys[:3])


def test_nobody_else_got_a_key(by_hand):
    some = "|".join(by_hand.keys)
    found = by_hand.bench.on_nodes(f"journalctl --no-pager | grep -cE '{some}' || true")
    assert [line.strip() for line in found] == ["0", "0", "0"]
    found = by_hand.bench.on_nodes(f"grep -rlE '{some}' /etc /tmp /run /var/lib /var/log 2>/dev/null || true")
    assert "".join(found) == ""


def test_every_node_opens_by_itself_from_now_on(by_hand):
    for node in by_hand.bench.lab.nodes:
        by_hand.restart(node)
        by_hand.wait_until_live("awskms")
    assert by_hand.bench.on_nodes(f"grep -c 'seal \"awskms\"' {CONFIG} {CONFIG}.before-seal || true") == [
        f"{CONFIG}:1\n{CONFIG}.before-seal:0\n"
    ] * len(by_hand.bench.lab.nodes)


def test_a_second_run_has_nothing_to_do(by_hand):
    before = seen(by_hand)
    code, output, said = run(by_hand, keys=[])
    assert code == 0 and "Nothing to do: the seal is awskms already on every node" in said, output
    assert (
        "and each of them has migrated to arn:aws:kms:" in said and "The unseal keys are the recovery keys now" in said
    ), output
    assert output.count("changed=0") == len(by_hand.bench.lab.nodes) + 1, output
    assert seen(by_hand) == before


def test_then_the_cluster_is_adopted(by_hand):
    del by_hand.bench.environment["VAULT_UNSEAL_KEYS"]
    code, output = by_hand.play()
    assert code == 0, output
    by_hand.wait_until_live("awskms")
    code, output = by_hand.play()
    assert code == 0 and output.count("changed=0") == len(by_hand.bench.lab.nodes) + 1, output
