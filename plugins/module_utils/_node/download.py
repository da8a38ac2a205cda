# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fetch a file from somebody who is not trusted yet: so many bytes, so many seconds, and so much room at most."""

from __future__ import annotations

import hashlib
import http.client
import os
import typing as t
import urllib.error
import urllib.request
from dataclasses import dataclass

from .._common.errors import Problem
from .deadline import Overdue, deadline

CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Limit:
    """*seconds* is how long all of it may take, *silence* how long a single read may; *reserve* is what stays free."""

    bytes: int
    seconds: float
    silence: float = 60
    reserve: int = 0


def fetch(url: str, path: str, limit: Limit) -> str:
    """Download to a file; returns the SHA-256 of what came."""
    try:
        with (
            deadline(limit.seconds),
            urllib.request.build_opener().open(url, timeout=limit.silence) as source,
            open(path, "wb") as to,
        ):
            announced = _announced(source)
            if announced is not None and announced > limit.bytes:
                raise _too_much(url, limit)
            require_room(os.path.dirname(path), announced or limit.bytes, limit.reserve, f"Downloading {url}")
            return _copy(source, to, url, limit, announced)
    except Overdue as error:
        raise Problem(
            f"{url} did not arrive within {limit.seconds:.0f} s",
            "The mirror is too slow, or holds this node on purpose.",
        ) from error
    except urllib.error.HTTPError as error:
        raise Problem(f"{url} can't be had (HTTP {error.code})", "Check the version and the mirror.") from error
    except urllib.error.URLError as error:
        raise Problem(f"{url} can't be had ({error.reason})", "Check the mirror's URL.") from error
    except (http.client.HTTPException, ValueError) as error:
        raise Problem(
            f"{url} can't be had: the answer is not HTTP as it should be ({type(error).__name__}: {error})",
            "Check the mirror, and a proxy before it.",
        ) from error
    except OSError as error:
        raise Problem(
            f"{url} could not be saved as {path} ({error})", "Check the network and the disk, then run again."
        ) from error


def require_room(folder: str, needed: int, reserve: int, what: str) -> None:
    """Nothing is written that would leave less than *reserve*."""
    found = os.statvfs(folder)
    free = found.f_bavail * found.f_frsize
    if free < needed + reserve:
        raise Problem(
            f"{what} needs {_mib(needed)}, and {_mib(reserve)} are to stay free; {folder} has {_mib(free)} free",
            "Make room, then run again. Nothing was changed.",
        )


def _announced(source: t.Any) -> int | None:
    length = source.headers.get("Content-Length")
    if length is None:
        return None
    if not (length.isascii() and length.isdigit()):
        raise http.client.HTTPException(f"Content-Length: {length[:40]}")
    return int(length)


def _copy(source: t.Any, to: t.BinaryIO, url: str, limit: Limit, announced: int | None) -> str:
    digest = hashlib.sha256()
    arrived = 0
    while chunk := source.read(CHUNK_BYTES):
        arrived += len(chunk)
        if arrived > limit.bytes:
            raise _too_much(url, limit)
        digest.update(chunk)
        to.write(chunk)
    if announced is not None and arrived != announced:
        raise Problem(
            f"{url} broke off after {arrived} of {announced} bytes", "Check the network and the mirror, then run again."
        )
    return digest.hexdigest()


def _too_much(url: str, limit: Limit) -> Problem:
    size = _mib(limit.bytes) if limit.bytes >= 1 << 20 else f"{limit.bytes >> 10} KiB"
    return Problem(
        f"{url} is larger than {size}, the most that such a file may have", "This is not a mirror of Vault's releases."
    )


def _mib(number: int) -> str:
    """Rounded up."""
    return f"{-(-number >> 20)} MiB"
