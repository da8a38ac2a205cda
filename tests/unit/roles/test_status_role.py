"""From when on the status calls something late, by what the inventory says."""

from __future__ import annotations

import typing as t

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.vaultops.cluster.plugins.module_utils._status import limits
from kit.paths import ROOT
from kit.templates import BASE, INPUTS, trusted

ROLES = ROOT / "roles"
FILES = [INPUTS, *(ROLES / f"vault_{role}" / "defaults" / "main.yml" for role in ("tls", "status"))]
PLAY = yaml.safe_load((ROOT / "playbooks" / "status.yml").read_text())[1]


def about(**given: t.Any) -> dict[str, t.Any]:
    """What the role's entry point read hands to the document, from the variables that the play hands to it."""
    read = {name: value for path in FILES for name, value in trusted(yaml.safe_load(path.read_text())).items()}
    (task,) = [task for task in PLAY["tasks"] if "tasks_from': 'read'" in str(task)]
    known = {**read, **BASE, **given, **trusted(task["vars"])}
    spoken = yaml.safe_load((ROLES / "vault_status" / "vars" / "main.yml").read_text())["__vault_status_about"]
    templar = Templar(loader=DataLoader(), variables=known)
    thresholds = ("snapshot_every_seconds", "renew_days", "drill_days")
    return {name: templar.template(trusted(spoken[name])) for name in thresholds}


def test_unless_somebody_says_more_the_defaults_hold():
    assert limits.of(about()) == limits.DEFAULTS


@pytest.mark.parametrize(("source", "days"), [("kms_ca", 45), ("given", limits.DEFAULTS["certificate_days"])])
def test_a_certificate_is_late_where_the_kms_ca_would_have_issued_another(source, days):
    assert limits.of(about(vault_tls_renew_days=45, vault_tls_source=source))["certificate_days"] == days


def test_snapshots_and_drills_are_late_when_the_inventory_says_so():
    found = limits.of(about(vault_status_snapshot_every_seconds=3600, vault_status_drill_days="30"))
    assert (found["snapshot_seconds"], found["drill_days"]) == (4800, 30)
