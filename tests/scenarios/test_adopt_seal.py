"""A cluster that people unseal by hand comes to a KMS key while clients write, is adopted, and gets new recovery keys."""

from __future__ import annotations

import json
import signal

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.errors import VaultError
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.recovery import api
from kit.bench import end_family, finished
from kit.changes import assert_nothing_lost
from kit.fault_proxy import Kill, Rule
from kit.login import recovery_keys_open
from kit.probe import Probe, prepare
from kit.process_list import ProcessList
from kit.recording_proxy import PROXY_PORT, Wire
from kit.shamir import CONFIG, ByHand

ADOPT, CHECK, REKEY = (f"playbooks/{name}.yml" for name in ("adopt_seal", "custody_check", "rekey"))


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
    by_hand.stop(node)
    code, output, said = run(by_hand)
    assert code != 0, output
    assert f"{node.hostname}: Vault does not run there, and its configuration has the old seal. Start it" in said, (
        output
    )
    by_hand.restart(node)
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
        states = by_hand.states()
        assert sorted(states) == ["active shamir", "sealed awskms", "standby shamir"]
        # And then its process ends.
        by_hand.stop(bench.lab.nodes[states.index("sealed awskms")])
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


def custody(bench):
    return json.loads(bench.aws("secretsmanager").get_secret_value(SecretId=bench.secret)["SecretString"])


def has_custody(bench):
    listed = bench.aws("secretsmanager").list_secrets()["SecretList"]
    return any(one["Name"] == bench.secret for one in listed)


def works(by_hand, keys):
    """Whether Vault makes a root token with these; it is revoked at once."""
    name = by_hand.cluster.active()
    try:
        return recovery_keys_open(by_hand.cluster, name, keys)
    except VaultError as error:
        assert error.status == 400, error
        return False
    finally:
        api.cancel_root(name, by_hand.cluster.client(name))


def of_rekey(by_hand, wire=None):
    more = {"vault_aws_endpoint_url": wire.url} if wire else {}
    return "-e", json.dumps({**by_hand.variables, "vault_rekey_confirm": by_hand.bench.lab.name, **more})


def rekey(by_hand, *arguments, keys=(), wire=None, playbook=REKEY):
    by_hand.bench.environment["VAULT_RECOVERY_KEYS"] = ",".join(keys)
    code, output = by_hand.bench.play(*of_rekey(by_hand, wire), *arguments, playbook=playbook)
    assert_nothing_shown(by_hand, output)
    return code, output, " ".join(output.split())


def dies(by_hand, wire, nth, forward, *arguments, keys=()):
    """The controller dies when it puts something into custody for the *nth* time since the
    wire is there."""
    play = None
    by_hand.bench.environment["VAULT_RECOVERY_KEYS"] = ",".join(keys)
    wire.rules[:] = [Rule("PutSecretValue", Kill(lambda: end_family(play.pid), forward=forward), nth)]
    play = by_hand.bench.start_play(*of_rekey(by_hand, wire), *arguments, playbook=REKEY)
    output, _ = play.communicate(timeout=240)
    wire.rules.clear()
    assert play.returncode == -signal.SIGKILL, output
    assert_nothing_shown(by_hand, output)
    return output


def taking_over(by_hand, wire):
    """Of the run that was killed."""
    code, refusal, _said = rekey(by_hand, wire=wire)
    assert code != 0, refusal
    return "-e", next(word for word in refusal.split() if word.startswith("vault_lease_take_over=")).rstrip('".')


