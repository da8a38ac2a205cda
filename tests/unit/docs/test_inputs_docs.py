"""docs/inputs.md is what the specs of the roles say today."""

from __future__ import annotations

import importlib.util

import yaml
from kit.paths import ROOT

PATH = ROOT / "docs" / "generate_inputs.py"
SPEC = importlib.util.spec_from_file_location("generate_inputs", PATH)
generate = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(generate)


def test_the_page_is_current():
    assert generate.TARGET.read_text() == generate.document(), "run 'make docs'"


def test_the_page_has_every_option_of_every_role():
    page = generate.document()
    for path in (ROOT / "roles").glob("*/meta/*.yml"):
        for spec in (yaml.safe_load(path.read_text()).get("argument_specs") or {}).values():
            assert all(f"`{name}`" in page for name in spec["options"])


def test_a_cell_of_a_table_stays_one():
    option = {"type": "str", "default": "a | b\n c", "description": ["One V(x|y).", "Two."]}
    rows = generate.table({"vault_x": option})
    assert rows[2:] == ["| `vault_x` | str | `a \\| b c` | One `x\\|y`. Two. |"]
