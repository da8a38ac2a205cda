"""A release mirror laid out as the official one: archives, their sums, a detached signature, the public key."""

import json
import pathlib
import shutil
import subprocess
import tempfile
import typing as t
import zipfile

from .binaries import archive_name, sha256
from .say import LabError, say
from .settings import cache

_OWNER = "vaultops lab <lab@vaultops.invalid>"


def root() -> pathlib.Path:
    return cache() / "mirror"


def ensure(binaries: dict[str, pathlib.Path]) -> None:
    """Made once per binary: size and time of the file say whether it is the one that the archive was made of."""
    for version, binary in binaries.items():
        stamp = binary.stat()
        made_of = [str(binary), stamp.st_size, stamp.st_mtime_ns]
        once(version, made_of, lambda version=version, binary=binary: _publish(version, binary))


def once(release: str, made_of: list[t.Any], publish: t.Callable[[], None]) -> None:
    """*publish*, unless the mirror has *release* already, made of the same and signed by the key that is there."""
    root().mkdir(parents=True, exist_ok=True)
    record = cache() / "mirror.json"
    made = json.loads(record.read_text()) if record.exists() else {}
    wanted = json.loads(json.dumps(made_of))
    if made.get(release) != wanted or not public_key().exists():
        publish()
        record.write_text(json.dumps({**made, release: wanted}))


def _publish(version: str, binary: pathlib.Path) -> None:
    say(f"packing Vault {version} for the release mirror")
    folder = root() / "vault" / version
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / archive_name(version)
    half = archive.with_suffix(".half")  # a node must never be served half an archive
    with zipfile.ZipFile(half, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as out:
        member = zipfile.ZipInfo("vault", (2020, 1, 1, 0, 0, 0))  # a fixed time: same binary, same archive
        member.external_attr, member.compress_type = 0o100755 << 16, zipfile.ZIP_DEFLATED
        with open(binary, "rb") as source, out.open(member, "w", force_zip64=False) as packed:
            shutil.copyfileobj(source, packed, 1 << 20)
    half.rename(archive)
    sums = folder / f"vault_{version}_SHA256SUMS"
    sums.write_text(f"{sha256(archive)}  {archive.name}\n")
    sign(sums, folder / f"{sums.name}.sig")


def public_key() -> pathlib.Path:
    return root() / "lab-signing-key.asc"


def _secret_key() -> pathlib.Path:
    return cache() / "lab-signing-key.secret.asc"


def sign(content: pathlib.Path, signature: pathlib.Path) -> None:
    """In a key ring of its own that lives as short as the call: no agent stays behind, no user's ring is touched."""
    if shutil.which("gpg") is None:
        raise LabError("the release mirror can't be signed", "gpg isn't installed", "run `make setup` as root")
    # Directly under /tmp: the agent's socket path has a limit of about 100 characters.
    with tempfile.TemporaryDirectory(prefix="vo-gpg-", dir="/tmp") as ring:
        try:
            if _secret_key().exists():
                _gpg(ring, "--import", str(_secret_key()))
            else:
                _make_key(ring)
            public_key().write_text(_gpg(ring, "--armor", "--export"))
            _gpg(ring, "--yes", "--detach-sign", "--output", str(signature), str(content))
        finally:
            subprocess.run(["gpgconf", "--homedir", ring, "--kill", "all"], capture_output=True, check=False)


def _make_key(ring: str) -> None:
    _gpg(ring, "--quick-gen-key", _OWNER, "ed25519", "sign", "never")
    _secret_key().touch(mode=0o600)
    _secret_key().write_text(_gpg(ring, "--armor", "--export-secret-keys"))


def _gpg(ring: str, *arguments: str) -> str:
    argv = [
        "gpg",
        "--homedir",
        ring,
        "--batch",
        "--quiet",
        "--pinentry-mode",
        "loopback",
        "--passphrase",
        "",
        *arguments,
    ]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(
            "the release mirror can't be signed",
            done.stderr.strip(),
            "put right what gpg names, then run `make lab` again",
        )
    return done.stdout
