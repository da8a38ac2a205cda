"""What the roles promise about themselves."""

from __future__ import annotations

import pytest
import yaml
from kit.paths import ROLES


@pytest.fixture(params=ROLES, ids=lambda role: role.name)
def role(request):
    return request.param


def test_every_default_is_specified_and_every_option_has_the_roles_prefix(role):
    defaults = yaml.safe_load((role / "defaults" / "main.yml").read_text())
    options = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    assert set(defaults) <= set(options)
    assert all(name.startswith(f"{role.name}_") for name in options)


def test_every_entry_point_is_specified(role):
    specs = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text())["argument_specs"]
    files = {path.stem for path in (role / "tasks").glob("*.yml")}
    included = {"authority", "take_over", "withdraw_one", "ca_known", "start", "init", "bring_up", "settle"}
    included |= {
        "autopilot",
        "look",
        "said",
        "key",
        "security_group",
        "instances",
        "load_balancer",
        "install",
        "python",
    }
    assert set(specs) == files - included


def test_task_files_are_short(role):
    for path in (role / "tasks").glob("*.yml"):
        assert len(path.read_text().splitlines()) <= 80, path
