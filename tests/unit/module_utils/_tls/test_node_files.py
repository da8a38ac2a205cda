"""Where a node's certificate and key are on the controller: where they belong, or where an earlier release left them."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._tls.certificates import node_files


@pytest.fixture
def where(tmp_path):
    """The files of *name*, where *there* of what its directories may hold is there."""
    (tmp_path / "nodes").mkdir()

    def ask(name, there, source="private_ca"):
        for one in there:
            (tmp_path / one).write_text("")
        wanted = {"certificate": str(tmp_path / f"nodes/{name}.crt"), "key": str(tmp_path / f"nodes/{name}.key")}
        return node_files(wanted, str(tmp_path / name) if source == "private_ca" else "")

    return ask


EARLY = ("vault-1.crt", "vault-1.key")


@pytest.mark.parametrize(
    ("name", "there", "source", "early"),
    [
        ("vault-1", (), "private_ca", False),
        ("vault-1", EARLY, "private_ca", True),
        ("vault-1", (*EARLY, "nodes/vault-1.crt"), "private_ca", False),
        # A certificate is what the node serves: a key alone is no sign of one.
        ("vault-1", (*EARLY, "nodes/vault-1.key"), "private_ca", True),
        ("vault-1", EARLY[:1], "private_ca", False),
        ("vault-1", EARLY[1:], "private_ca", False),
        ("vault-1", EARLY, "given", False),
        # Nodes by these names have certificates like any other, and these files are the CA's and the identities'.
        ("ca", ("ca.crt", "ca.key"), "private_ca", False),
        ("vaultops-admin", ("vaultops-admin.crt", "vaultops-admin.key"), "private_ca", False),
        ("ca-1", ("ca-1.crt", "ca-1.key"), "private_ca", True),
        ("vaultops", ("vaultops.crt", "vaultops.key"), "private_ca", True),
    ],
)
def test_files_of_an_earlier_release_count_as_long_as_there_are_no_others(tmp_path, where, name, there, source, early):
    folder = tmp_path if early else tmp_path / "nodes"
    assert where(name, there, source) == {
        "certificate": str(folder / f"{name}.crt"),
        "key": str(folder / f"{name}.key"),
        "early": early,
    }
