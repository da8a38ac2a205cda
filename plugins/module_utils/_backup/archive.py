# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Send rotated audit files to the bucket, each once, and never touch them: rotation alone removes them, whatever becomes of this.

A full disk stops Vault, and a bucket that can't be reached does not. So nothing waits for this: the metrics tell how old the
oldest file is that is not there yet.
"""

from __future__ import annotations

import contextlib
import functools
import gzip
import os
import tempfile
import time
import typing as t

from .._common import files
from .._common.samples import Values
from .._snapshot import aws
from .._snapshot.errors import Exit, Failure
from .._snapshot.s3 import Bucket
from . import rotated, textfile
from .config import Archive
from .disk import told
from .lock import held
from .program import say, warn, warned
from .rotated import Rotated, Sent
from .store import Draft

LAST_SUCCESS = "vault_audit_archive_last_success_timestamp_seconds"
HELP = {
    "vault_audit_archive_last_run_timestamp_seconds": "When the last run ended, whatever its end.",
    LAST_SUCCESS: "When the last run ended that left no rotated audit file unsent.",
    "vault_audit_archive_last_exit_code": "Exit code of the last run.",
    "vault_audit_archive_unsent_files": "How many rotated audit files are not in the bucket.",
    "vault_audit_archive_oldest_unsent_timestamp_seconds": "When the oldest of them was written to last.",
}
# How long it is known that something was sent whose file is gone.
REMEMBERED_SECONDS = 400 * 86_400
_PARTIAL = ".sending"
CURE = "Look at the disk's room, and at owner and mode."


def run(config: Archive) -> None:
    """Raises Failure where a file was not sent, after all others were tried that could be."""
    with held(os.path.join(config.directory, ".lock")):
        unsent: list[Rotated] = []
        try:
            problems = _send_all(config, unsent)
        except BaseException as end:
            code = getattr(end, "code", Exit.BUG)
            with warned():
                _report(config, code, unsent)
            raise
        code = problems[0].code if problems else Exit.DONE
        _report(config, code, unsent)
        for problem in problems[1:]:
            warn(str(problem))
        if problems:
            raise problems[0]


def _send_all(config: Archive, unsent: list[Rotated]) -> list[Failure]:
    """What could not be sent, one by one. *unsent*: is told which files are not in the bucket, whatever happens."""
    sent, now = Sent(_written_down(config)), time.time()
    _tidy(config)
    with told("the audit files can't be listed", CURE):
        there = rotated.find(config.files)
    # One that is still written to is not sent yet, and counts: a node may be writing to it for days, when the signal that tells
    # Vault of the rotation did not arrive.
    unsent += [one for one in there if not sent.has(one)]
    problems: list[Failure] = []
    # From when it is first needed: a node without anything to send needs no AWS.
    bucket = functools.cache(lambda: Bucket(config.s3))
    for one in [one for one in unsent if one.is_settled(now)]:
        try:
            name = _send(config, bucket, one, sent)
        except Failure as failure:
            problems.append(failure)
            if not _is_of_one_file(failure):
                break
            continue
        if name:
            sent.add(one, name, now)
            unsent.remove(one)
            _write_down(config, sent)
    sent.forget(there, now - REMEMBERED_SECONDS)
    _write_down(config, sent)
    return problems


def _is_of_one_file(failure: Failure) -> bool:
    """Where the next one may be well. A bucket that does not answer would be waited for with each of them."""
    return failure.code in (Exit.DISK, Exit.SNAPSHOT) or aws.code_of(failure.__cause__) == "EntityTooLarge"


def _send(config: Archive, bucket: t.Callable[[], Bucket], one: Rotated, sent: Sent) -> str | None:
    """Its name in the archive, once it is there; None where logrotate or Vault had it meanwhile: the next run will see."""
    with contextlib.ExitStack() as ends:
        with told(f"{one.path} can't be read", CURE):
            try:
                stream = ends.enter_context(open(one.path, "rb"))
            except FileNotFoundError:
                return None
            name = _name(one, stream)
            if not one.is_still(stream):
                return None
        if name not in sent.keys:
            content = stream if one.is_compressed else _compressed(config, one, stream, ends)
            if not one.is_still(stream):  # the name has the sum of what was read first
                return None
            with told(f"{one.path} can't be read", CURE):
                made = bucket().add(name, content)
            say(f"{one.path}: {'sent as' if made else 'was there already as'} {bucket().where(name)}.")
    return name


def _name(one: Rotated, stream: t.BinaryIO) -> str:
    try:
        return rotated.key(one, stream)
    except rotated.Broken as error:
        raise Failure(
            Exit.SNAPSHOT,
            f"{one.path} is no whole gzip file ({error})",
            "logrotate was cut off: where the same file is beside it uncompressed, that one is sent. Remove this one then.",
        ) from error


def _compressed(config: Archive, one: Rotated, stream: t.BinaryIO, ends: contextlib.ExitStack) -> t.BinaryIO:
    """A copy of one that logrotate has not compressed yet, for as long as *ends* lasts."""
    with told(f"{one.path} could not be compressed in {config.directory}", CURE):
        handle, path = tempfile.mkstemp(_PARTIAL, ".", config.directory)
        draft = Draft(handle, path, config.reserve_mib << 20)
        ends.callback(draft.drop)
        content = one.plain(stream)
        # Neither a name nor a time: the same content is the same object.
        with gzip.GzipFile("", "wb", fileobj=t.cast(t.BinaryIO, draft), mtime=0) as target:
            while chunk := content.read(rotated.CHUNK_BYTES):
                target.write(chunk)
        draft.close()
        return ends.enter_context(open(path, "rb"))


def _tidy(config: Archive) -> None:
    """What a killed run left."""
    with told(f"{config.directory} could not be tidied", CURE):
        for name in os.listdir(config.directory):
            if name.startswith(".") and name.endswith(_PARTIAL):
                os.unlink(os.path.join(config.directory, name))


def _written_down(config: Archive) -> str:
    with told(f"{_state(config)} can't be read", CURE):
        try:
            with open(_state(config), encoding="utf-8", errors="replace") as stream:
                return stream.read()
        except FileNotFoundError:
            return ""


def _write_down(config: Archive, sent: Sent) -> None:
    with told(f"{_state(config)} could not be written", CURE):
        files.write(_state(config), sent.text().encode())


def _state(config: Archive) -> str:
    return os.path.join(config.directory, "sent.json")


def samples(now: float, code: int, unsent: t.Sequence[Rotated]) -> Values:
    found: Values = {
        "vault_audit_archive_last_run_timestamp_seconds": now,
        "vault_audit_archive_last_exit_code": code,
        "vault_audit_archive_unsent_files": len(unsent),
    }
    if unsent:
        found["vault_audit_archive_oldest_unsent_timestamp_seconds"] = min(one.modified for one in unsent)
    return {**found, LAST_SUCCESS: now} if code == Exit.DONE and not unsent else found


def _report(config: Archive, code: int, unsent: t.Sequence[Rotated]) -> None:
    if config.metrics_file is not None:
        textfile.update(config.metrics_file, HELP, samples(time.time(), code, unsent), (LAST_SUCCESS,))
