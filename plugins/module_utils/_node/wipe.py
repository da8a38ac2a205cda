# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Remove what Vault holds on a node, and nothing of anybody else's."""

from __future__ import annotations

import contextlib
import glob
import os
import pwd
import shutil
import stat

from .._common.errors import Problem
from . import certificate, paths

# What vault_certificate and vault_certificate_request lay down: files, and the directory of certificates that were replaced.
TLS_FILES = ("vault.crt", "vault.key", "ca.crt", certificate.PENDING)


def found(data: str, tls: str, audit_files: list[str], owner: str) -> list[str]:
    """What is there to be removed: single files, then the data as a whole."""
    uid = _uid(owner)
    files = [path for name in TLS_FILES if os.path.lexists(path := os.path.join(tls, name))]
    files += _replaced(os.path.join(tls, certificate.REPLACED))
    for path in audit_files:
        # logrotate's own names: audit.log.1, audit.log.2.gz, audit.log-20261125
        name = glob.escape(path)
        logs = [*glob.glob(name), *glob.glob(f"{name}.[0-9]*"), *glob.glob(f"{name}-[0-9]*")]
        files += [log for log in sorted(logs) if stat.S_ISREG(os.lstat(log).st_mode) and os.lstat(log).st_uid == uid]
    if not os.path.lexists(data):
        return files
    status = os.lstat(data)
    if paths.is_standard(data) or not stat.S_ISDIR(status.st_mode) or status.st_uid != uid:
        raise Problem(
            f"{data} is not a directory of {owner}'s own",
            "Nothing was removed. Remove Vault's data in it yourself: raft, vault.db, node-id.",
        )
    return [*files, data]


def remove(there: list[str]) -> None:
    """Then the directories that are empty now; never one of the system."""
    try:
        for path in there:
            if os.path.isdir(path) and not os.path.islink(path):
                _empty(path)
            else:
                os.unlink(path)
    except OSError as error:
        raise Problem(f"{error.filename} could not be removed ({error.strerror})") from error
    # The inner ones first: 'replaced' lies in the directory of certificates.
    folders = {path if os.path.isdir(path) else os.path.dirname(path) for path in there}
    for folder in sorted(folders, reverse=True):
        if not paths.is_standard(folder):
            # One that holds something else, or that a file system is mounted on, stays.
            with contextlib.suppress(OSError):
                os.rmdir(folder)


def _empty(folder: str) -> None:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
            else:
                os.unlink(entry.path)


def _replaced(folder: str) -> list[str]:
    return sorted(glob.glob(os.path.join(glob.escape(folder), "*.crt")))


def _uid(owner: str) -> int | None:
    try:
        return pwd.getpwnam(owner).pw_uid
    except KeyError:
        return None
