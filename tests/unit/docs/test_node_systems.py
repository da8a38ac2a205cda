"""What docs/nodes.md says of systems and packages is what the code knows, and what the lab boots."""

from __future__ import annotations

import re

from ansible_collections.vaultops.cluster.plugins.module_utils._node import systems
from kit.paths import ROOT
from labkit import image

PAGE = (ROOT / "docs" / "nodes.md").read_text()
DEBIANS = {"bullseye": "Debian 11", "bookworm": "Debian 12", "trixie": "Debian 13"}


def table(head: str) -> list[list[str]]:
    """The rows below the table's head."""
    rows = PAGE.partition(f"| {head} |")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def test_the_table_of_systems_is_the_data():
    shown = [
        (name, python, int(systemd), proven)
        for name, python, systemd, proven in table("system | Python | systemd | how it was proven")
    ]
    assert shown == [(one.name, one.python, one.systemd, one.proven) for one in systems.SYSTEMS]


def test_booted_is_what_the_lab_boots_with_the_python_that_it_found_there():
    booted = {(one.name, one.python) for one in systems.SYSTEMS if one.proven == systems.BOOTED}
    assert booted == {(DEBIANS[suite], python) for suite, python in image.SUITES.items()}
    by_make = (ROOT / "Makefile").read_text().partition("\nnodes-test:")[2].partition("\n\n")[0]
    assert {suite for suite in image.SUITES if re.search(rf"\b{suite}\b", by_make)} == set(image.SUITES) - {"bookworm"}


def test_the_table_of_packages_is_the_data():
    shown = {
        row[0].replace("`", "").replace(" or ", "|"): [cell.strip("`") for cell in row[1:]]
        for row in table("program | Debian, Ubuntu | RHEL family | Amazon Linux 2023")
    }
    families = (systems.DEBIAN, systems.REDHAT, systems.AMAZON)
    assert shown == {name: [packages[family] for family in families] for name, packages in systems.PACKAGES.items()}


def test_every_program_that_is_wanted_has_packages():
    assert {name for names in systems.PROGRAMS.values() for name in names} | {"nft"} == set(systems.PACKAGES)
