"""docs/crossings.md is what the data says."""

from __future__ import annotations

from kit.awx import module_of
from kit.paths import ROOT

generate = module_of("docs/generate_crossings.py", "generate_crossings")


def test_the_page_is_current():
    assert (ROOT / "docs" / "crossings.md").read_text() == generate.document()


def test_the_day_of_the_list_is_on_the_page():
    assert "2026-" in generate.document().partition("## Known vulnerabilities")[2].partition("**.")[0]
