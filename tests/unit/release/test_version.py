"""The version of the next release, from the last one and the kinds of changes since."""

from __future__ import annotations

import pytest
from kit.paths import ROOT
from release import version


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"bugfixes"}, "1.4.3"),
        ({"security_fixes", "known_issues"}, "1.4.3"),
        ({"bugfixes", "minor_changes"}, "1.5.0"),
        ({"deprecated_features"}, "1.5.0"),
        ({"major_changes"}, "1.5.0"),
        ({"minor_changes", "breaking_changes"}, "2.0.0"),
        ({"removed_features"}, "2.0.0"),
        (set(), "1.4.2"),
    ],
)
def test_the_version_follows_from_the_changes(changes, wanted):
    assert version.following("1.4.2", changes) == wanted
    assert version.problem(wanted, "1.4.2", changes) is None
    assert f"Set version in galaxy.yml to {wanted}" in version.problem("1.4.9", "1.4.2", changes)


def test_the_first_release_has_the_version_that_was_chosen():
    assert version.problem("1.0.0", None, {"breaking_changes"}) is None


def test_what_is_no_change_for_anybody_is_no_reason(tmp_path):
    (tmp_path / "a.yml").write_text("release_summary: Words.\ntrivial: [moved]\n")
    (tmp_path / ".keep").write_text("no YAML: [")
    assert version.changed(tmp_path) == set()
    (tmp_path / "b.yaml").write_text("bugfixes: [mended]\n")
    assert version.changed(tmp_path) == {"bugfixes"}


def test_the_newest_release_is_the_last_one(tmp_path):
    assert version.last(tmp_path / "changelog.yaml") is None
    (tmp_path / "changelog.yaml").write_text("releases: {1.9.0: {}, 1.10.0: {}, 1.2.0: {}}\n")
    assert version.last(tmp_path / "changelog.yaml") == "1.10.0"


def test_galaxy_yml_names_the_version_that_the_fragments_ask_for():
    assert version.problem(*version.read(ROOT)) is None


def test_every_kind_of_change_is_known():
    """A section that is new in changelogs/config.yaml has to say what it means for the version."""
    import yaml

    sections = {name for name, _title in yaml.safe_load((ROOT / "changelogs" / "config.yaml").read_text())["sections"]}
    assert sections == version.MAJOR | version.MINOR | version.PATCH
