"""Whatever words a filter makes of the server, roles and playbooks tell it which one the inventory means."""

from __future__ import annotations

import re

import pytest
import yaml
from kit.paths import ROOT

FILTERS = {path.stem: yaml.safe_load(path.read_text()) for path in (ROOT / "plugins" / "filter").glob("*.yml")}
ASK = [name for name, said in FILTERS.items() if "flavour" in said["DOCUMENTATION"]["options"]]
TEXTS = {
    path: " ".join(path.read_text().split())
    for folder in ("roles", "playbooks")
    for path in sorted((ROOT / folder).rglob("*.yml"))
}
# Those that are given what they have to know in one mapping.
ABOUT = ["certificate_words", "drill_words", "failover_words", "quorum_words", "restore_words"]


def calls(name: str) -> list[str]:
    """What each use of the filter gives it."""
    found = []
    for text in TEXTS.values():
        for use in re.finditer(rf"vaultops\.cluster\.{name}\b", text):
            depth, end = 0, use.end()
            while text[end] == "(" or depth:
                depth += {"(": 1, ")": -1}.get(text[end], 0)
                end += 1
            found.append(text[use.end() : end])
    return found


@pytest.mark.parametrize("name", ASK)
def test_a_filter_that_asks_for_the_flavour_is_told_it(name):
    assert calls(name) and all("vault_flavour" in given for given in calls(name)), calls(name)


@pytest.mark.parametrize("name", ABOUT)
def test_so_is_one_that_takes_it_among_others(name):
    (text,) = (text for text in TEXTS.values() if f"vaultops.cluster.{name}(" in text)
    assert "'flavour': vault_flavour" in text or 'flavour: "{{ vault_flavour }}"' in text
    assert "flavour" in FILTERS[name]["DOCUMENTATION"]["options"]["about"]["description"]
