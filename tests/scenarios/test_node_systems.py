"""The whole life of a cluster on nodes of another Debian, with another Python: VAULTOPS_LAB_SUITE names it."""

from __future__ import annotations

import json

import pytest
from kit.changes import make_cluster
from labkit import image
from labkit.settings import cache

SNAPSHOTS = {"vault_backup": True, "vault_backup_bundle_dir": str(cache() / "backup-tool")}


@pytest.fixture(scope="module")
def cluster(fresh_lab):
    snapshots = {**SNAPSHOTS, "vault_snapshot_bucket": fresh_lab.bucket}
    return make_cluster(fresh_lab, **snapshots), json.dumps(snapshots)


def test_the_nodes_have_the_python_that_this_is_about(cluster):
    said = cluster[0].on_nodes("python3 -c 'import sys; print(*sys.version_info[:2], sep=\".\")'")
    assert [one.strip() for one in said] == [image.SUITES[image.SUITE]] * 3


@pytest.mark.parametrize(
    "playbook",
    [
        "site.yml",
        "playbooks/backup.yml",
        "playbooks/rotate_certificates.yml",
        "playbooks/rolling_restart.yml",
        "site.yml",
    ],
)
def test_each_playbook_works_there(cluster, playbook):
    bench, snapshots = cluster
    code, output = bench.play("-e", snapshots, playbook=playbook)
    assert code == 0, output
    assert playbook != "site.yml" or " ".join(output.split()).count("changed=0") == 4, output


def test_the_status_finds_nothing(cluster):
    bench, snapshots = cluster
    code, output = bench.play("-e", snapshots, playbook="playbooks/status.yml")
    assert code == 0, output


def test_its_systemd_knows_every_word_of_the_units(cluster):
    bench, _snapshots = cluster
    verify = "systemd-analyze verify --man=no /etc/systemd/system/vault*.service /etc/systemd/system/vault*.timer"
    assert [said.strip() for said in bench.on_nodes(f"{verify} 2>&1")] == [""] * 3
