"""The list of faults, and what is made of what was measured. The faults themselves need a lab: 'make faults'."""

from __future__ import annotations

import types

import pytest
from faults import __main__ as main
from faults import record
from faults.fault import FAULTS, NOT_INJECTED
from faults.run import Row, judged
from kit.paths import ROOT

ROW = Row(
    name="active_killed",
    problems=[],
    gap_seconds=2.5,
    healed_seconds=9.0,
    noticed_seconds=None,
    findings=[],
    status_code=None,
    acknowledged=100,
    lost=0,
    begun=2.0,
    over=2.5,
    acked=[10.0, 20.0, 0.0, 5.0],
)


def test_there_are_thirty_and_each_says_what_it_is():
    assert len(FAULTS) >= 30
    for fault in FAULTS.values():
        assert fault.sentence.endswith(".") and fault.by_itself.endswith(".") and fault.to_do.endswith("."), fault.name


def test_the_page_names_what_can_not_be_injected():
    text = (ROOT / "docs" / "faults.md").read_text()
    for sentence, _why in NOT_INJECTED.values():
        assert sentence.rstrip(".") in text


def test_what_the_page_shows_is_the_table_of_what_was_measured(tmp_path, monkeypatch):
    page = tmp_path / "faults.md"
    page.write_text(f"before\n{main.BEGIN}of another time\n{main.END}\nafter\n")
    monkeypatch.setattr(main, "PAGE", page)
    main.write_docs([ROW])
    main.write_docs([ROW])
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "of another time" not in text
    assert text.count("| 2.50 s | 9 s | - |") == 1


def test_later_rows_replace_earlier_ones_and_keep_the_order_of_the_list():
    other = types.SimpleNamespace(name=list(FAULTS)[-1])
    again = types.SimpleNamespace(name="active_killed")
    assert record.together([other, ROW], [again]) == [again, other]


def test_rows_are_read_as_they_were_written(tmp_path):
    assert record.read(tmp_path) == []
    record.write([ROW], tmp_path)
    assert record.read(tmp_path) == [ROW]
    assert "<svg" in (tmp_path / "faults.html").read_text()


@pytest.mark.parametrize(
    ("differs", "says"),
    [
        ({}, None),
        ({"lost": [(0, 1)]}, "1 acknowledged writes are lost"),
        ({"complete": False}, "the clients did not write to the end"),
        ({"longest_gap_seconds": 6.5}, "nobody could write for 6.5 s, at most 6.0 s was expected"),
    ],
)
def test_what_is_wrong_with_a_run(differs, says):
    report = types.SimpleNamespace(**{"lost": [], "complete": True, "longest_gap_seconds": 1.0, **differs})
    assert list(judged(report, FAULTS["active_killed"])) == ([says] if says else [])
