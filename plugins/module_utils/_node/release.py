# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fetch a Vault release, believe none of it before its signature, and lay it down in one step."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request
import zipfile

from .errors import NodeError

VERSION = re.compile(r"^\d+\.\d+\.\d+(-[0-9A-Za-z.]+)?(\+[0-9A-Za-z.]+)?$")
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
TIMEOUT_SECONDS = 60
CHUNK_BYTES = 1 << 20


class Release:
    """One version of Vault as its publisher lays it out: archive, sums, and a signature over the sums."""

    def __init__(self, mirror: str, version: str, machine: str) -> None:
        if not VERSION.match(version):
            raise NodeError(f"'{version}' is not a Vault version", "Give it in full, such as 1.21.1.")
        if machine not in ARCHITECTURES:
            raise NodeError(f"there is no Vault for {machine}", f"Use one of {', '.join(ARCHITECTURES)}.")
        self.version = version
        self.base = f"{mirror.rstrip('/')}/vault/{version}"
        self.archive = f"vault_{version}_linux_{ARCHITECTURES[machine]}.zip"

    def expected_sum(self, signing_key: str) -> str:
        """The archive's SHA-256 from SHA256SUMS, once its signature is proven."""
        with tempfile.TemporaryDirectory() as folder:
            sums = os.path.join(folder, "sums")
            self.fetch(f"vault_{self.version}_SHA256SUMS", sums)
            self.fetch(f"vault_{self.version}_SHA256SUMS.sig", f"{sums}.sig")
            verify_signature(sums, signing_key, self.base)
            with open(sums, encoding="ascii") as stream:
                listed = {name: digest for digest, name in (line.split() for line in stream if line.strip())}
        if self.archive not in listed:
            raise NodeError(f"{self.base} does not list {self.archive}", "This version has no build for this machine.")
        return listed[self.archive]

    def fetch(self, name: str, path: str) -> str:
        """Download to a file; returns the SHA-256 of what came."""
        digest = hashlib.sha256()
        try:
            with (
                urllib.request.urlopen(f"{self.base}/{name}", timeout=TIMEOUT_SECONDS) as source,
                open(path, "wb") as to,
            ):
                while chunk := source.read(CHUNK_BYTES):
                    digest.update(chunk)
                    to.write(chunk)
        except urllib.error.HTTPError as error:
            raise NodeError(
                f"{self.base}/{name} can't be had (HTTP {error.code})", "Check the version and the mirror."
            ) from error
        except urllib.error.URLError as error:
            raise NodeError(f"{self.base}/{name} can't be had ({error.reason})", "Check the mirror's URL.") from error
        except OSError as error:
            raise NodeError(f"{self.base}/{name} could not be saved ({error})", "Make room, then run again.") from error
        return digest.hexdigest()

    def unpack(self, expected: str, folder: str) -> None:
        """Put the binary into *folder*, which either appears whole or not at all."""
        parent = os.path.dirname(folder)
        os.makedirs(parent, mode=0o755, exist_ok=True)
        partial = tempfile.mkdtemp(prefix=f".{self.version}.", dir=parent)
        try:
            archive = os.path.join(partial, "archive.zip")
            found = self.fetch(self.archive, archive)
            if found != expected:
                raise NodeError(
                    f"the checksum of {self.base}/{self.archive} is {found}, and the signed list says {expected}",
                    "The archive is damaged or not the publisher's. Do not use this mirror before you know why.",
                )
            with zipfile.ZipFile(archive) as content:
                content.extract("vault", partial)
            os.unlink(archive)
            os.chmod(os.path.join(partial, "vault"), 0o755)
            os.chmod(partial, 0o755)
            os.rename(partial, folder)
        except (OSError, KeyError, zipfile.BadZipFile) as error:
            raise NodeError(
                f"{self.archive} could not be unpacked into {parent} ({error})", "Is the disk full?"
            ) from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def verify_signature(path: str, signing_key: str, where: str) -> None:
    gpgv = shutil.which("gpgv")
    if not gpgv:
        raise NodeError("gpgv is not installed on this node", "Install the package gpgv (Debian) or gnupg2 (Red Hat).")
    keyring = f"{path}.keyring"
    with open(keyring, "wb") as stream:
        stream.write(dearmor(signing_key))
    done = subprocess.run(
        [gpgv, "--keyring", keyring, f"{path}.sig", path], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise NodeError(
            f"the signature of {where}'s SHA256SUMS is not by the given key ({done.stderr.strip().splitlines()[-1]})",
            "Check vault_install_signing_key. If it is right, this mirror is not to be trusted.",
        )


def dearmor(armored: str) -> bytes:
    """The bytes of an ASCII-armoured OpenPGP key (RFC 4880, 6.2)."""
    match = re.search(r"-----BEGIN PGP PUBLIC KEY BLOCK-----\n(?:.+\n)*\s*\n(.+?)\n=[^\n]{4}\n", armored, re.DOTALL)
    if not match:
        raise NodeError("the signing key is not an ASCII-armoured PGP public key", "Give the text of the .asc file.")
    return base64.b64decode(match.group(1))
