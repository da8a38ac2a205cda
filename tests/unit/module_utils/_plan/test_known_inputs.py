"""What nobody understands in an inventory is named, with the nearest name, and no value is ever said."""

from __future__ import annotations

import subprocess
import sys
import typing as t

import pytest
import yaml
from ansible_collections.vaultops.cluster.plugins.module_utils._plan import known_inputs
from kit.paths import ROOT

SECRET = "hunter2-x9"
OPTIONS = {
    "vault_snapshot_bucket": {"type": "str"},
    "vault_join": {"type": "str", "choices": ["aws", "static"]},
    "vault_kms_manage": {"type": "bool"},
    "vault_snapshot_days": {"type": "int"},
    "vault_rejoin": {"type": "list", "elements": "str"},
    "vault_cluster_tag": {"type": "dict"},
    "vault_leaving": {"type": "raw"},
    "vault_other_variables": {"type": "list", "elements": "str"},
    "vault_tls_ca_change": {"type": "str", "choices": ["", "begin"]},
}


class Host(dict):
    """Variables of which some can't be had, as templates of what is not known yet; it tells which were read."""

    def __init__(self, *broken: str, **own: t.Any) -> None:
        super().__init__(own, **dict.fromkeys(broken))
        self.broken = broken
        self.read: list[str] = []

    def __getitem__(self, name: str) -> t.Any:
        self.read.append(name)
        if name in self.broken:
            raise KeyError(name)
        return super().__getitem__(name)


def problems(*hosts: t.Mapping[str, t.Any], given: t.Collection[str] = ()) -> list[str]:
    return known_inputs.problems({f"vault-{n}": own for n, own in enumerate(hosts, 1)}, OPTIONS, given)


def test_what_is_known_is_no_problem():
    own = {
        "vault_snapshot_bucket": "b",
        "vault_join": "static",
        "vault_kms_manage": "no",
        "vault_snapshot_days": "3",
    }
    own |= {"vault_rejoin": ["vault-1"], "vault_cluster_tag": {"key": "a", "value": "b"}, "vault_leaving": 1}
    assert problems({**own, "ansible_host": "10.0.0.1", "vaulted": 1, "vault_hosts": []}, given=["vault_hosts"]) == []


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("vault_snapshot_bukket", "vault_snapshot_bucket"),
        ("vault_snapshots_bucket", "vault_snapshot_bucket"),
        ("vault_kms_mange", "vault_kms_manage"),
        ("vault_jion", "vault_join"),
    ],
)
def test_a_slip_in_a_name_is_told_with_the_nearest_one(name, nearest):
    (said,) = problems({}, {name: SECRET}, {})
    assert said.startswith(f"vault-2: the variable {name} is no input")
    assert f"The nearest one is {nearest}:" in said and "vault_other_variables" in said
    assert SECRET not in said


def test_what_is_like_no_name_gets_no_guess():
    (said,) = problems({"vault_zzz": SECRET})
    assert "nearest" not in said and "docs/inputs.md" in said


def test_what_an_earlier_release_had_is_told_with_what_to_do_about_it():
    (said,) = problems({"vault_controller_dir": SECRET})
    assert "no input any more" in said and "docs/moving.md" in said and "nearest" not in said


def test_what_all_hosts_have_is_said_once():
    assert [said.partition(":")[0] for said in problems({"vault_x": 1}, {"vault_x": 1, "vault_y": 1})] == [
        "All hosts",
        "vault-2",
    ]


@pytest.mark.parametrize("others", [["vault_db_*"], "vault_db_*", ["vault_db_password"]])
def test_what_belongs_to_something_else_can_be_listed(others):
    assert problems({"vault_db_password": SECRET, "vault_other_variables": others}) == []
    assert len(problems({"vault_dx_password": SECRET, "vault_other_variables": others})) == 1


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("vault_join", SECRET, "none of its choices. Use one of aws, static."),
        ("vault_tls_ca_change", SECRET, "none of its choices. Use one of begin."),
        ("vault_kms_manage", SECRET, "can't be read as bool. Write true or false."),
        ("vault_snapshot_days", SECRET, "can't be read as int. Write a whole number."),
        ("vault_rejoin", {SECRET: 1}, "can't be read as list of str. Write a list."),
        ("vault_cluster_tag", [SECRET], "can't be read as dict. Write a mapping."),
    ],
)
def test_a_value_of_another_kind_is_named_and_not_shown(name, value, says):
    (said,) = problems({name: value})
    assert said.startswith(f"vault-1: the variable {name} has a value that") and said.endswith(says)
    assert SECRET not in said


@pytest.mark.parametrize("value", ["", None])
@pytest.mark.parametrize("name", OPTIONS)
def test_what_is_empty_was_not_given(name, value):
    assert problems({name: value}) == []


def test_a_list_of_others_that_cannot_be_had_is_none():
    assert problems(Host("vault_other_variables", vault_join="aws")) == []


def test_only_what_has_a_kind_is_read_and_what_cannot_be_had_is_left_alone():
    host = Host("vault_kms_manage", vault_snapshot_bucket="b", vault_join="aws", vault_leaving=[], mine=1)
    assert problems(host) == []
    assert host.read == ["vault_join", "vault_kms_manage"]


def test_a_template_that_was_not_filled_in_is_no_value():
    assert problems({"vault_kms_manage": "{{ known_later }}", "vault_join": "{% if known_later %}aws{% endif %}"}) == []


@pytest.mark.parametrize("playbook", sorted((ROOT / "playbooks").glob("*.yml")), ids=lambda path: path.stem)
def test_every_playbook_begins_with_it(playbook):
    first = yaml.safe_load(playbook.read_text())[0]
    if "ansible.builtin.import_playbook" in first:
        first = yaml.safe_load((playbook.parent / first["ansible.builtin.import_playbook"]).read_text())[0]
    # Whatever --tags and --skip-tags say: a run without a step would end well.
    assert first["hosts"].startswith(
        "{{ 'localhost' | vaultops.cluster.with_every_step(ansible_run_tags, ansible_skip_tags"
    )
    entry = first["tasks"][0]["ansible.builtin.import_role"]["tasks_from"]
    assert entry in ("inventory", "known")
    (always,) = yaml.safe_load((ROOT / f"roles/vault_cluster/tasks/{entry}.yml").read_text())
    assert "vaultops.cluster.vault_check_inventory" in always and always["tags"] == ["always"]


def test_no_run_begins_in_the_middle_of_a_playbook():
    """Past the task that asks for the cluster's name."""
    options = ["-i", "localhost,", "--check", "--start-at-task", "Work"]
    command = [sys.executable, "-m", "ansible", "playbook", *options, "playbooks/decommission.yml"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode != 0
    assert "--start-at-task Work: the steps of this playbook need each other." in said
    assert "PLAY [" not in said
