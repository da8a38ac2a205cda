# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Volumes of a node's own: what the machine shows of them, and formatting and mounting them. What is done is volume_plan's."""

from __future__ import annotations

import errno
import json
import os
import pwd
import re
import shutil
import stat
import struct
import subprocess
import typing as t

from .._common import files as whole_files
from .._common.errors import Problem
from . import files, programs, volume_plan
from .volume_plan import Seen, Wanted

# A new volume of EBS is all zeros. So much is read of each end of it: where anything keeps its headers.
END_BYTES = 1 << 20
# The superblock of ext4: where it is, its magic number, its label, and when it was last mounted.
_SUPERBLOCK, _BYTES, _MAGIC, _LABEL, _MOUNTED = 1024, 1024, (0x38, 0xEF53), (0x78, 16), 0x2C
_WAIT_SECONDS = 300
JOURNALD = "systemd-journald.service"
# Of a disk that is not asked.
_NOTHING: dict[str, t.Any] = {"busy": False, "signatures": [], "blank": False, "label": "", "used": False}


def look(wanted: Wanted, proc: str = "/proc") -> Seen:
    path = wanted["path"]
    device = _device(volume_plan.link_of(wanted["id"]))
    mounts = _mounts(proc)
    kind, inside = _place(path, wanted["purpose"])
    over = mounts.get(path)
    number = _number(device) if device else ""
    # What is mounted where it belongs has nothing more to answer.
    in_place = over is not None and over.number == number
    disk = _disk(device) if device and not in_place else {**_NOTHING, "size": _size(device) if device else 0}
    found = {
        "device": device,
        **disk,
        "places": sorted(place for place, there in mounts.items() if there.number == number),
        "in_place": in_place,
        "over": "" if over is None else over.source,
        "kind": kind,
        "inside": inside,
        "differs": bool(_differing(wanted, disk["size"])),
        "enabled": os.path.islink(os.path.join(volume_plan.UNITS, "local-fs.target.wants", volume_plan.unit_of(path))),
        "can_format": programs.find(volume_plan.MKFS) is not None,
    }
    return t.cast(Seen, found)


def survey(volumes: t.Sequence[Wanted]) -> dict[str, t.Any]:
    """For who only looks: what would be done, and why it can't be."""
    problems = volume_plan.malformed(volumes)
    todo: list[str] = []
    for wanted in () if problems else volumes:
        seen = look(wanted)
        decision = volume_plan.decide(wanted, seen)
        todo += volume_plan.words(wanted, seen, decision.steps)
        problems += [decision.problem] if decision.problem else []
    return {"problems": problems, "todo": todo}


def bring(volumes: t.Sequence[Wanted], owner: str, check_mode: bool) -> dict[str, t.Any]:
    """All are looked at before any is touched."""
    problems = volume_plan.malformed(volumes)
    looked = [] if problems else [(wanted, look(wanted)) for wanted in volumes]
    decided = [(wanted, seen, volume_plan.decide(wanted, seen)) for wanted, seen in looked]
    problems += [decision.problem for _wanted, _seen, decision in decided if decision.problem]
    if problems:
        raise Problem(" ".join(problems))
    steps = [word for wanted, seen, decision in decided for word in volume_plan.words(wanted, seen, decision.steps)]
    diffs = [diff for wanted, seen, _decision in decided for _entry, diff in _differing(wanted, seen["size"])]
    if not check_mode:
        for wanted, seen, decision in decided:
            _apply(wanted, seen, decision.steps, owner)
    said = (
        [{"before_header": "volumes", "after_header": "volumes", "before": "", "after": _lines(steps)}] if steps else []
    )
    return {"changed": bool(steps), "steps": steps, "diff": said + diffs}


def _differing(wanted: Wanted, size: int) -> list[tuple[files.Entry, dict[str, t.Any]]]:
    found = volume_plan.entries(wanted, size)
    return [(entry, diff) for entry in found if (diff := files.difference(entry, files.look(entry)))]


def _apply(wanted: Wanted, seen: Seen, steps: t.Sequence[str], owner: str) -> None:
    name = volume_plan.unit_of(wanted["path"])
    unit, *others = volume_plan.entries(wanted, seen["size"])
    if "unit" in steps:
        files.put(unit)
        run("systemctl", "daemon-reload")
        run("systemctl", "enable", "--quiet", name)
    if "format" in steps:
        _format(wanted, owner)
    if "mount" in steps:
        _mount(wanted, name)
    # Last: as long as these are missing, journald may still write below the mount, and the next run restarts it. So the first
    # mount restarts journald twice: written before the restart that follows the mount, these would tell the run after one that
    # was killed in between that nothing is left to do.
    if "unit" in steps and others:
        for entry in others:
            files.put(entry)
        run("systemctl", "restart", JOURNALD)


def _format(wanted: Wanted, owner: str) -> None:
    """The owner is given with the file system: a run that is killed afterwards leaves nothing half done."""
    link = volume_plan.link_of(wanted["id"])
    seen = look(wanted)
    if volume_plan.decide(wanted, seen).steps[-2:] != ["format", "mount"]:  # since it was looked at first
        raise Problem(f"{link} has changed while this run was at work", "Look at the disk, then run again.")
    uid, gid = (0, 0) if wanted["purpose"] == "journal" else _ids(owner)
    # Nothing is kept back for root: whoever writes here is not root, and alerts count what is left for all.
    label = volume_plan.label_of(wanted["purpose"])
    run(volume_plan.MKFS, "-q", "-m", "0", "-L", label, "-E", f"root_owner={uid}:{gid}", link)


