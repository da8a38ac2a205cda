"""What is sent to Vault to initialise it, and which numbers of shares are never sent."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.init import state


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
