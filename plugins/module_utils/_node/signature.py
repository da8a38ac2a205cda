# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who signed a file. The status lines of gpgv or gpg decide: gpgv itself takes keys that are revoked or expired, and exits
with 0.

Amazon Linux 2023 has gpg and no gpgv.
"""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import tempfile

from .._common.errors import Problem
from . import programs

TIMEOUT_SECONDS = 30
ARMOUR = "PGP PUBLIC KEY BLOCK-----"
# https://github.com/gpg/gnupg/blob/master/doc/DETAILS
REFUSED = {
    "BADSIG": "it does not belong to this file",
    "ERRSIG": "it is by another key, or of a kind that can't be checked here",
    "NO_PUBKEY": "it is by another key",
    "EXPSIG": "it has expired",
    "EXPKEYSIG": "the key has expired",
    "REVKEYSIG": "the key was revoked by its owner",
    "KEYREVOKED": "the key was revoked by its owner",
    "NODATA": "there is no signature in it",
}


# gpg has a home of its own here: no options, keys or trust of anybody else's, no agent, and no way to a key server.
ALONE = [
    "--batch",
    "--no-options",
    "--no-autostart",
    "--no-default-keyring",
    "--no-auto-key-retrieve",
    "--trust-model",
    "always",
]


def verify(path: str, signature: str, signing_key: str, what: str) -> None:
    tool, program = _tool()
    key = dearmor(signing_key)
    with tempfile.TemporaryDirectory() as folder:
        keyring = os.path.join(folder, "keyring")
        with open(keyring, "wb") as stream:
            stream.write(key)
        command = [program, "--homedir", folder, "--status-fd", "1", "--keyring", keyring]
        command += [*ALONE, "--verify"] if tool == "gpg" else []
        try:
            done = subprocess.run(
                [*command, signature, path], capture_output=True, timeout=TIMEOUT_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Problem(f"{tool} can't be run ({error})", f"Reinstall the package that {tool} is in.") from error
    reason = refusal(done.stdout.decode(errors="replace"), done.returncode, tool)
    if reason:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise Problem(
            f"the signature of {what} is not accepted: {reason}{f' ({said[-1]})' if said else ''}",
            "Check vault_release_signing_key: it must be the key as its owner gives it today. "
            "If it is, this mirror is not to be trusted.",
        )


def _tool() -> tuple[str, str]:
    """What is here to verify with: its name, and where it is."""
    for tool in ("gpgv", "gpg"):
        program = shutil.which(tool)
        if program:
            return tool, program
    raise programs.lacks("gpgv|gpg", "verifies the signature of a release")


def refusal(status: str, code: int, tool: str = "gpgv") -> str | None:
    """Why the status lines are not those of one good signature by a key that is valid now; None if they are."""
    words = [line.split()[1:] for line in status.split("\n") if line.startswith("[GNUPG:] ")]
    keywords = [line[0] for line in words if line]
    for keyword in keywords:
        if keyword in REFUSED:
            return REFUSED[keyword]
    if code != 0:
        return f"{tool} ended with {code}"
    if keywords.count("GOODSIG") != 1 or keywords.count("VALIDSIG") != 1:
        return f"{tool} names no good signature"
    return None


def dearmor(armoured: str) -> bytes:
    """The bytes of an ASCII-armoured OpenPGP key (RFC 4880, 6.2)."""
    lines = [line.rstrip() for line in armoured.splitlines()]
    try:
        block = lines[lines.index(f"-----BEGIN {ARMOUR}") + 1 : lines.index(f"-----END {ARMOUR}")]
        body = [line for line in block[block.index("") + 1 :] if line and not line.startswith("=")]
        key = base64.b64decode("".join(body), validate=True)
    except ValueError as error:
        raise _no_key() from error
    if not key:
        raise _no_key()
    return key


def _no_key() -> Problem:
    return Problem("the signing key is not an ASCII-armoured PGP public key", "Give the text of the .asc file.")
