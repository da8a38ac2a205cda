"""What the role lays down on a node for the backup tool."""

from __future__ import annotations

import typing as t

import jinja2
import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.vaultops.cluster.plugins.module_utils._backup import config
from test_templates import BASE, ROOT, trusted

ROLE = ROOT / "roles" / "vault_backup"
ARN = "arn:aws:kms:eu-central-1:123456789012:key/"
KNOWN = {
    **BASE,
    "vault_controller_dir": "/c",
    "__vault_backup_python": {"stdout_lines": ["3.11", "x86_64"]},
    "__vault_backup_bundle": {"key": "0a1b"},
    "__vault_backup_key": {"kms_keys": [{"arn": f"{ARN}5ea1"}]},
}


def variables(**given: t.Any) -> Templar:
    files = [yaml.safe_load((ROLE / folder / "main.yml").read_text()) for folder in ("defaults", "vars")]
    return Templar(loader=DataLoader(), variables={**trusted(files[0]), **trusted(files[1]), **KNOWN, **given})


def value(name: str, **given: t.Any) -> t.Any:
    return variables(**given).template(trusted(f"{{{{ {name} }}}}"))


def service(metrics_dir: str) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROLE / "templates"), trim_blocks=True, autoescape=False
    )
    given = {"vault_backup_dir": "/data", "vault_backup_metrics_dir": metrics_dir, "__vault_backup_release": "/opt/x"}
    return environment.get_template("vault-backup.service.j2").render(given)


@pytest.mark.parametrize(("given", "encrypts"), [("", f"{ARN}5ea1"), (f"{ARN}0ther", f"{ARN}0ther")])
def test_the_tool_takes_its_configuration_and_learns_of_the_unseal_key_in_any_case(given, encrypts):
    found = config.parse(value("__vault_backup_config", vault_snapshot_key_arn=given, vault_snapshot_bucket="b-1"))
    assert (found.kms.key_arn, found.seal_key_arn) == (encrypts, f"{ARN}5ea1")


def test_a_missing_directory_for_metrics_does_not_keep_the_service_from_starting():
    assert "\nReadWritePaths=/data -/metrics\n" in service("/metrics")
    assert "\nReadWritePaths=/data\n" in service("")


def test_what_user_vault_runs_is_opened_to_it_and_marked_when_it_is_all_there():
    directories = {item["path"]: item.get("mode", "0755") for item in value("__vault_backup_directories")}
    assert directories["/opt/vault-backup"] == directories["/opt/vault-backup/0a1b"] == "0755"
    tasks = yaml.safe_load((ROLE / "tasks" / "main.yml").read_text())
    waiting = {task["name"] for task in tasks if "__vault_backup_complete" in str(task)}
    assert waiting == {"Make a virtual environment for it", "Unpack it there"}
    assert (
        value("__vault_backup_files[0].path") == value("__vault_backup_complete") == "/opt/vault-backup/0a1b/complete"
    )
