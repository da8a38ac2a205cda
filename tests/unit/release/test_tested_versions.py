"""docs/versions.md says what the tests run with: each environment looks at its own row."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from kit.awx import module_of
from kit.paths import ROOT
from kit.vault_versions import STAND_IN

generate = module_of("docs/generate_versions.py", "generate_versions")
MAKEFILE = (ROOT / "Makefile").read_text()
LINES = generate.other_lines(MAKEFILE)


def pinned(path: str) -> str:
    return re.search(r"(?m)^ansible-core==([\d.]+)", (ROOT / path).read_text())[1]


def test_the_row_of_this_environment_is_right():
    row = generate.here()
    cure = "run 'make docs', for another ansible-core than the checkout's own after 'make ansible-2.16 ansible-2.21'"
    assert row in generate.rows(), cure


def test_there_is_a_row_for_each_environment_and_no_other():
    wanted = [pinned("constraints.txt"), *(pinned(f"tests/versions/{line}.txt") for line in LINES)]
    assert sorted(row["ansible-core"] for row in generate.rows()) == sorted(wanted)


def test_the_page_is_current():
    assert generate.TARGET.read_text() == generate.document(), "run 'make docs'"


def test_a_row_takes_the_place_of_its_line_s():
    rows = [{"ansible-core": "2.9.1"}, {"ansible-core": "2.19.14"}]
    assert generate.with_row(rows, {"ansible-core": "2.19.15"})[1:] == [{"ansible-core": "2.19.15"}]
    assert [row["ansible-core"] for row in generate.with_row(rows, {"ansible-core": "2.16.1"})] == [
        "2.9.1",
        "2.16.1",
        "2.19.14",
    ]


@pytest.mark.parametrize("target", ["change-test", "molecule"])
def test_an_older_vault_is_named_with_the_targets_that_use_it(target):
    makefile = "OLDER := vault-1.2.0\nmolecule: parts vault-1.2.0  ## Words\nchange-test: parts $(OLDER)  ## Words\nunit: parts\n"
    found = generate.vault(makefile, "vault_version: 1.3.0\n")
    assert list(found) == ["1.3.0", "1.2.0"]
    assert f"`make {target}`" in found["1.2.0"] and "unit" not in found["1.2.0"]


def test_a_row_says_which_lines_were_run_and_which_were_stood_in_for():
    run = {"1.21.1": "`make a`", "1.21.0": "`make b`"}
    assert generate.proven(run, ["2.10.0", "1.21.1", "2.0.0", "1.9.4"]) == [
        ["1.9", "**none was run**", "1.9.4"],
        ["1.21", "1.21.1 (`make a`); 1.21.0 (`make b`)", "1.21.1"],
        ["2.x", "**none was run**", "2.10.0, 2.0.0"],
    ]


def test_every_test_that_the_page_names_runs_as_each_version_that_it_names():
    files = generate.standing_in()
    assert files
    pytest_ = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    said = subprocess.run([*pytest_, *files], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in files:
        ids = "".join(line for line in said.splitlines() if line.startswith(name))
        assert [
            version for version in STAND_IN if not re.search(rf"\[(?:[^\]]*-)?{re.escape(version)}[-\]]", ids)
        ] == []
