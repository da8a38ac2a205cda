# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which paths may become Vault's own: a directory that others use keeps its owner, its mode and what is in it. Pure."""

from __future__ import annotations

import os
import re

from .._common import product
from .._common.product import Flavour

# The directories of the Filesystem Hierarchy Standard, and those that root's programs are started or set up from.
_HIERARCHY = """
    / /bin /boot /dev /etc /home /lib /lib32 /lib64 /libx32 /lost+found /media /mnt /opt /proc /root /run /sbin /srv /sys
    /tmp /usr /usr/bin /usr/include /usr/lib /usr/lib32 /usr/lib64 /usr/libexec /usr/local /usr/local/bin
    /usr/local/etc /usr/local/lib /usr/local/sbin /usr/local/share /usr/local/src /usr/sbin /usr/share /usr/src
    /usr/lib/systemd /usr/lib/systemd/system
    /etc/cron.d /etc/logrotate.d /etc/opt /etc/pki /etc/ssh /etc/ssl /etc/ssl/certs /etc/ssl/private /etc/systemd
    /etc/systemd/system
    /var /var/account /var/backups /var/cache /var/crash /var/db /var/empty /var/games /var/lib /var/local /var/lock
    /var/log /var/log/audit /var/log/journal /var/mail /var/opt /var/run /var/spool /var/tmp /var/www
"""
STANDARD = frozenset(_HIERARCHY.split())
# The releases that root runs, and the configuration: whoever owns these is root, or decides what Vault does.
ROOTS_OWN = frozenset(["/opt/vault", "/opt/vault/releases", "/etc/vault.d", "/etc/vault.d/tls", "/opt/vaultops"])
# Programs and devices; and what the unit does not show to Vault, or what does not outlive a boot.
_UNSEEN = (
    "/bin /boot /dev /home /lib /lib64 /opt/vault/releases /proc /root /run /sbin /sys /tmp /usr /var/run /var/tmp"
)
TREES = tuple(_UNSEEN.split())
# Nothing that systemd's unit files or logrotate would take for more than a name.
PLAIN = re.compile(r"(/[A-Za-z0-9._@+-]+)+")


def is_standard(path: str) -> bool:
    """Whether the directory is one that the system and others use, by whatever name it is called."""
    return {_plain(path), _plain(os.path.realpath(path))} & STANDARD != set()


def problems(
    data: str,
    audit_files: list[str],
    shared: list[str],
    log_file: str = "",
    flavour: Flavour = product.VAULT,
) -> list[str]:
    """Why these can't be Raft's directory, the audit files and the file of the server's own log, which is empty for none.

    *shared*: directories that stay as they are.
    """
    found = [
        f"{what} is {path!r}. {cause}"
        for what, path in [
            ("vault_server_data_dir", data),
            *(("The file of an audit device", path) for path in audit_files),
            # With a slash at its end it is a directory.
            *([("log_file of vault_server_settings", log_file.removesuffix("/"))] if log_file else []),
        ]
        if (cause := _malformed(path))
    ]
    if found:
        return found
    server = product.named(flavour)
    if cause := _taken(data, server):
        found.append(f"vault_server_data_dir is {data}, and {cause} Give Raft a directory of its own: /opt/vault/data.")
    for path in audit_files:
        folder = os.path.dirname(path)
        hidden = _below(folder, server)
        if hidden or (folder not in shared and _taken(folder, server)):
            found.append(
                f"The audit file {path} lies in {folder}, and {hidden or _taken(folder, server)} Give it a directory of its own: "
                "/var/log/vault/audit.log."
            )
        if _plain(path) in STANDARD | ROOTS_OWN:
            found.append(f"The audit file {path} is a directory of the system.")
    folders = [data, *(folder for path in audit_files if (folder := os.path.dirname(path)) not in shared)]
    if log_file and not any(f"{os.path.dirname(log_file)}/".startswith(f"{folder}/") for folder in folders):
        named = " and ".join(folders)
        found.append(
            f"log_file of vault_server_settings is {log_file}, and the unit lets {server} write to {named} alone, so "
            f"{server} would not start. Put it there: {folders[-1]}/vault.log. {server}'s log is in "
            "the journal without it as well."
        )
    return found


def _malformed(path: str) -> str:
    if not path.startswith("/"):
        return "Give an absolute path."
    if not PLAIN.fullmatch(path):
        return "Give a path of letters, digits, and the characters . _ @ + - between single slashes."
    if os.path.normpath(path) != path:
        return f"Give it without detours: {os.path.normpath(path)}."
    return ""


def _taken(folder: str, server: str) -> str:
    if folder in STANDARD:
        return f"{folder} is a directory that others use: it can't become {server}'s own."
    if folder in ROOTS_OWN:
        return f"{folder} must stay root's: what root runs, or {server}'s configuration, is in it."
    return _below(folder, server)


def _below(folder: str, server: str) -> str:
    for tree in TREES:
        if folder == tree or folder.startswith(f"{tree}/"):
            return f"nothing below {tree} is for data or logs: {server} could not see it, or it would not last."
    return ""


def _plain(path: str) -> str:
    # POSIX lets normpath keep two leading slashes.
    return "/" + os.path.normpath(path).lstrip("/")
