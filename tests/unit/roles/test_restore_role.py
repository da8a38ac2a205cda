"""What the role takes for the keys of a snapshot, and where it has one decrypted."""

from __future__ import annotations

import typing as t

import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from kit.paths import ROOT
from kit.templates import BASE, INPUTS, trusted

ROLE = ROOT / "roles" / "vault_restore"
ARN = "arn:aws:kms:eu-central-1:123456789012:key/"


def value(name: str, **given: t.Any) -> t.Any:
    files = [INPUTS, ROLE / "defaults" / "main.yml", ROLE / "vars" / "main.yml"]
    read = {name: value for path in files for name, value in trusted(yaml.safe_load(path.read_text())).items()}
    known = {**read, **BASE, "__vault_restore_key": {"kms_keys": [{"arn": f"{ARN}5ea1"}]}, **given}
    return Templar(loader=DataLoader(), variables=known).template(trusted(f"{{{{ {name} }}}}"))


def test_the_keys_that_may_open_a_snapshot_are_those_that_are_known():
    given = {"vault_snapshot_key_arn": f"{ARN}0ther", "vault_restore_key_arns": [f"{ARN}01d", f"{ARN}5ea1"]}
    assert value("__vault_restore_opening_keys", **given) == [f"{ARN}5ea1", f"{ARN}0ther", f"{ARN}01d"]
    # Where the alias leads to none.
    assert value("__vault_restore_opening_keys", __vault_restore_key={"kms_keys": []}) == []


def test_a_drill_has_a_directory_beside_that_of_a_restore():
    drill = yaml.safe_load((ROOT / "playbooks" / "vars" / "drill.yml").read_text())
    assert value("__vault_restore_decrypted") == "/s/restore"
    given = {"vault_restore_subdir": drill["vault_restore_subdir"], "vault_restore_dir": "/large"}
    assert value("__vault_restore_decrypted", **given) == "/large/restore-drill"
