"""Where Ansible finds none of the collections that this one needs, a run says so first, and how to install them."""

from __future__ import annotations

import pytest
from kit.paths import ROOT
from kit.playbook import in_line, run_playbook


# One that begins with nodes, and each whose work is in AWS.
@pytest.mark.parametrize(
    "playbook", ["site.yml", *map("playbooks/{}.yml".format, ("provision", "decommission", "iam_policies"))]
)
def test_the_cure_is_told_before_anything_else(playbook):
    # This one alone: neither what pip has installed, nor what goes with another ansible-core.
    alone = {
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible" / "collections"),
        "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": "false",
    }
    done = run_playbook(ROOT, "-i", "inventories/example", playbook, **alone)
    assert done.returncode == 2, in_line(done)
    assert "Install it: ansible-galaxy collection install amazon.aws community.aws." in in_line(done)
