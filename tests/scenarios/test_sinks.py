"""The sinks other than the lab's default one, from init to the keys in a person's hand."""

from __future__ import annotations

import base64
import json
import signal
import subprocess

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._custody import sinks
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.errors import VaultError
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.recovery import api
from kit.bench import end_family
from kit.fault_proxy import FaultProxy, Kill, Rule
from kit.login import as_operator, is_revoked, recovery_keys_open
from kit.mirror import PROXY_PORT
from labkit.settings import REGION

CHECK, REKEY = "playbooks/custody_check.yml", "playbooks/rekey.yml"
IN_A_FILE = {"vault_custody_sink": "kms_file"}
ALWAYS = ("-e", "vault_rekey_age_hours=0")


class People:
    """Key holders, each with a PGP key in a ring of their own."""

    def __init__(self, home, names) -> None:
        self.home = home
        home.mkdir(mode=0o700)
        for name in names:
            self._gpg(
                "--passphrase",
                "",
                "--quick-generate-key",
                f"{name}@vault.example",
                "rsa2048",
                "sign,cert,encr",
                "never",
            )
        self.public = {name: self._b64(self._gpg("--export", f"{name}@vault.example")) for name in names}

    def decrypt(self, message: str) -> str:
        return self._gpg("--decrypt", stdin=base64.b64decode(message)).decode()

    def _gpg(self, *arguments: str, stdin: bytes = b"") -> bytes:
        command = ["gpg", "--homedir", str(self.home), "--batch", "--pinentry-mode", "loopback", *arguments]
        return subprocess.run(command, input=stdin, capture_output=True, check=True).stdout

    @staticmethod
    def _b64(data: bytes) -> str:
        return base64.b64encode(data).decode()


@pytest.fixture
def bench(fresh_lab):
    fresh_lab.forget_cluster()
    fresh_lab.forget_controller()
    return fresh_lab


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    return People(tmp_path_factory.mktemp("people") / "gnupg", ["ada", "ben", "cyd"])


def pgp_variables(people, **more) -> str:
    shares = list(people.public.values())
    return json.dumps(
        {
            "vault_custody_sink": "pgp",
            "vault_custody_pgp_keys": shares,
            "vault_cluster_recovery_shares": len(shares),
            "vault_cluster_recovery_threshold": 2,
            **more,
        }
    )


def opened_by(people, bench, record) -> bool:
    cluster = as_operator(bench)
    keys = [people.decrypt(message) for message in record["recovery_keys"]]
    assert len(keys) == 3
    return recovery_keys_open(cluster, cluster.active(), keys[1:])


def in_the_file(bench):
    options = {
        "sink": "kms_file",
        "path": str(bench.output / "recovery.kms_file"),
        "kms_key_id": "alias/vault-unseal",
        "region": REGION,
        "endpoint_url": bench.lab.aws_url,
    }
    return sinks.open_sink(options, bench.lab.name).read()


def test_a_file_encrypted_with_kms(bench):
    variables = json.dumps(IN_A_FILE)
    code, output = bench.play("-e", variables)
    assert code == 0, output
    file = bench.output / "recovery.kms_file"
    assert file.stat().st_mode & 0o777 == 0o600
    assert b"recovery_keys" not in base64.b64decode(file.read_bytes())
    record = in_the_file(bench)
    assert record["root_token"] is None
    cluster = as_operator(bench)
    assert recovery_keys_open(cluster, cluster.active(), record["recovery_keys"][:3])

    code, output = bench.play("-e", variables)
    assert code == 0, output
    assert output.count("changed=0") == 4, output

    code, output = bench.play("-e", variables, "-e", f"vault_rekey_confirm={bench.lab.name}", *ALWAYS, playbook=REKEY)
    assert code == 0, output
    new = in_the_file(bench)
    assert set(new["recovery_keys"]).isdisjoint(record["recovery_keys"])
    assert not set(new["recovery_keys"]) & set(output.split())
    code, output = bench.play("-e", variables, playbook=CHECK)
    assert code == 0 and "Vault has taken 5 of them" in " ".join(output.split()), output


def opens(bench, keys) -> bool:
    cluster = as_operator(bench)
    try:
        return recovery_keys_open(cluster, cluster.active(), keys[:3])
    except VaultError:
        return False
    finally:
        api.cancel_root(cluster.active(), cluster.client(cluster.active()))


def killed(bench, wire, nth, *arguments, playbook) -> None:
    """The play dies in the place of its nth call of Encrypt."""
    process = None
    wire.rules[:] = [Rule("Encrypt", Kill(lambda: end_family(process.pid)), nth)]
    process = bench.start_play(*arguments, playbook=playbook)
    output, _ = process.communicate(timeout=240)
    assert process.returncode == -signal.SIGKILL, output
    wire.rules.clear()


