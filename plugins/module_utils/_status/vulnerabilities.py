# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which known vulnerabilities the versions have that run, by a list that has a date. Pure.

docs/crossings.md shows the list that comes with the collection.
"""

from __future__ import annotations

import typing as t

from .._common.versions import edition, number

Part = t.Mapping[str, t.Any]
Finding = tuple[str, str]


def part(versions: t.Sequence[str], listed: Part | None) -> dict[str, t.Any]:
    """*versions*: those that run; *listed*: as_of, and of each that is known id, community and enterprise, as pairs of the first
    version that has it and the one without it. Nothing of a list that nobody gave is said.
    """
    nothing: dict[str, t.Any] = {"as_of": None, "known": [], "fixed_in": None, "problem": None}
    if not listed:
        return nothing
    try:
        found = {
            one["id"]: [version for version in versions if _has(version, one)]
            for one in sorted(listed["known"], key=lambda one: _by_year(one["id"]))
        }
        known = [{"id": name, "versions": having} for name, having in found.items() if having]
        fixed_in = _first_without(versions, listed["known"]) if known else None
        return {**nothing, "as_of": str(listed["as_of"]), "known": known, "fixed_in": fixed_in}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return {**nothing, "problem": f"the list can't be used ({type(error).__name__}: {error})"}


def findings(found: Part) -> t.Iterator[Finding]:
    if found["problem"]:
        yield "unknown", f"Nobody knows which vulnerabilities these versions of Vault have: {found['problem']}"
    elif found["known"]:
        versions = sorted({version for one in found["known"] for version in one["versions"]}, key=number)
        ids = [one["id"] for one in found["known"]]
        cure = f"; {found['fixed_in']} has none of them" if found["fixed_in"] else ""
        count = f"{len(ids)} known vulnerabilities" if len(ids) > 1 else "a known vulnerability"
        yield "notice", f"Vault {', '.join(versions)} has {count} as of {found['as_of']}: {', '.join(ids)}{cure}"


def line(found: Part) -> str | None:
    """For the overview, where there is a list."""
    if not found["as_of"]:
        return None
    return f"Known vulnerabilities: {len(found['known']) or 'none'}, by the list of {found['as_of']}"


def _by_year(name: str) -> tuple[str | int, ...]:
    return tuple(int(word) if word.isdigit() else word for word in name.split("-"))


def _pairs(version: str, one: Part) -> t.Sequence[t.Sequence[str]]:
    return one["enterprise" if "+ent" in version else "community"]


def _has(version: str, one: Part) -> bool:
    return any(number(str(first)) <= number(version) < number(str(fixed)) for first, fixed in _pairs(version, one))


def _first_without(versions: t.Sequence[str], known: t.Sequence[Part]) -> str | None:
    """The first version from all of these on that has none of them: of the same line, where there is one. Where nodes run several
    versions, and the newest has none, it is that one: an upgrade was begun, and has not ended."""
    newest = max(versions, key=number)
    fixes = {str(fixed) for one in known for _first, fixed in _pairs(newest, one)}
    later = sorted((fixed for fixed in fixes if number(fixed) > number(newest)), key=number)
    named = (newest, *(f"{fixed}+{edition(newest)}" if edition(newest) else fixed for fixed in later))
    return next((version for version in named if not any(_has(version, one) for one in known)), None)
