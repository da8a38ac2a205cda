"""Of which product a snapshot is: told with its version, and believed before it is restored."""

from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._backup import config
from ansible_collections.vaultops.cluster.plugins.module_utils._common.errors import Problem
from ansible_collections.vaultops.cluster.plugins.module_utils._snapshot import manifest
from ansible_collections.vaultops.cluster.plugins.modules import vault_snapshot_fetch
from kit.manifests import GOOD, backup


def made(version):
    return dataclasses.replace(backup(41, 0), vault_version=version)


@pytest.mark.parametrize(
    ("flavour", "version", "told"), [("vault", "2.1.0", "2.1.0"), ("openbao", "2.1.0", "2.1.0+openbao")]
)
def test_a_version_that_both_have_tells_which_it_is(flavour, version, told):
    assert manifest.version_of(version, flavour) == told
    assert manifest.flavour_of(told) == flavour


@pytest.mark.parametrize("version", ["1.21.1", "1.21.1+ent", "", "unknown"])
def test_what_was_taken_before_is_of_vault(version):
    assert manifest.flavour_of(version) == "vault"


@pytest.mark.parametrize(
    ("version", "flavour", "says"),
    [
        ("2.1.0", "openbao", "is a snapshot of Vault 2.1.0, and vault_flavour is openbao"),
        ("2.6.2+openbao", "vault", "is a snapshot of OpenBao 2.6.2, and vault_flavour is vault"),
    ],
)
def test_a_snapshot_of_the_other_product_is_refused(version, flavour, says):
    with pytest.raises(Problem, match="Nothing was changed") as refused:
        vault_snapshot_fetch.require_product(made(version), flavour)
    assert says in str(refused.value)


@pytest.mark.parametrize(("version", "flavour"), [("2.1.0", "vault"), ("2.6.2+openbao", "openbao")])
def test_a_snapshot_of_the_same_product_is_taken(version, flavour):
    vault_snapshot_fetch.require_product(made(version), flavour)


def test_the_tool_is_told_which_server_it_saves():
    assert config.parse(GOOD).flavour == "vault"
    assert config.parse({**GOOD, "flavour": "openbao"}).flavour == "openbao"
    with pytest.raises(ValueError, match="flavour must be vault or openbao"):
        config.parse({**GOOD, "flavour": "bao"})
