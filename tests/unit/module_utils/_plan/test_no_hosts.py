"""An inventory without nodes is an error, and what is said names what was read."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._plan.known_inputs import no_hosts

GROUPS = {"all": ["vault-1", "web-1"], "vault": ["vault-1"], "vault_drill": [], "web": ["web-1"]}


@pytest.mark.parametrize(
    ("wanted", "bare"),
    [
        ([], []),
        (["vault"], []),
        (["vault", "web"], []),
        (["vault", "vault_drill"], ["vault_drill"]),
        (["vault_drill", "vaults"], ["vault_drill", "vaults"]),
    ],
)
def test_groups_without_a_host_are_named(wanted, bare):
    said = no_hosts(wanted, GROUPS, ["hosts.yml"])
    assert bool(said) is bool(bare)
    if bare:
        assert f"no host in the group {', '.join(bare)}," in said


@pytest.mark.parametrize(
    ("sources", "named"),
    [(["a.yml", "b.aws_ec2.yml"], "Inventory: a.yml, b.aws_ec2.yml."), ([], "Inventory: none was given (-i).")],
)
def test_what_was_read_is_named(sources, named):
    assert named in no_hosts(["vault_drill"], GROUPS, sources)
