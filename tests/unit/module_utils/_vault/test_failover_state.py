"""What a fail-over was like, from what was seen, and whether that is within the limits."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.failover.state import (
    Seen,
    outage,
    report,
    words,
)

LIMITS = {"leader_seconds": 10.0, "write_seconds": 12.0, "rejoin_seconds": 60.0}
ABOUT = {"kind": "crash", "cluster": "prod", "vault_version": "1.21.1", "finished_at": "2026-11-26T20:00:00Z"}
OLD = Seen(first_active=1.0, last_active=10.0, first_ack=1.1, last_ack=10.25, acks=40)
MEASURED = {
    "stopped": "vault-1",
    "acknowledged": 40,
    "leader": "vault-2",
    "leader_seconds": 2.5,
    "write_seconds": 2.75,
    "lost": False,
    "unsealed_seconds": 3.0,
    "rejoined_seconds": 8.0,
    "problem": None,
}


def test_it_counts_from_the_old_leaders_last_word_to_the_new_ones_first():
    seen = {"vault-1": OLD, "vault-2": Seen(12.5, 14.0, 13.0, 14.0, 9), "vault-3": Seen()}
    assert outage(seen, "vault-1") == {"leader": "vault-2", "leader_seconds": 2.5, "write_seconds": 2.75}


@pytest.mark.parametrize(
    ("others", "leader", "write"),
    [
        ({}, None, None),
        ({"vault-2": Seen()}, None, None),
        ({"vault-2": Seen(12.5, 12.5)}, "vault-2", None),
        ({"vault-2": Seen(13.5, 14.0, 13.75), "vault-3": Seen(12.5, 12.75, 12.75)}, "vault-3", 2.5),
        # Before the old one's last word: it led before.
        ({"vault-2": Seen(0.5, 0.75, 0.75, 0.75)}, None, None),
    ],
)
def test_who_leads_afterwards(others, leader, write):
    found = outage({"vault-1": OLD, **others}, "vault-1")
    assert (found["leader"], found["write_seconds"]) == (leader, write)


@pytest.mark.parametrize(
    ("differs", "says"),
    [
        ({}, []),
        ({"leader_seconds": 10.0}, []),
        (
            {"leader_seconds": 10.5},
            ["A new leader took 10.5 s, and the limit is 10 s (vault_failover_leader_seconds)."],
        ),
        ({"write_seconds": 12.5}, ["The first acknowledged write took 12.5 s, and the limit is 12 s"]),
        ({"rejoined_seconds": 61.0}, ["vault-1 took 61 s to be a healthy voter again, and the limit is 60 s"]),
        ({"lost": True}, ["A write that vault-1 had acknowledged is not there any more."]),
        ({"lost": None}, []),
        ({"problem": "It went wrong.", "leader": None, "leader_seconds": None}, ["It went wrong."]),
    ],
)
def test_what_fails_it(differs, says):
    made = report({**MEASURED, **differs}, LIMITS, ABOUT)
    assert len(made["problems"]) == len(says)
    assert all(problem.startswith(begin) for problem, begin in zip(made["problems"], says, strict=True))
    assert made["result"] == ("failed" if says else "passed")


def test_the_report_has_what_was_measured_and_no_more_of_the_modules_result():
    made = report({**MEASURED, "changed": True, "failed": False}, LIMITS, ABOUT)
    assert set(made) == {*MEASURED, *ABOUT, "limits", "result", "problems"}


def test_the_words_say_what_was_seen():
    said = " ".join(words(report(MEASURED, LIMITS, ABOUT)))
    assert "vault-1, the active node, was killed. It had acknowledged 40 writes" in said
    assert "vault-2 was the active node after 2.50 s." in said
    assert "The first write was acknowledged after 2.75 s. No acknowledged write was lost." in said
    assert "was unsealed after 3.00 s" in said
    blind = {**MEASURED, "lost": None, "leader": None, "unsealed_seconds": None, "rejoined_seconds": None}
    said = " ".join(words(report({**blind, "write_seconds": None}, LIMITS, {**ABOUT, "kind": "graceful"})))
    assert said == "vault-1, the active node, was stopped. It had acknowledged 40 writes of this check."
