"""A second controller is kept away, and whatever goes wrong in a playbook, the nodes that can be reached get their lease back."""

from __future__ import annotations

import getpass
import json
import os
import shutil
import socket
import subprocess
import time
import uuid
from pathlib import Path

import boto3
import pytest
import yaml
from kit.bench import ROOT, end_family, finished

HERE = ROOT / "tests/scenarios/lease"
NODES = ["vault-1", "vault-2", "vault-3"]
ME = f"{getpass.getuser()}@{socket.gethostname()}"


class Site:
    """Three nodes that are directories on this machine: a lease needs no Vault, and no AWS."""

    def __init__(self, folder):
        self.folder = folder
        self.journal = folder / "journal"
        here = {
            "ansible_connection": "local",
            "ansible_host": "127.0.0.1",
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "vault_lease_dir": f"{folder}/{{{{ inventory_hostname }}}}/lease",
            "vault_cluster_name": "prod",
        }
        self.inventory = folder / "hosts.yml"
        self.write(dict.fromkeys(NODES, {}), here)

    def write(self, hosts, common):
        for name in hosts:
            (self.folder / name).mkdir(exist_ok=True)
        groups = {"vault": {"hosts": hosts, "vars": common}}
        self.inventory.write_text(yaml.safe_dump({"all": {"children": groups}}))

    def start(self, playbook="play.yml", check=False, tags="all", **variables):
        own = {"journal": str(self.journal), "run": uuid.uuid4().hex[:8], **variables}
        command = ["ansible-playbook", "-i", str(self.inventory), str(HERE / playbook), "-e", json.dumps(own)]
        return subprocess.Popen(
            [*command, "--tags", tags, *(["--check"] if check else [])],
            cwd=ROOT,
            env={**os.environ, "ANSIBLE_FORCE_COLOR": "0"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def play(self, playbook="play.yml", check=False, tags="all", **variables):
        return finished(self.start(playbook, check, tags, **variables))

    def leases(self):
        return {name: json.loads(path.read_text()) for name in NODES if (path := self.path(name)).exists()}

    def path(self, node):
        return self.folder / node / "lease" / "lease-prod.json"

    def put(self, node, who="alice@laptop", **changes):
        """Somebody else's lease."""
        boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        own = {
            "cluster": "prod",
            "holder": who,
            "who": who,
            "job": "",
            "playbook": "rolling_upgrade",
            "boot_id": boot_id,
        }
        own |= {
            "since": time.time(),
            "seconds": 1800.0,
            "renewed_at": time.clock_gettime(time.CLOCK_BOOTTIME),
            **changes,
        }
        self.path(node).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path(node).write_text(json.dumps(own))

    def steps(self):
        lines = self.journal.read_text().splitlines() if self.journal.exists() else []
        return [line.rpartition(" ")[0].strip() for line in lines]

    def wait_for(self, line):
        deadline = time.monotonic() + 60
        while line not in self.steps():
            assert time.monotonic() < deadline, self.steps()
            time.sleep(0.05)


def last_word(output):
    return [line for line in output.splitlines() if line.startswith("fatal: ")][-1]


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


WHOLE = ["begin all", "end all"]
for turn in ("vault-3", "vault-1", "vault-2"):
    WHOLE += [f"begin turn {turn}", f"end turn {turn}"]
WHOLE += ["begin end", "end end"]


def test_a_run_that_goes_well_takes_turns_and_leaves_no_lease(site):
    code, output = site.play()
    assert code == 0, output
    assert site.steps() == WHOLE
    assert site.leases() == {}
    assert output.count("changed=0") == 3, output


def test_a_look_takes_no_lease(site):
    site.put("vault-1")
    site.put("vault-2")
    code, output = site.play(check=True)
    assert code == 0, output
    assert {lease["who"] for lease in site.leases().values()} == {"alice@laptop"}


FAILURES = {
    "task": "the cause, on ",
    "once": "the cause",
    "rescue": "the cause, after something before",
    "rescue once": "the cause, after something before",
    "block": "the cause",
    "block once": "the cause",
    "end": "the cause, at the end",
    "end once": "the cause, at the end",
    "loop": "the cause, of 2",
    "secret": "'A task with a secret fails' failed",
    "variable": "'the_cause' is undefined",
    "cut": "can't be reached any more",
}


CASES = [
    *(("all", "vault-2", failure) for failure in FAILURES),
    *(("turn", "vault-1", failure) for failure in FAILURES),
    *(("end", "vault-1", failure) for failure in ("once", "cut")),
]


@pytest.mark.parametrize(("part", "node", "failure"), CASES)
def test_after_a_failure_the_lease_is_gone_and_the_cause_is_the_last_word(site, part, node, failure):
    code, output = site.play(fail=failure, fail_in=part, fail_on=node)
    assert code == (4 if failure == "cut" else 2), output
    assert FAILURES[failure] in last_word(output).replace("\\u0027", "'"), output
    assert "hunter2" not in output
    assert set(site.leases()) == ({node} if failure == "cut" else set()), output
    if failure == "cut":
        assert last_word(output).count(node) == 2, output
    failed = {"all": "end all", "turn": f"end turn {'vault-3' if 'once' in failure else node}", "end": "end end"}[part]
    assert site.steps() == WHOLE[: WHOLE.index(failed)], output


def test_a_second_controller_is_told_who_is_at_work(site):
    first = site.start(fail="wait", fail_in="turn", fail_on="vault-1")
    site.wait_for("begin turn vault-1")
    begun = site.steps()
    code, output = site.play(awx_job_id=42, awx_user_name="bob")
    said = last_word(output)
    assert code == 2, output
    assert f"{ME} (play, since " in said and "runs out" in said
    assert f"-e vault_lease_take_over={ME}" in said
    assert site.steps() == begun
    (site.folder / "journal.go").touch()
    code, output = finished(first)
    assert code == 0, output
    assert site.steps() == WHOLE


def test_two_controllers_at_once_never_both_work(site):
    for _ in range(3):
        site.journal.unlink(missing_ok=True)
        both = [site.start(run=name) for name in ("one", "two")]
        codes = [finished(process)[0] for process in both]
        assert set(codes) <= {0, 2}
        order = [line.split()[-1] for line in site.journal.read_text().splitlines()] if site.journal.exists() else []
        assert order == sorted(order, key=order.index), order
        assert len(set(order)) == codes.count(0)
        assert site.leases() == {}


def test_what_a_killed_controller_left_runs_out_or_is_taken_away_by_name(site):
    process = site.start(fail="wait", fail_in="all", fail_on="vault-1")
    site.wait_for("begin all")
    end_family(process.pid)
    process.wait()
    left = site.leases()
    assert set(left) == set(NODES)
    code, output = site.play()
    assert code == 2, output
    code, output = site.play(vault_lease_take_over="alice@laptop")
    assert code == 2 and ME in last_word(output), output
    assert site.leases() == left
    code, output = site.play(vault_lease_take_over=ME)
    assert code == 0, output
    assert site.leases() == {}
    for node, lease in left.items():
        site.put(node, **{**lease, "renewed_at": lease["renewed_at"] - lease["seconds"]})
    code, output = site.play()
    assert code == 0, output


def test_a_lease_is_taken_away_once(site):
    """The run that was dead is not the one that the same person has begun since."""
    for node in NODES:
        site.put(node, ME)
    theirs = site.path("vault-1").read_text()
    code, output = site.play("twice.yml", vault_lease_take_over=ME, theirs=theirs)
    assert code == 2 and f"{ME} (rolling_upgrade" in last_word(output), output
    assert {node: lease["holder"] for node, lease in site.leases().items()} == dict.fromkeys(NODES, ME)


def test_a_run_that_changes_nothing_takes_no_lease_away(site):
    for node in NODES:
        site.put(node)
    left = site.leases()
    play = ROOT / "playbooks" / "plays" / "take_over.yml"
    for tags, check, expected in (("preflight", False, left), ("all", True, left), ("preflight,tls", False, {})):
        code, output = site.play(play, check, tags, vault_lease_take_over="alice@laptop")
        assert code == 0, output
        assert site.leases() == expected, (tags, check)


def test_whoever_was_taken_over_stops_before_the_next_turn(site):
    first = site.start(fail="wait", fail_in="turn", fail_on="vault-3")
    site.wait_for("begin turn vault-3")
    site.put("vault-1")
    site.put("vault-2")
    (site.folder / "journal.go").touch()
    code, output = finished(first)
    assert code == 2, output
    assert "alice@laptop (rolling_upgrade" in last_word(output), output
    assert site.steps() == WHOLE[: WHOLE.index("end turn vault-3") + 1]
    assert {node: lease["who"] for node, lease in site.leases().items()} == dict.fromkeys(NODES[:2], "alice@laptop")


def test_a_minority_hinders_nobody_and_keeps_its_lease(site):
    site.put("vault-2")
    code, output = site.play()
    assert code == 0, output
    assert set(site.leases()) == {"vault-2"}


def test_without_a_majority_it_gives_back_what_it_was_granted(site):
    site.put("vault-1")
    site.put("vault-2", "carol@desk")
    code, output = site.play()
    assert code == 2, output
    assert "alice@laptop" in last_word(output) and "carol@desk" in last_word(output)
    assert set(site.leases()) == {"vault-1", "vault-2"}
    assert site.steps() == []


def test_a_file_that_is_no_lease_is_no_grant(site):
    for node in NODES[:2]:
        site.put(node)
        site.path(node).write_text("{")
    code, output = site.play()
    assert code == 2, output
    assert str(site.path("vault-1")) in last_word(output) and "1 of 3" in last_word(output)
    assert not site.path("vault-3").exists()
    assert site.steps() == []


@pytest.mark.parametrize(("cut", "code"), [(1, 0), (2, 2)])
def test_nodes_that_are_not_there_granted_nothing(site, cut, code):
    inventory = yaml.safe_load(site.inventory.read_text())["all"]["children"]["vault"]
    gone = {"ansible_connection": "ssh", "ansible_port": 1}
    hosts = {name: gone if name in NODES[-cut:] else {} for name in NODES}
    site.write(hosts, inventory["vars"])
    (site.folder / "journal.go").touch()
    found, output = site.play()
    assert found == code, output
    assert site.leases() == {}
    if code:
        assert "vault-2: " in last_word(output) and "Connection refused" in last_word(output)
        assert site.steps() == []


def test_one_node_alone_is_asked_where_a_play_reaches_no_more(site, tmp_path):
    code, output = site.play("serial.yml")
    assert code == 0, output
    assert site.leases() == {}
    site.put("vault-2")
    theirs = shutil.copy(site.path("vault-2"), tmp_path / "theirs.json")
    site.path("vault-2").unlink()
    code, output = site.play("serial.yml", theirs=str(theirs))
    assert code == 2, output
    assert "vault-2 has no lease of this run any more (alice@laptop" in last_word(output), output
    assert "work on vault-1" in output and "work on vault-2" not in output and "work on vault-3" not in output


@pytest.mark.parametrize("nodes", [3, 0])
def test_from_localhost_both_leases_are_taken_and_given_back(site, stand_in, monkeypatch, nodes):
    for name, value in {"AWS_ACCESS_KEY_ID": "lease", "AWS_SECRET_ACCESS_KEY": "lease"}.items():
        monkeypatch.setenv(name, value)
    account = {"vault_cluster_name": "prod", "vault_aws_region": "eu-central-1", "vault_aws_endpoint_url": stand_in}
    client = boto3.client("ssm", region_name="eu-central-1", endpoint_url=stand_in)
    if not nodes:
        site.write({}, {})
    for variables, code in (({}, 0), ({"fail": True}, 2)):
        found, output = site.play("provision.yml", **account, **variables)
        assert found == code, output
        assert site.leases() == {}
        kept = client.get_parameters_by_path(Path="/vaultops/prod/lease")["Parameters"]
        assert json.loads(max(kept, key=lambda one: one["Name"])["Value"])["released"]
    assert '"msg": "the cause"' in last_word(output), output
    if nodes:
        site.put("vault-1")
        site.put("vault-2")
        code, output = site.play("provision.yml", **account)
        assert code == 2 and "alice@laptop" in last_word(output), output
        assert "Lease in AWS" not in output and "in AWS" not in last_word(output)


def test_a_machine_that_stands_still_keeps_its_lease_and_the_others_lose_it(fresh_lab, tmp_path):
    bench, journal = fresh_lab, tmp_path / "journal"
    variables = {"journal": str(journal), "run": "lab", "fail": "pause", "fail_in": "turn", "fail_on": "vault-1"}
    stopped = bench.lab.nodes[0].container
    try:
        code, output = bench.play("-e", json.dumps(variables), playbook=str(HERE / "play.yml"))
    finally:
        subprocess.run(["docker", "unpause", stopped], check=True)
    assert code == 2, output
    assert "could not be given back on vault-1" in last_word(output), output
    left = [
        text.split()
        for text in bench.on_nodes("stat -c '%a %U %n' /var/lib/vaultops /var/lib/vaultops/* 2>/dev/null; true")
    ]
    folder = ["700", "root", "/var/lib/vaultops"]
    assert left == [[*folder, "600", "root", f"/var/lib/vaultops/lease-{bench.lab.name}.json"], folder, folder]
    code, output = bench.play("-e", json.dumps({**variables, "fail": ""}), playbook=str(HERE / "play.yml"))
    assert code == 0, output
