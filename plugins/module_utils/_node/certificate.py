# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where a node has its certificate, key and CA, and who may read them; and how it makes a key that never leaves it.

The standard library makes no keys. The openssl command does: on Debian and Ubuntu ca-certificates depends on it, and Amazon Linux
has it in its images.
"""

from __future__ import annotations

import glob
import os
import subprocess
import typing as t

from .._common import files as whole
from .._common.errors import Problem
from .._common.lock import locked
from . import files, programs, tls

DIRECTORY = "/etc/vault.d/tls"
# A key that waits for its certificate, beside the one that is in use.
PENDING = "pending.key"
# Certificates that were replaced, until they have expired: see Vault's list of revoked ones.
REPLACED = "replaced"
# Of our own, since the machine's configuration may name anything.
_CONFIGURATION = "[req]\ndistinguished_name = subject\nprompt = no\n[subject]\nCN = {name}\n"


class Found(t.TypedDict):
    """What a plan needs to know of it; nothing of this is secret. Empty: there is none."""

    certificate: str
    ca: str
    key_fits: bool
    replaced: list[str]


def entries(params: dict[str, t.Any]) -> list[files.Entry]:
    """The key comes before the certificate: a run that is killed in between has served nothing yet."""

    def path(name: str) -> str:
        return os.path.join(params["directory"], name)

    return [
        files.Entry(params["directory"], "root", "vault", 0o750),
        files.Entry(path("ca.crt"), "root", "root", 0o644, params["ca"]),
        files.Entry(path("vault.key"), "vault", "vault", 0o400, params["private_key"], secret=True),
        files.Entry(path("vault.crt"), "root", "root", 0o644, params["certificate"]),
    ]


def look(directory: str) -> Found:
    certificate = _read(directory, "vault.crt")
    kept = sorted(glob.glob(os.path.join(glob.escape(directory), REPLACED, "*.crt")))
    return {
        "certificate": certificate,
        "ca": _read(directory, "ca.crt"),
        "key_fits": bool(certificate) and tls.fits(certificate, _read(directory, "vault.key")),
        "replaced": [text for path in kept if (text := _read(*os.path.split(path)))],
    }


def request(directory: str, name: str) -> str:
    """A request for a certificate, in PEM, for a key that waits on the node; of a run that was cut short it is the same key."""
    path = os.path.join(directory, PENDING)
    os.makedirs(directory, mode=0o750, exist_ok=True)
    # Ansible repeats a module whose connection was cut, and the first may still run: two keys, a certificate for one of them.
    with locked(directory):
        if not _read(directory, PENDING):
            key = _openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
            whole.write(path, key.encode(), 0o600)
    return _openssl(
        "req", "-new", "-sha256", "-key", path, "-config", "/dev/stdin", said=_CONFIGURATION.format(name=name)
    )


def own_key(directory: str, certificate: str) -> str:
    """The node's key for this certificate: the one in use, or the one that waited for it."""
    for name in ("vault.key", PENDING):
        key = _read(directory, name)
        if key and tls.fits(certificate, key):
            return key
    found = [name for name in ("vault.key", PENDING) if _read(directory, name)]
    raise Problem(
        f"Neither vault.key nor {PENDING} in {directory} is the key of the certificate (there: {', '.join(found) or 'neither'})",
        "Run again: another is requested.",
    )


def keep(directory: str, certificate: str) -> str:
    """A certificate that is about to be replaced; the path that it has from now on."""
    folder = os.path.join(directory, REPLACED)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    for path in glob.glob(os.path.join(glob.escape(folder), "*.crt")):
        if _has_expired(path):
            os.unlink(path)
    path = os.path.join(folder, f"{tls.fingerprint(certificate)}.crt")
    whole.write(path, certificate.encode(), 0o644)
    return path


def forget_pending(directory: str, key: str) -> None:
    """Once it is in service it waits for nothing."""
    if _read(directory, PENDING) == key:
        os.unlink(os.path.join(directory, PENDING))


def _has_expired(path: str) -> bool:
    command = ["openssl", "x509", "-in", path, "-noout", "-checkend", "0"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 1


def _read(directory: str, name: str) -> str:
    try:
        with open(os.path.join(directory, name), encoding="utf-8", errors="replace", newline="") as stream:
            return stream.read()
    except (FileNotFoundError, NotADirectoryError):
        return ""


def _openssl(*arguments: str, said: str = "") -> str:
    try:
        done = subprocess.run(["openssl", *arguments], input=said, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise programs.lacks("openssl", "makes its private key") from error
    if done.returncode != 0:
        raise Problem(f"openssl {arguments[0]} failed on the node ({done.stderr.strip()})", "Look at its openssl.")
    return done.stdout
