"""Which known vulnerabilities the versions have that run, and what is said of that."""

from __future__ import annotations

import re

import pytest
import yaml
from ansible_collections.vaultops.cluster.plugins.module_utils._common import versions
from ansible_collections.vaultops.cluster.plugins.module_utils._status import document, overview, vulnerabilities
from kit import status_samples as samples
from kit.paths import ROOT

LISTED = yaml.safe_load((ROOT / "roles" / "vault_status" / "files" / "vulnerabilities.yml").read_text())


def ids(*versions, listed=LISTED):
    return [one["id"] for one in vulnerabilities.part(versions, listed)["known"]]


def said(*versions, listed=LISTED):
    return list(vulnerabilities.findings(vulnerabilities.part(versions, listed)))


@pytest.mark.parametrize(
    ("version", "has", "fixed_in"),
    [
        ("1.20.0", "CVE-2025-6000", "2.2.2"),
        ("1.21.1", "CVE-2026-89322", "2.2.2"),
        ("2.2.1", "CVE-2026-93335", "2.2.2"),
        ("1.21.1+ent", "CVE-2026-105820", "2.2.2+ent"),
        ("1.19.24+ent.hsm", "CVE-2026-92735", "2.2.2+ent.hsm"),
        ("2.1.1+ent", "CVE-2026-89322", "2.2.2+ent"),
    ],
)
def test_a_version_that_has_one_is_told_with_the_first_that_has_none(version, has, fixed_in):
    found = vulnerabilities.part([version], LISTED)
    assert has in [one["id"] for one in found["known"]]
    assert found["fixed_in"] == fixed_in
    level, text = said(version)[0]
    assert level == "notice"
    assert f"as of {LISTED['as_of']}" in text
    assert f"; {fixed_in} has none of them" in text


@pytest.mark.parametrize("version", ["2.2.2", "2.3.0", "3.0.0", "2.2.2+ent", "2.2.2+ent.hsm"])
def test_a_version_that_has_none_is_not_told(version):
    assert ids(version) == []
    assert said(version) == []


@pytest.mark.parametrize(
    ("version", "has"),
    [
        ("1.20.0", True),
        ("1.20.1", False),
        ("0.7.3", False),
        ("0.8.0", True),
        ("1.19.7+ent", False),
        ("1.17.5+ent", True),
    ],
)
def test_a_range_has_its_first_version_and_not_the_one_that_is_fixed(version, has):
    assert ("CVE-2025-6000" in ids(version)) is has


@pytest.mark.parametrize("version", ["1.21.14+ent", "1.19.25+ent"])
def test_a_fix_that_an_older_line_never_got_is_missed_there(version):
    assert ids(version) == ["CVE-2026-5807"]


def test_the_first_that_has_none_may_be_of_the_same_line():
    listed = {
        "as_of": "x",
        "known": [{"id": "CVE-2026-1", "community": [], "enterprise": [["1.21.0", "1.21.9"], ["2.0.0", "2.0.4"]]}],
    }
    assert vulnerabilities.part(["1.21.1+ent"], listed)["fixed_in"] == "1.21.9+ent"


def test_what_is_enterprises_alone_is_not_the_communitys():
    assert "CVE-2026-105820" not in ids("1.21.1")


def test_each_version_that_runs_is_looked_at():
    listed = {
        "as_of": "2026-01-01",
        "known": [{"id": "CVE-2026-1", "community": [["1.0.0", "1.2.0"]], "enterprise": []}],
    }
    found = vulnerabilities.part(["1.1.0", "1.2.0"], listed)
    assert found["known"] == [{"id": "CVE-2026-1", "versions": ["1.1.0"]}]
    assert "Vault 1.1.0 has a known vulnerability as of 2026-01-01: CVE-2026-1" in said("1.1.0", listed=listed)[0][1]


@pytest.mark.parametrize(
    ("running", "fixed_in"),
    [
        (("2.2.1", "2.2.2"), "2.2.2"),
        (("2.2.2+ent", "1.21.1+ent", "2.2.2+ent"), "2.2.2+ent"),
        (("1.19.0", "1.21.1"), "2.2.2"),
        (("2.2.1", "2.9.0"), "2.9.0"),
    ],
)
def test_where_an_upgrade_has_begun_the_newest_version_that_runs_may_be_the_one_without(running, fixed_in):
    assert vulnerabilities.part(running, LISTED)["fixed_in"] == fixed_in
    assert f"{fixed_in} has none of them" in said(*running)[0][1]


@pytest.mark.parametrize("listed", [{"as_of": "x"}, {"as_of": "x", "known": [{}]}, {"as_of": "x", "known": 3}])
def test_a_list_that_can_not_be_used_is_unknown_and_not_none(listed):
    assert said("1.21.1", listed=listed)[0][0] == "unknown"


@pytest.mark.parametrize("listed", [None, {}])
def test_without_a_list_nothing_is_said(listed):
    assert said("1.21.1", listed=listed) == []
    assert vulnerabilities.line(vulnerabilities.part(["1.21.1"], listed)) is None


def made(**about):
    nodes = [samples.node(1, state="active"), samples.node(2), samples.node(3)]
    return document.document(
        samples.NOW, {**samples.ABOUT, **about}, samples.status(nodes), samples.certificates(nodes), samples.raft()
    )


def test_the_status_tells_them_and_of_which_day_the_list_is():
    shown = made(vulnerabilities=LISTED)
    assert [one for one in shown["findings"] if "CVE-2026-89322" in one["text"]]
    assert f"Known vulnerabilities: {len(ids('1.21.1'))}, by the list of {LISTED['as_of']}" in overview.lines(shown)
    assert not [one for one in made()["findings"] if "CVE" in one["text"]]


def test_the_list_is_what_it_says():
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", LISTED["as_of"])
    names = [one["id"] for one in LISTED["known"]]
    assert len(names) == len(set(names))
    for one in LISTED["known"]:
        assert re.fullmatch(r"CVE-\d{4}-\d+", one["id"])
        assert one["about"]
        for pairs in (one["community"], one["enterprise"]):
            numbers = [versions.number(version) for pair in pairs for version in pair]
            assert numbers == sorted(numbers), one["id"]