def _mount(wanted: Wanted, name: str) -> None:
    path = wanted["path"]
    whole_files.make_folder(path)
    below = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        run("systemctl", "start", name)
        device = _device(volume_plan.link_of(wanted["id"]))
        there = _mounts().get(path)
        if device is None or there is None or there.number != _number(device):
            raise Problem(
                f"{name} was started, and {wanted['id']} is not mounted on {path}", f"See 'systemctl status {name}'."
            )
        if wanted["purpose"] == "journal":
            _move_journal(path, below)
    finally:
        os.close(below)


def _move_journal(path: str, below: int) -> None:
    """What journald has written until now lies below the mount, and is taken along. *below*: that directory.

    journald opens its files anew when it is restarted; it hands open connections over to itself.
    """
    before = f"/proc/self/fd/{below}"
    run("systemd-tmpfiles", "--create", f"--prefix={path}")
    # With owners and access lists; a file that was being written to is set aside by journald itself.
    run("cp", "--archive", f"{before}/.", path, keep=below)
    run("systemctl", "restart", JOURNALD)
    # Where it was kept in memory until now.
    run("journalctl", "--flush")
    for name in os.listdir(below):
        if volume_plan.JOURNAL.fullmatch(name):
            shutil.rmtree(os.path.join(before, name))


def run(*command: str, keep: int | None = None) -> str:
    """*keep*: a file descriptor that the program has as well."""
    program = programs.find(command[0])
    if program is None:
        raise programs.lacks(command[0], "its volumes are looked at or brought into use with")
    try:
        done = subprocess.run(
            [program, *command[1:]],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_WAIT_SECONDS,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
            pass_fds=() if keep is None else (keep,),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Problem(f"'{' '.join(command)}' could not be run ({error})") from error
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip() or f"it ended with {done.returncode}"
        raise Problem(f"'{' '.join(command)}' failed: {said}")
    return done.stdout


def _device(link: str) -> str | None:
    """The disk that udev's name leads to; None where there is none."""
    real = os.path.realpath(link)
    try:
        status = os.stat(real)
    except FileNotFoundError:
        return None
    if not stat.S_ISBLK(status.st_mode):
        raise Problem(f"{link} leads to {real}, which is no disk", "Find out who put it there.")
    return real


def _size(device: str) -> int:
    try:
        with open(device, "rb") as stream:
            return stream.seek(0, os.SEEK_END)
    except OSError as error:
        raise Problem(f"{device} can't be read ({error.strerror})", "Nothing was done to it.") from error


def _number(device: str) -> str:
    number = os.stat(device).st_rdev
    return f"{os.major(number)}:{os.minor(number)}"


class _Mount(t.NamedTuple):
    number: str  # MAJOR:MINOR of the device
    source: str


def _mounts(proc: str = "/proc") -> dict[str, _Mount]:
    """What is on top at each mount point of this machine."""
    with open(os.path.join(proc, "self", "mountinfo"), encoding="utf-8", errors="replace") as stream:
        rows = [line.split() for line in stream]
    return {_unescaped(row[4]): _Mount(row[2], _unescaped(row[row.index("-") + 2])) for row in rows}


def _unescaped(place: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found.group(1), 8)), place)


def _place(path: str, purpose: str) -> tuple[str, list[str]]:
    """What is at the mount point, and what is in it."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return "absent", []
    if not stat.S_ISDIR(status.st_mode):
        return "other", []
    names = os.listdir(path)
    if purpose == "journal":
        names = [name for name in names if not volume_plan.JOURNAL.fullmatch(name)]
    return "directory", sorted(names)


def _disk(device: str) -> dict[str, t.Any]:
    """The kernel refuses to open for itself alone what is mounted, in a RAID or in a volume group."""
    busy = False
    try:
        handle = os.open(device, os.O_RDONLY | os.O_EXCL)
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise Problem(f"{device} can't be read ({error.strerror})", "Nothing was done to it.") from error
        busy, handle = True, os.open(device, os.O_RDONLY)
    try:
        size = os.lseek(handle, 0, os.SEEK_END)
        ends = [os.pread(handle, END_BYTES, at) for at in (0, max(0, size - END_BYTES))]
        label, used = _ext4(os.pread(handle, _BYTES, _SUPERBLOCK))
    except OSError as error:
        raise Problem(f"{device} can't be read ({error.strerror})", "Nothing was done to it.") from error
    finally:
        os.close(handle)
    blank = size > 0 and not any(map(any, ends))
    return {
        "size": size,
        "busy": busy,
        "signatures": _signatures(device) if size else [],
        "blank": blank,
        "label": label,
        "used": used,
    }


def _signatures(device: str) -> list[str]:
    """An answer, with or without any: where wipefs can't look it fails, unlike blkid, whose "nothing" may mean either."""
    answer = run("wipefs", "--no-act", "--json", device)
    try:
        found = json.loads(answer or "{}").get("signatures", [])
        return list(dict.fromkeys(one["type"] for one in found))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Problem(
            f"wipefs said of {device} what can't be understood: {answer[:200]!r}", "Nothing was done."
        ) from error


def _ext4(superblock: bytes) -> tuple[str, bool]:
    """Label, and whether it was ever mounted."""
    if len(superblock) < _BYTES or struct.unpack_from("<H", superblock, _MAGIC[0])[0] != _MAGIC[1]:
        return "", False
    start, length = _LABEL
    label = superblock[start : start + length].split(b"\0")[0].decode(errors="replace")
    return label, struct.unpack_from("<I", superblock, _MOUNTED)[0] != 0


def _ids(owner: str) -> tuple[int, int]:
    try:
        entry = pwd.getpwnam(owner)
    except KeyError as error:
        raise Problem(f"A volume is to belong to {owner}, and there is no such user") from error
    return entry.pw_uid, entry.pw_gid


def _lines(words: t.Sequence[str]) -> str:
    return "".join(f"{word}\n" for word in words)
