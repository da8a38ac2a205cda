"""Which version the next release has: it follows from the last one and from the kinds of changes since."""

from __future__ import annotations

from pathlib import Path

import yaml

# The sections of changelogs/config.yaml, by what they mean to somebody who upgrades.
MAJOR = {"breaking_changes", "removed_features"}
MINOR = {"major_changes", "minor_changes", "deprecated_features"}
PATCH = {"security_fixes", "bugfixes", "known_issues"}


def order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def changed(fragments: Path) -> set[str]:
    """The kinds of changes that no release has yet. A summary alone, or what is trivial, is no reason for a release."""
    found = {section for path in fragments.glob("*.y*ml") for section in yaml.safe_load(path.read_text())}
    return found & (MAJOR | MINOR | PATCH)


def last(changelog: Path) -> str | None:
    if not changelog.exists():
        return None
    return max(yaml.safe_load(changelog.read_text())["releases"], key=order)


def following(released: str, changes: set[str]) -> str:
    major, minor, patch = order(released)
    if changes & MAJOR:
        return f"{major + 1}.0.0"
    if changes & MINOR:
        return f"{major}.{minor + 1}.0"
    return f"{major}.{minor}.{patch + 1}" if changes else released


def problem(named: str, released: str | None, changes: set[str]) -> str | None:
    """What is wrong with the version that galaxy.yml names. The first release has the version that somebody chose."""
    if released is None:
        return None
    wanted = following(released, changes)
    if named == wanted:
        return None
    kinds = ", ".join(sorted(changes)) or "no change"
    return (
        f"galaxy.yml names version {named}, but changelogs/fragments has {kinds} since {released}. "
        f"Set version in galaxy.yml to {wanted}, and run 'make docs'."
    )


def read(root: Path) -> tuple[str, str | None, set[str]]:
    named = str(yaml.safe_load((root / "galaxy.yml").read_text())["version"])
    return named, last(root / "changelogs" / "changelog.yaml"), changed(root / "changelogs" / "fragments")
