"""What is said of a lease, and of the task that failed while a run had it."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._lease import nodes


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ({"msg": "a", "stderr": "b", "reason": "c"}, "a"),
        ({"stderr": "b", "reason": "c"}, "b"),
        ({"reason": "c"}, "c"),
        ({}, "'A task' failed."),
        ({"results": [{"failed": True, "msg": "a"}, {"failed": True, "stderr": "b"}, {"msg": "well"}]}, "a\nb"),
        ({"results": [{"failed": True}], "msg": "one or more failed"}, "one or more failed"),
        ({"results": ["no mapping"], "msg": "one or more failed"}, "one or more failed"),
    ],
)
def test_a_task_that_failed_is_told_by_the_first_words_it_has(result, said):
    assert nodes.cause(result, {}) == said


def test_a_task_that_says_nothing_is_named():
    assert nodes.cause({}, {"name": "Start Vault"}) == "'Start Vault' failed."


@pytest.mark.parametrize(("result", "task"), [({"_ansible_no_log": True}, {}), ({}, {"no_log": True})])
def test_what_may_be_secret_is_not_told(result, task):
    said = nodes.cause({"msg": "hunter2", **result}, {"name": "Log in", **task})
    assert "hunter2" not in said
    assert said.startswith("'Log in' failed. What it said is hidden")


LEASE = {"who": "ann@here", "playbook": "site", "since": 0.0, "expires": 60.0}


def test_a_lease_is_described_by_who_what_and_how_long():
    plain = nodes.described(LEASE)
    assert plain.startswith("ann@here (site, since ")
    assert nodes.described({**LEASE, "job": "7"}) == plain.replace("(site, ", "(site, 7, ")
    assert nodes.described({**LEASE, "job": ""}) == plain
    assert nodes.described({**LEASE, "playbook": ""}).startswith("ann@here (playbook unknown, since ")
