# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The newest snapshot of each cluster id that was ever proven, so that an older one can't pass for the newest.

Where snapshots vanish from a bucket, or it is given back as it once was, all that is left in it is genuine.
"""

from __future__ import annotations

import json

from .._objects.homes import Held
from .._objects.records import Records
from . import manifest
from .errors import Exit, Failure

RECORD = "snapshots-seen.json"
Seen = dict[str, str]  # the snapshot's name, by the short cluster id that is in it


def read(kept: Records) -> tuple[Seen, Held | None]:
    held = kept.read(RECORD)
    try:
        return (parse(held.data) if held else {}), held
    except ValueError as error:
        raise Failure(
            Exit.CONFIG,
            f"{kept.where(RECORD)} does not tell which snapshots were seen ({error})",
            "Move it away, and look why.",
        ) from error


def parse(text: str | bytes) -> Seen:
    """Raises ValueError with what is wrong."""
    try:
        data = json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(data, dict) or not all(isinstance(name, str) for name in data.values()):
        raise ValueError("it is not an object of names")
    wrong = [name for short, name in data.items() if manifest.id_of(name) != short]
    if wrong:
        raise ValueError(f"{', '.join(wrong)} is no name of a snapshot of that cluster id")
    return data


def require_not_older(kept: Records, name: str) -> None:
    before = read(kept)[0].get(manifest.id_of(name) or "", "")
    if manifest.started_at_of(name) < manifest.started_at_of(before):
        raise Failure(
            Exit.SNAPSHOT,
            f"the newest snapshot in the bucket, {name}, is older than {before}, which was already proven "
            f"({kept.where(RECORD)})",
            f"Find out who removed that one. If {name} is meant all the same: -e vault_restore={name}.",
        )


def remember(kept: Records, name: str) -> None:
    """Only what has been proven, and has a seal: a name by itself is anybody's."""
    if not kept.are_kept:
        return
    known, held = read(kept)
    later = with_newer(known, name)
    if later != known:
        kept.write(RECORD, dump(later), held.version if held else None)


def with_newer(known: Seen, name: str) -> Seen:
    short = manifest.id_of(name)
    if short is None or manifest.started_at_of(name) <= manifest.started_at_of(known.get(short, "")):
        return known
    return {**known, short: name}


def dump(known: Seen) -> bytes:
    return json.dumps(known, indent=1).encode()
