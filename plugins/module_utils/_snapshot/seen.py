# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The newest snapshot of each cluster id that this controller has ever proven, so that an older one can't pass for the newest.

Where snapshots vanish from a bucket, or it is given back as it once was, all that is left in it is genuine.
"""

from __future__ import annotations

import json

from .._common import files
from . import manifest
from .errors import Exit, Failure

Record = dict[str, str]  # the snapshot's name, by the short cluster id that is in it


def read(path: str) -> Record:
    try:
        with open(path, encoding="utf-8") as stream:
            return parse(stream.read())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise Failure(Exit.DISK, f"{path} can't be read ({error.strerror})") from error
    except ValueError as error:
        raise Failure(
            Exit.CONFIG, f"{path} does not tell which snapshots were seen ({error})", "Move it away, and look why."
        ) from error


def parse(text: str) -> Record:
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


def require_not_older(path: str, name: str) -> None:
    before = read(path).get(manifest.id_of(name) or "", "")
    if manifest.started_at_of(name) < manifest.started_at_of(before):
        raise Failure(
            Exit.SNAPSHOT,
            f"the newest snapshot in the bucket, {name}, is older than {before}, which this controller has already proven",
            f"Find out who removed that one. If {name} is meant all the same: -e vault_restore={name}.",
        )


def remember(path: str, name: str) -> None:
    """Only what has been proven, and has a seal: a name by itself is anybody's."""
    known, short = read(path), manifest.id_of(name)
    if short is None or manifest.started_at_of(name) <= manifest.started_at_of(known.get(short, "")):
        return
    try:
        files.write(path, json.dumps({**known, short: name}, indent=1).encode())
    except OSError as error:
        raise Failure(Exit.DISK, f"{path} could not be written ({error.strerror})", "Make room.") from error
