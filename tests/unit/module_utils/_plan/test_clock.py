"""A node's clock is judged by the controller's before and after the node looked at its own."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.filter import cluster as filters
from ansible_collections.vaultops.cluster.plugins.module_utils._plan.standing import clock_problem

ASKED, NOW, SKEW = 1000.0, 1020.0, 5.0


@pytest.mark.parametrize(
    ("clock", "differs"),
    [
        (1000.0, False),
        (1020.0, False),
        # To answer took 20 s, and nobody knows when of these the node looked.
        (995.5, False),
        (1024.5, False),
        (995.0, True),
        (1025.0, True),
        (0.0, True),
    ],
)
def test_a_clock_may_be_off_by_the_skew_and_no_more(clock, differs):
    said = clock_problem("vault-2", {"asked_at": ASKED, "time": clock}, NOW, SKEW)
    assert bool(said) is differs
    if differs:
        assert "vault-2" in said and "more than 5 s" in said and "chrony" in said


def test_it_is_said_by_how_much_and_whether_before_or_behind():
    assert "(90.0 s)" in clock_problem("vault-2", {"asked_at": ASKED, "time": ASKED + 90}, NOW, SKEW)
    assert "(-90.0 s)" in clock_problem("vault-2", {"asked_at": ASKED, "time": ASKED - 90}, NOW, SKEW)


def test_of_several_nodes_those_are_named_whose_clock_is_wrong():
    observed = {
        "vault-1": {"asked_at": ASKED, "time": ASKED + 1},
        "vault-2": {"asked_at": ASKED, "time": ASKED + 900},
        "vault-3": {"asked_at": ASKED, "time": ASKED - 900},
        # It leaves, and was not reached.
        "vault-4": {"unreachable": True},
    }
    said = filters.clock_problems(observed, NOW, SKEW)
    assert [name for one in said for name in observed if name in one] == ["vault-2", "vault-3"]


def test_who_would_refuse_tokens_is_named_as_what_runs():
    observed = {"vault-1": {"asked_at": ASKED, "time": ASKED + 900}}
    (said,) = filters.clock_problems(observed, NOW, SKEW, "openbao")
    assert "and OpenBao its certificates and tokens" in said and "Vault" not in said
