"""The data that an AWX is given, as it stands in awx/config."""

from __future__ import annotations

import functools
import importlib.util
import json
import subprocess
import types
import typing as t

import ansible.template
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from kit.paths import ROOT

CONFIG = ROOT / "awx" / "config"
# What applies each list, as the collection infra.aap_configuration has it.
MODULES = {
    "aap_organizations": "organization",
    "controller_credential_types": "credential_type",
    "controller_credentials": "credential",
    "controller_execution_environments": "execution_environment",
    "controller_projects": "project",
    "controller_inventories": "inventory",
    "controller_inventory_sources": "inventory_source",
    "controller_templates": "job_template",
    "controller_workflows": "workflow_job_template",
    "controller_schedules": "schedule",
}
NODE = "workflow_job_template_node"
# As vars files are read: what is not marked unsafe is a template. Before ansible-core 2.19 that is so of every file.
AS_VARS = {"trusted_as_template": True} if hasattr(ansible.template, "trust_as_template") else {}


def module_of(path: str, name: str) -> types.ModuleType:
    """A script of this repository, as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@functools.cache
def raw() -> dict[str, t.Any]:
    loader = DataLoader()
    found: dict[str, t.Any] = {}
    for path in sorted(CONFIG.glob("*.yml")):
        found |= loader.load_from_file(str(path), **AS_VARS)
    return found


@functools.cache
def data() -> dict[str, t.Any]:
    """With its templates filled in, and as plain as it is sent."""
    filled = Templar(loader=DataLoader(), variables=raw()).template({name: raw()[name] for name in raw()})
    plain: dict[str, t.Any] = json.loads(json.dumps(filled))
    return plain


@functools.cache
def module_options() -> dict[str, dict[str, t.Any]]:
    """What the documentation of awx.awx says of each module's options, by the module's name."""
    names = [f"awx.awx.{name}" for name in (*MODULES.values(), NODE, "notification_template")]
    done = subprocess.run(
        ["ansible-doc", "-j", "-t", "module", *names], capture_output=True, text=True, check=True, timeout=120
    )
    return {name.split(".")[-1]: found["doc"]["options"] for name, found in json.loads(done.stdout).items()}
