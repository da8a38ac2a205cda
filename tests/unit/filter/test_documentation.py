"""What a filter's documentation says, against the function that it is of."""

from __future__ import annotations

import importlib
import inspect

import pytest
import yaml
from kit.paths import ROOT

FOLDER = ROOT / "plugins" / "filter"
FILTERS = {
    name: function
    for path in FOLDER.glob("*.py")
    for name, function in importlib.import_module(f"ansible_collections.vaultops.cluster.plugins.filter.{path.stem}")
    .FilterModule()
    .filters()
    .items()
}
# By their defaults, an option that is none and one that is left out are the same.
NONE = (None, inspect.Parameter.empty)


def test_every_filter_has_its_documentation_and_no_other_has():
    assert {path.stem for path in FOLDER.glob("*.yml")} == set(FILTERS)


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_options_are_the_functions_parameters(name):
    said = yaml.safe_load((FOLDER / f"{name}.yml").read_text())["DOCUMENTATION"]
    first, *others = inspect.signature(FILTERS[name]).parameters.values()
    assert said["name"] == name
    assert set(said["options"]) == {"_input", *(one.name for one in others)}
    positional = [one.name for one in others if one.kind is not one.VAR_KEYWORD]
    assert [one for one in said.get("positional", "").split(", ") if one] == positional
    for key, one in [("_input", first), *((one.name, one) for one in others)]:
        option = said["options"][key]
        is_needed = one.default is one.empty and one.kind is not one.VAR_KEYWORD
        assert option.get("required", False) is is_needed, key
        default = option.get("default")
        assert default == (None if one.default in NONE else list(one.default) if one.default == () else one.default), (
            key
        )
