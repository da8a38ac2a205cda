"""A Vault with the cluster's identities, for modules that log in, and custody of its keys, with a controller that may die."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.recovery import prove
from kit.identities import by_iam, ca, options, set_up, vault
from kit.killed import Controller, Custody

__all__ = ["by_iam", "ca", "options", "set_up", "vault"]


@pytest.fixture
def controller(monkeypatch):
    return Controller(monkeypatch)


@pytest.fixture
def custody(monkeypatch, controller, vault):
    monkeypatch.setattr(prove, "CHECK_SECONDS", 0)
    return Custody(monkeypatch, controller, vault.recovery.keys, vault.recovery.threshold)