def test_a_rekey_into_a_file_whose_controller_dies_is_finished_by_the_next_run(bench):
    """Each put into the file is one call of Encrypt: 1 proves that there is room, 2 reserves, 3 notes the nonce, 4 puts the new
    keys there, and 5 lets them count."""
    code, output = bench.play("-e", json.dumps(IN_A_FILE))
    assert code == 0, output
    wanted = {**IN_A_FILE, "vault_rekey_confirm": bench.lab.name, "vault_rekey_age_hours": 0}
    for nth in (3, 4, 5):
        before = in_the_file(bench)["recovery_keys"]
        # A new one each time: it counts from its start.
        with FaultProxy((bench.lab.gateway, PROXY_PORT), bench.lab.aws_url, []) as wire:
            variables = ("-e", json.dumps({**wanted, "vault_aws_endpoint_url": wire.url}))
            killed(bench, wire, nth, *variables, playbook=REKEY)
            held = in_the_file(bench)
            assert held["recovery_keys"] == before
            assert opens(bench, before) or opens(bench, held["rekey"]["recovery_keys"])
            code, output = bench.play_after_kill(*variables, playbook=REKEY)
        assert code == 0, output
        held = in_the_file(bench)
        assert held["rekey"] is None and set(held["recovery_keys"]).isdisjoint(before)
        assert opens(bench, held["recovery_keys"]) and not opens(bench, before)
    code, output = bench.play("-e", json.dumps(IN_A_FILE), playbook=CHECK)
    assert code == 0 and "Vault has taken 5 of them" in " ".join(output.split()), output


def test_shares_encrypted_to_people(bench, people):
    code, output = bench.play("-e", pgp_variables(people))
    assert code == 0, output
    record = json.loads((bench.output / "recovery.pgp").read_text())
    assert record["root_token"] is None
    assert opened_by(people, bench, record)


def test_people_prove_their_shares_and_get_new_ones(bench, people):
    """The old keys are needed to begin, and the new ones to end."""
    code, output = bench.play("-e", pgp_variables(people))
    assert code == 0, output
    old = decrypted(people, bench)
    code, output = bench.play("-e", pgp_variables(people), playbook=CHECK)
    assert code == 0 and "They are encrypted to people" in " ".join(output.split()), output
    output = given(bench, old[1:], "-e", pgp_variables(people), playbook=CHECK)
    assert "Vault has taken 2 of them" in " ".join(output.split()), output

    wanted = ("-e", pgp_variables(people, vault_rekey_confirm=bench.lab.name, vault_rekey_age_hours=0))
    code, output = bench.play(*wanted, playbook=REKEY)
    assert code != 0 and "VAULT_RECOVERY_KEYS" in output, output
    output = given(bench, old[:2], *wanted, playbook=REKEY)
    assert "wait to be verified" in " ".join(output.split()), output
    assert decrypted(people, bench) == old, "nobody has shown the new ones"
    code, output = bench.play(*wanted, playbook=REKEY)
    assert code == 0 and "wait to be verified" in " ".join(output.split()), output
    new = decrypted(people, bench, of="rekey")
    output = given(bench, new[1:], *wanted, playbook=REKEY)
    assert "count from now on" in " ".join(output.split()), output
    assert decrypted(people, bench) == new
    cluster = as_operator(bench)
    assert recovery_keys_open(cluster, cluster.active(), new[:2])


def decrypted(people, bench, of=None) -> list[str]:
    record = json.loads((bench.output / "recovery.pgp").read_text())
    return [people.decrypt(message) for message in (record[of] if of else record)["recovery_keys"]]


def given(bench, keys, *arguments, playbook) -> str:
    """The output of a run whose environment has these keys, and which shows none of them."""
    bench.environment["VAULT_RECOVERY_KEYS"] = ",".join(keys)
    try:
        code, output = bench.play(*arguments, "-vvv", playbook=playbook)
    finally:
        del bench.environment["VAULT_RECOVERY_KEYS"]
    assert code == 0, output
    assert not [key for key in keys if key in output]
    return output


def test_a_root_token_that_only_a_person_can_read(bench, people):
    variables = pgp_variables(people, vault_custody_root_token_pgp_key=people.public["ada"])
    code, output = bench.play("-e", variables)
    assert code != 0
    assert "VAULT_TOKEN" in output, output

    record = json.loads((bench.output / "recovery.pgp").read_text())
    token = people.decrypt(record["root_token"])
    bench.environment["VAULT_TOKEN"] = token
    try:
        code, output = bench.play("-e", variables)
    finally:
        del bench.environment["VAULT_TOKEN"]
    assert code == 0, output
    assert token not in output
    cluster = as_operator(bench)
    assert not is_revoked(cluster, cluster.active(), token), "it is the person's to revoke"

    code, output = bench.play("-e", variables)
    assert code == 0, output
    assert output.count("changed=0") == 4, output
    assert opened_by(people, bench, record)
