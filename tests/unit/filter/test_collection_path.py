"""Paths inside of the collection, for variables that are read where no role is known."""

from __future__ import annotations

import os

import pytest
from ansible_collections.vaultops.cluster.plugins.filter import cluster
from kit.paths import ROOT


@pytest.mark.parametrize("inside", ["plugins/module_utils", "roles/vault_backup/files/requirements.txt"])
def test_a_path_leads_into_this_collection(inside):
    path = cluster.FilterModule().filters()["collection_path"](inside)
    assert os.path.isabs(path)
    assert os.path.samefile(path, ROOT / inside)
