# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A node's vote on which controller may change the cluster: one file, which says who has it and for how long."""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
import time
import typing as t

from .._common import files, lock
from .._common.errors import Problem

CLUSTER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
BOOT_ID = "/proc/sys/kernel/random/boot_id"


class Clock(t.NamedTuple):
    """*boot* counts on while the machine sleeps and is never set, unlike *wall*; it begins anew with each boot."""

    wall: float
    boot: float
    boot_id: str


class Lease(t.TypedDict):
    cluster: str
    holder: str  # random, made anew by each run
    who: str
    job: str
    playbook: str
    since: float  # by the node's wall clock, for people to read
    seconds: float  # how long it lasts from renewed_at on
    renewed_at: float  # by the clock since boot
    boot_id: str


class Decision(t.NamedTuple):
    granted: bool
    after: Lease | None


def remaining(lease: Lease, clock: Clock) -> float:
    """Seconds that the lease goes on; never too few.

    The wall clock has no say, because it may be set. After a reboot only the time since then is certain to have passed.
    """
    passed = clock.boot - lease["renewed_at"] if clock.boot_id == lease["boot_id"] else clock.boot
    return lease["seconds"] - passed


def decide(state: str, found: Lease | None, claim: Lease, clock: Clock, take_over: str = "") -> Decision:
    """What a node answers, and the lease that it has then."""
    ours = found is not None and found["holder"] == claim["holder"]
    if state == "released":
        return Decision(ours, None if ours else found)
    if found is not None and ours:
        return Decision(True, {**claim, "since": found["since"]})
    if state == "renewed":
        # Also where nobody has it: somebody may have had it meanwhile.
        return Decision(False, found)
    free = found is None or remaining(found, clock) <= 0 or (take_over != "" and found["who"] in take_over.split(","))
    return Decision(True, claim) if free else Decision(False, found)


def ask(options: t.Mapping[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    """Put a question to this node's vote, as the module vault_lease has its options, and return its answer."""
    directory = options["directory"]
    path = path_of(directory, options["cluster"])
    writes = not check_mode and options["state"] == "taken"
    there = os.path.isdir(directory)
    if writes:
        prepare(directory)
    # Where nothing may be made and nothing is, there is nothing to lock.
    with locked(directory) if writes or there else contextlib.nullcontext():
        before, found, now = mark(directory) if there else None, read(path), clock()
        decision = decide(options["state"], found, _claimed(options, now), now, options["take_over"])
        changed = decision.after != found
        if changed and not check_mode:
            put(path, decision.after)
    return {
        "changed": changed,
        "granted": decision.granted,
        "lease": _shown(decision.after, now),
        "mark": before,
        "asked_at": options["asked_at"],
    }


def mark(directory: str) -> str | None:
    """What is another one after each lease that was taken, renewed or given back in the directory; None where that is missing.

    Each of these puts a file there, or takes one away.
    """
    try:
        found = os.stat(directory)
    except FileNotFoundError:
        return None
    return f"{found.st_ino}-{found.st_mtime_ns}"


def _claimed(options: t.Mapping[str, t.Any], clock: Clock) -> Lease:
    return {
        "cluster": options["cluster"],
        "holder": options["holder"],
        "who": options["who"],
        "job": options["job"],
        "playbook": options["playbook"],
        "since": clock.wall,
        "seconds": 60.0 * options["minutes"],
        "renewed_at": clock.boot,
        "boot_id": clock.boot_id,
    }


def _shown(kept: Lease | None, clock: Clock) -> dict[str, t.Any] | None:
    """What people want to know of it."""
    if kept is None:
        return None
    return {
        "who": kept["who"],
        "job": kept["job"],
        "playbook": kept["playbook"],
        "since": kept["since"],
        "expires": clock.wall + remaining(kept, clock),
    }


def clock() -> Clock:
    try:
        with open(BOOT_ID, encoding="ascii") as stream:
            boot_id = stream.read().strip()
    except OSError as error:
        raise Problem(f"{BOOT_ID} can't be read ({error.strerror}), so no lease can be judged") from error
    return Clock(time.time(), time.clock_gettime(time.CLOCK_BOOTTIME), boot_id)


def path_of(directory: str, cluster: str) -> str:
    if not CLUSTER.fullmatch(cluster):
        raise Problem(
            f"'{cluster}' is no name for a cluster", "Use letters, digits, '.', '_' and '-', and begin with no sign."
        )
    return os.path.join(directory, f"lease-{cluster}.json")


def read(path: str) -> Lease | None:
    """None only where there is no file."""
    try:
        with open(path, encoding="utf-8") as stream:
            text = stream.read()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise _no_lease(path, str(error)) from error
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _no_lease(path, "it is not JSON") from error
    if not isinstance(found, dict):
        raise _no_lease(path, "it is not a mapping")
    for name in ("cluster", "holder", "who", "job", "playbook", "boot_id"):
        if not isinstance(found.get(name), str):
            raise _no_lease(path, f"{name} is missing or no text")
    for name in ("since", "seconds", "renewed_at"):
        if type(found.get(name)) not in (int, float) or not abs(found[name]) < 1e12:
            raise _no_lease(path, f"{name} is missing or no number")
    if os.path.basename(path) != f"lease-{found['cluster']}.json":
        raise _no_lease(path, f"it is of the cluster {found['cluster']}")
    return t.cast(Lease, found)


def _no_lease(path: str, why: str) -> Problem:
    return Problem(
        f"{path} is not a lease that can be read ({why}), so it is unknown who may change the cluster",
        "Make sure that no controller is at work on it, and remove the file.",
    )


def prepare(directory: str) -> None:
    """The directory, which only the user that runs this (root, on a node) may enter."""
    with contextlib.suppress(FileExistsError), _in_words(directory):
        os.makedirs(directory, mode=0o700)
    found = os.lstat(directory)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o022:
        raise Problem(
            f"{directory} is not a directory of user {os.geteuid()} that nobody else may write to",
            "See what put it there, and move it away.",
        )


@contextlib.contextmanager
def locked(directory: str) -> t.Iterator[None]:
    with contextlib.ExitStack() as stack:
        with _in_words(directory):
            stack.enter_context(lock.locked(directory))
        yield


def put(path: str, lease: Lease | None) -> None:
    """In one step, and on the disk when this returns. None removes the file."""
    with _in_words(path):
        if lease is None:
            os.unlink(path)
            files.sync_directory(os.path.dirname(path))
        else:
            files.write(path, f"{json.dumps(lease, indent=2)}\n".encode())


@contextlib.contextmanager
def _in_words(path: str) -> t.Iterator[None]:
    try:
        yield
    except FileExistsError:
        raise
    except OSError as error:
        raise Problem(f"{path} could not be written ({error.strerror})", "The lease is kept there.") from error
