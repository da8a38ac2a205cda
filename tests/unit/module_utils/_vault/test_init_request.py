"""What is sent to Vault to initialise it, and what is never sent."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._custody.record import holder, prepared, stored
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.init import state

RESERVED = prepared("prod", "2026-01-01T00:00:00+00:00", "ada@desk")
STORED = stored(RESERVED, RESERVED, "id-1")
FRESH = {"state": "fresh", "active": None, "cluster_id": None, "versions": [], "reason": ""}


def test_recovery_keys_alone_are_asked_for():
    assert state.payload(5, 3) == {"recovery_shares": 5, "recovery_threshold": 3}


def test_keys_to_encrypt_to_go_along():
    assert state.payload(2, 2, ["A", "B"], "C") == {
        "recovery_shares": 2,
        "recovery_threshold": 2,
        "recovery_pgp_keys": ["A", "B"],
        "root_token_pgp_key": "C",
    }


@pytest.mark.parametrize(
    ("shares", "threshold", "keys", "sink"),
    [
        (1, 1, None, "file"),
        (255, 255, None, "file"),
        (5, 2, None, "file"),
        (2, 2, ["A", "B"], "pgp"),
        (5, 5, [], "file"),
    ],
)
def test_numbers_that_vault_takes(shares, threshold, keys, sink):
    assert state.share_problem(shares, threshold, keys, sink) is None


@pytest.mark.parametrize(
    ("shares", "threshold", "keys", "sink", "says"),
    [
        (0, 1, None, "file", "recovery_shares must be between 1 and 255, not 0"),
        (256, 3, None, "file", "recovery_shares must be between 1 and 255, not 256"),
        (5, 6, None, "file", "recovery_threshold must be between 2 and 5 (1 only with a single share), not 6"),
        (5, 0, None, "file", "recovery_threshold must be between 2 and 5"),
        (1, 0, None, "file", "recovery_threshold must be"),
        (2, 1, None, "file", "recovery_threshold must be between 2 and 2"),
        (2, 2, None, "pgp", "give pgp_keys"),
        (2, 2, [], "pgp", "give pgp_keys"),
        (2, 2, ["A"], "pgp", "there are 2 recovery shares and 1 PGP keys"),
        (2, 2, ["A", "B", "C"], "file", "there are 2 recovery shares and 3 PGP keys"),
    ],
)
def test_numbers_that_vault_would_refuse(shares, threshold, keys, sink, says):
    assert says in state.share_problem(shares, threshold, keys, sink)


@pytest.mark.parametrize("journal", ["none", "ours", "empty"])
@pytest.mark.parametrize("take_over", ["", holder(STORED)])
def test_keys_that_are_kept_are_never_put_out_by_a_new_init(journal, take_over):
    """Neither a journal of this controller nor a word of its user makes an earlier cluster's keys worth less."""
    plan = state.plan(FRESH, STORED, journal, "the sink", take_over)
    assert plan.step == "refuse"
    assert plan.cause == "no node is initialised, yet the sink holds the recovery keys of an earlier cluster"
    assert not plan.take_over


def test_whose_reservation_it_is_and_where_is_said():
    plan = state.plan(FRESH, RESERVED, "none", "the sink")
    assert plan.cause.startswith("ada@desk began an init of this cluster at 2026-01-01T00:00:00+00:00")
    assert "the reservation is in the sink" in plan.cause
    old = state.plan(FRESH, {**RESERVED, "who": None, "run": None}, "none", "the sink")
    assert old.cause.startswith("somebody, by a version that did not say who, began")
