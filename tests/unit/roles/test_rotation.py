"""Audit files are looked at every hour, and a node is compared for that as for all else."""

from __future__ import annotations

import ast
import configparser
import re
import typing as t

import pytest
import yaml
from ansible_collections.vaultops.cluster.plugins.module_utils._plan import in_line
from kit.paths import ROOT
from kit.templates import ROLE

FOLDER = "/etc/systemd/system"
UNITS = [f"{FOLDER}/vaultops-logrotate.service", f"{FOLDER}/vaultops-logrotate.timer"]
VARS = yaml.safe_load((ROLE / "vars" / "main.yml").read_text())
WELL = {"enabled": True, "active": True, "stale": False}
TIMER, SERVICE = "vaultops-logrotate.timer", "vaultops-logrotate.service"


def seen(paths: t.Iterable[str] = (), **units: t.Any) -> dict[str, t.Any]:
    return {"paths": {path: {} for path in paths}, "units": units}


@pytest.mark.parametrize(
    ("units", "wrong"),
    [
        ({TIMER: WELL, SERVICE: {**WELL, "enabled": False, "active": False}}, []),
        ({TIMER: {**WELL, "enabled": False}, SERVICE: WELL}, [TIMER]),
        ({TIMER: {**WELL, "active": False}, SERVICE: WELL}, [TIMER]),
        ({TIMER: WELL, SERVICE: {**WELL, "stale": True}}, [SERVICE]),
        ({}, [TIMER, SERVICE]),
    ],
)
def test_a_timer_that_does_not_run_is_out_of_line(units, wrong):
    """By what the role hands to the filter, which no template here knows."""
    handed = re.search(r"units_out_of_line\((\[.+?\]), (\[.+?\])\)", VARS["__vault_server_timer_out_of_line"])
    assert handed
    assert in_line.units(seen(**units), *map(ast.literal_eval, handed.groups())) == wrong


def test_the_look_at_a_node_reads_what_is_compared():
    read = yaml.safe_load((ROOT / "roles" / "vault_site" / "vars" / "main.yml").read_text())["vault_server_read_also"]
    assert set(UNITS) <= set(read["paths"])
    assert {TIMER, SERVICE} <= set(read["units"])


def unit(name: str) -> configparser.ConfigParser:
    parsed = configparser.ConfigParser(strict=False)
    parsed.optionxform = str  # type: ignore[assignment,method-assign]
    parsed.read_string((ROLE / "templates" / f"{name}.j2").read_text())
    return parsed


def test_the_systems_run_and_this_one_read_one_file_and_wait_for_each_other():
    service = unit(SERVICE)
    assert service["Service"]["ExecStart"].split() == ["/usr/sbin/logrotate", "/etc/logrotate.d/vault"]
    assert (service["Unit"]["Before"], service["Service"]["Type"]) == ("logrotate.service", "oneshot")
    assert service["Service"]["SuccessExitStatus"] == "3"
    assert unit(TIMER)["Timer"]["OnCalendar"] == "*-*-* *:17:00"


def test_what_somebody_elses_unit_is_compared_with_is_vaults_own():
    compared = VARS["__vault_server_takeover"]
    assert "__vault_server_fixed_files" in compared
