"""Advisories on what is pinned."""

from __future__ import annotations

import datetime

import pytest
import yaml
from kit.paths import ROOT
from release import advisories
from release.pins import Pin, pins

DATA = yaml.safe_load((ROOT / "tests" / "release" / "advisories.yml").read_text())
PINNED = "# words\nurllib3=={version} ; python_version >= '3.9' \\\n    --hash=sha256:00\n    # via botocore\n"


def test_pins_are_read_as_pip_reads_them():
    text = (
        "a-b==1.0 \\\n    --hash=sha256:00\nA_c.d[extra]==2.0; python_version < '4'\nloose>=3\n-r other.txt\n# x==1\n"
    )
    assert pins(text) == [Pin("a-b", "1.0"), Pin("a-c-d", "2.0")]


@pytest.mark.parametrize(
    ("version", "ids"),
    [
        ("2.6.3", ["CVE-2026-44431", "CVE-2026-44432", "CVE-2026-97687", "CVE-2026-97688", "CVE-2026-97689"]),
        ("2.7.0", ["CVE-2026-97687", "CVE-2026-97688", "CVE-2026-97689"]),
        ("2.8.0", []),
    ],
)
def test_urllib3_is_found_where_it_is_old(version, ids):
    found = advisories.findings({"pins.txt": PINNED.format(version=version)}, DATA["advisories"])
    assert [one.id for one in found] == ids
    assert all("pins.txt: urllib3" in str(one) and "https://" in str(one) for one in found)


@pytest.mark.parametrize(
    ("version", "bad"),
    [("2.16.13", True), ("2.16.19", False), ("2.17.6", True), ("2.17.7", False), ("2.18.0", True), ("2.19.14", False)],
)
def test_each_range_counts(version, bad):
    (known,) = (one for one in DATA["advisories"] if one["package"] == "ansible-core")
    assert advisories.affected(version, known["ranges"]) is bad


def data(**accepted):
    own = {"file": "pins.txt", "package": "urllib3", "version": "2.7.0", "ids": ["X-1"], "reason": "because"} | accepted
    known = {
        "id": "X-1",
        "package": "urllib3",
        "ranges": [{"introduced": "0", "fixed": "2.8.0"}],
        "source": "https://x",
    }
    return {"advisories": [known], "accepted": [own]}


def test_what_is_accepted_is_accepted_for_one_file_and_version():
    files = {"pins.txt": PINNED.format(version="2.7.0")}
    assert advisories.problems(files, data()) == []
    assert len(advisories.problems({**files, "other.txt": files["pins.txt"]}, data())) == 1
    assert "without a reason" in advisories.problems(files, data(reason=""))[0]


def test_an_acceptance_that_nothing_needs_is_an_error():
    (said,) = advisories.problems({"pins.txt": PINNED.format(version="2.8.0")}, data())
    assert "not there any more" in said


def test_the_list_says_where_and_when_it_was_read():
    assert isinstance(DATA["as_of"], datetime.date)
    assert all(one["source"].startswith("https://") and one["ranges"] for one in DATA["advisories"])