def test_recovery_keys_of_people_are_asked_for_and_nothing_is_touched(by_hand):
    for arguments in ([], ["--check"]):
        code, output, said = rekey(by_hand, *arguments, keys=by_hand.keys[:2])
        assert code != 0 and "Vault wants 3 of the 5 that people have, and 2 different ones were given" in said, output
    wrong = by_hand.keys[2][:-2] + ("00" if by_hand.keys[2][-2:] != "00" else "01")
    code, output, said = rekey(by_hand, keys=[*by_hand.keys[:2], wrong])
    assert code != 0 and "it takes none of the 3 keys in VAULT_RECOVERY_KEYS" in said, output
    assert wrong not in output
    code, output, said = rekey(by_hand, "--check", keys=by_hand.keys[:3])
    assert code == 0 and "Vault is given 3 of the 3 keys in VAULT_RECOVERY_KEYS" in said, output
    code, output, said = rekey(by_hand, playbook=CHECK)
    assert code != 0 and "holds no recovery keys of this cluster" in said, output
    assert not has_custody(by_hand.bench)
    assert works(by_hand, by_hand.keys[2:])


# What a run puts: 1 proves that there is room, 2 reserves, 3 notes the nonce, 4 brings the new keys. When Vault has verified
# these, 5 lets them count in custody, and 6 says so once more.
def test_the_first_keys_in_custody_outlive_a_controller_that_dies_twice(by_hand):
    bench = by_hand.bench
    with Wire((bench.lab.gateway, PROXY_PORT), bench.lab.aws_url, []) as wire, ProcessList() as processes:
        # Vault has begun, and has no key yet: those of people count.
        output = dies(by_hand, wire, 3, True, keys=by_hand.keys[:3])
        assert (custody(bench)["status"], custody(bench)["rekey"]["recovery_keys"]) == ("elsewhere", [])
        taking = taking_over(by_hand, wire)
        code, refused, said = rekey(by_hand, *taking, wire=wire)
        assert code != 0 and "was cut short before custody had a new key" in said, refused
        assert "VAULT_RECOVERY_KEYS" in said
        # The new keys count, and custody does not say so yet. Nobody has to give a key any more.
        output += dies(by_hand, wire, 3 + 5, False, *taking, keys=by_hand.keys[2:])
        held = custody(bench)
        assert held["status"] == "elsewhere" and len(held["rekey"]["recovery_keys"]) == 5
        code, second, said = rekey(by_hand, *taking_over(by_hand, wire), wire=wire)
        assert code == 0 and "count from now on" in said, second
        assert not wire.shown_in(refused + output + second)
        seen = " ".join(processes.seen)
        assert "ansible-playbook" in seen
        assert not wire.shown_in(seen) and not [key for key in by_hand.keys if key in seen]
        assert not [key for key in by_hand.keys if key in json.dumps(wire.records)], "people keep theirs"
    after = custody(bench)
    assert (after["status"], after["rekey"], after["former"]) == ("stored", None, [])
    assert after["recovery_keys"] == held["rekey"]["recovery_keys"]
    assert works(by_hand, after["recovery_keys"][:3])
    assert not works(by_hand, by_hand.keys[:3]), "those of people are good for nothing"


def test_from_then_on_nobody_gives_a_key(by_hand):
    del by_hand.bench.environment["VAULT_RECOVERY_KEYS"]
    code, output = by_hand.play(playbook=CHECK)
    assert code == 0 and "Vault has taken 5 of them" in " ".join(output.split()), output
    code, output = by_hand.bench.play(*of_rekey(by_hand), playbook=REKEY)
    assert code == 0 and "Nothing to do" in output, output
    assert output.count("changed=0") == len(by_hand.bench.lab.nodes) + 1, output
    before = custody(by_hand.bench)["recovery_keys"]
    code, output = by_hand.bench.play(*of_rekey(by_hand), "-e", '{"vault_rekey_age_hours": 0}', playbook=REKEY)
    assert code == 0, output
    assert works(by_hand, custody(by_hand.bench)["recovery_keys"][:3])
    assert not works(by_hand, before[:3])
    code, output = by_hand.play(playbook=CHECK)
    assert code == 0, output
    code, output = by_hand.play()
    assert code == 0 and output.count("changed=0") == len(by_hand.bench.lab.nodes) + 1, output
