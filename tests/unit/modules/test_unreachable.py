"""Ansible counts the host as unreachable, which is another end than a failure."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.modules import unreachable


@pytest.mark.parametrize("check", [False, True])
def test_the_host_is_unreachable_and_not_failed(run_module, check):
    said = run_module(unreachable, check, msg="This controller can't see the cluster.")
    assert said["unreachable"] is True
    assert said["changed"] is False
    assert said["msg"] == "This controller can't see the cluster."
    assert "failed" not in said


def test_it_says_why(run_module):
    said = run_module(unreachable)
    assert said["failed"]
    assert "unreachable" not in said
    assert said["msg"] == "missing required arguments: msg"
