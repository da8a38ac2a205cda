"""What adopt_seal.yml does around each node's turn."""

from __future__ import annotations

import yaml
from kit.paths import ROOT

TASKS = ROOT / "playbooks" / "tasks" / "adopt_seal"


def steps(name):
    return yaml.safe_load((TASKS / f"{name}.yml").read_text())


def test_every_node_proves_the_kms_key_again_before_each_turn():
    turns = next(step for step in steps("migrate") if "loop" in step)
    assert turns["ansible.builtin.include_tasks"] == "proven_turn.yml"
    proof, turn = steps("proven_turn")
    assert proof["ansible.builtin.import_role"]["tasks_from"] == "prove_key"
    # On all nodes, and in every turn.
    assert not {"when", "run_once"} & set(proof)
    assert turn["ansible.builtin.include_tasks"] == "../turn.yml"
    (check,) = yaml.safe_load((ROOT / "roles/vault_seal_adopt/tasks/prove_key.yml").read_text())
    assert "vaultops.cluster.vault_seal_check" in check and not {"when", "run_once"} & set(check)


def test_the_key_is_compared_and_the_report_given_whether_anything_was_to_be_done_or_not():
    def of(name):
        return yaml.safe_load((ROOT / f"roles/vault_seal_adopt/tasks/{name}.yml").read_text())

    compared = [
        step for step in [*of("read"), *of("verify")] if step.get("ansible.builtin.include_tasks") == "stored.yml"
    ]
    assert [step["when"] for step in compared] == ["not vault_seal_adopt_plan.wanting", "vault_seal_adopt_plan.wanting"]
    assert not any("when" in step for step in of("stored"))
    (report,) = of("report")
    assert "when" not in report


def test_the_cluster_is_not_asked_to_be_whole_while_others_are_down_on_their_way():
    work, whole = steps("turn")
    assert "when" not in work
    assert whole["ansible.builtin.include_role"]["tasks_from"] == "health"
    assert whole["when"] == "vault_turn not in vault_seal_adopt_plan.lacking"
