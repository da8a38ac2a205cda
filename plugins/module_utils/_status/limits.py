# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From when on something is late. Pure."""

from __future__ import annotations

import typing as t


class Limits(t.TypedDict):
    snapshot_seconds: int  # how old the last snapshot may be
    certificate_days: int  # how long a certificate is valid at least
    drill_days: int  # how long ago the last restore drill may be
    drill_minutes: int  # how long the machine of a restore drill may be there
    probe_seconds: int  # how long ago a node's last probe may be


DEFAULTS: Limits = {
    "snapshot_seconds": 8 * 3600,
    "certificate_days": 30,
    "drill_days": 90,
    "drill_minutes": 180,
    "probe_seconds": 600,
}


def of(about: t.Mapping[str, t.Any]) -> Limits:
    """*about* has snapshot_every_seconds, renew_days, drill_days, drill_minutes and probe_seconds, or None or nothing where a
    default holds.

    Before ansible-core 2.19, what a template says is null is an empty text.
    """
    every, renew, drill, machine, probe = (
        None if about.get(name) == "" else about.get(name)
        for name in ("snapshot_every_seconds", "renew_days", "drill_days", "drill_minutes", "probe_seconds")
    )
    found = Limits(**DEFAULTS)
    if every is not None:
        found["snapshot_seconds"] = round(int(every) * 4 / 3)  # a snapshot takes its time, and may be late by a little
    if renew is not None:
        found["certificate_days"] = int(renew)
    if drill is not None:
        found["drill_days"] = int(drill)
    if machine is not None:
        found["drill_minutes"] = int(machine)
    if probe is not None:
        found["probe_seconds"] = int(probe)
    return found
