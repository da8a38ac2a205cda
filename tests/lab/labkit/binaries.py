"""The binaries that nodes run: Vault and AWS's metadata mock. Made or fetched when something needs them, then cached."""

import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request
import zipfile

from . import toolchain
from .say import LabError, say
from .settings import HERE, cache, vault_versions

_RELEASES = "https://releases.hashicorp.com/vault"
_BUILD = HERE / "build"
_MOCK = "github.com/aws/amazon-ec2-metadata-mock/cmd/ec2-metadata-mock"
_MAIN = _BUILD / "vault" / "main.go"


def metadata_mock() -> pathlib.Path:
    recipe = _BUILD / "metadata-mock"
    path = _cached(recipe) / "ec2-metadata-mock"
    if not path.exists():
        say("building AWS's metadata mock from its Go modules; usually seconds, first time only")
        _go_build(recipe, [], _MOCK, path)
    return path


def vault_binaries() -> dict[str, pathlib.Path]:
    """A binary for every version that is asked for, in order of trust: given by the user, made before, official, built here."""
    given = os.environ.get("VAULT_ARCHIVES")
    if given and not os.path.isdir(given):
        raise LabError(
            "the Vault archives aren't there", f"VAULT_ARCHIVES={given} isn't a folder", "correct or unset it"
        )
    found = {
        version: _given(pathlib.Path(given), version) if given else _made_before(version)
        for version in vault_versions()
    }
    missing = [version for version, path in found.items() if path is None]
    official = bool(missing) and _official_reachable(missing[0])
    for version in missing:
        found[version] = _download(version) if official else _build(version)
    return {version: path for version, path in found.items() if path}


def archive_name(version: str) -> str:
    return f"vault_{version}_linux_amd64.zip"


def sha256(path: pathlib.Path) -> str:
    with open(path, "rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _given(folder: pathlib.Path, version: str) -> pathlib.Path | None:
    """From VAULT_ARCHIVES. A version that isn't there falls back to the other ways."""
    plain, archive = folder.absolute() / f"vault-{version}", folder.absolute() / archive_name(version)
    if plain.exists():
        return plain
    if not archive.exists():
        return _made_before(version)
    stamp = archive.stat()
    key = hashlib.sha256(f"{archive}\0{stamp.st_size}\0{stamp.st_mtime_ns}".encode()).hexdigest()[:12]
    path = cache() / "bin" / f"given-{key}" / f"vault-{version}"
    if not path.exists():
        say(f"unpacking {archive}")
        _unpack(archive, path)
    return path


def _made_before(version: str) -> pathlib.Path | None:
    places = [_official(version)]
    if _recipe(version).exists():
        places.append(_built(version))
    return next((path for path in places if path.exists()), None)


def _recipe(version: str) -> pathlib.Path:
    return _BUILD / f"vault-{version}"


def _official(version: str) -> pathlib.Path:
    return cache() / "bin" / "official" / f"vault-{version}"


def _built(version: str) -> pathlib.Path:
    return _cached(_recipe(version), _MAIN) / f"vault-{version}"


def _cached(recipe: pathlib.Path, *sources: pathlib.Path) -> pathlib.Path:
    """Keyed by what decides the result: go.mod and go.sum pin every byte that is compiled, but for *sources* of our own."""
    parts = (recipe / "go.mod", recipe / "go.sum", *sources)
    pins = hashlib.sha256(b"".join(path.read_bytes() for path in parts))
    return cache() / "bin" / pins.hexdigest()[:12]


def _official_reachable(version: str) -> bool:
    try:
        urllib.request.urlopen(f"{_RELEASES}/{version}/vault_{version}_SHA256SUMS", timeout=4).close()
    except OSError:
        return False
    return True


def _download(version: str) -> pathlib.Path:
    name, path = archive_name(version), _official(version)
    say(f"downloading {name} (about 150 MB, first time only)")
    with tempfile.TemporaryDirectory(dir=_folder(path)) as scratch:
        archive = pathlib.Path(scratch) / name
        try:
            with urllib.request.urlopen(f"{_RELEASES}/{version}/vault_{version}_SHA256SUMS", timeout=20) as reply:
                sums = dict(reversed(line.split()) for line in reply.read().decode().splitlines() if line.strip())
            with (
                urllib.request.urlopen(f"{_RELEASES}/{version}/{name}", timeout=60) as reply,
                open(archive, "wb") as out,
            ):
                shutil.copyfileobj(reply, out, 1 << 20)
        except OSError as broken:
            raise _cant(f"Vault {version}", f"the download of {name} broke off: {broken}") from broken
        if sums.get(name) != sha256(archive):
            raise _cant(f"Vault {version}", f"{name} doesn't match the sum in vault_{version}_SHA256SUMS")
        _unpack(archive, path)
    return path


def _build(version: str) -> pathlib.Path:
    recipe = _recipe(version)
    if not recipe.exists():
        raise _cant(f"Vault {version}", f"the official archives can't be reached, and {_BUILD} has no recipe for it")
    path = _built(version)
    say(f"building Vault {version} from its Go modules; usually 5-6 minutes on 2 cores, first time only")
    # "minimal" leaves out the database and cloud plug-ins; Raft, awskms, transit, kv and most auth methods stay. The whole of
    # it takes 8 minutes and 361 MB.
    _go_build(recipe, ["-tags", "minimal"], str(_MAIN), path)
    return path


def _go_build(recipe: pathlib.Path, options: list[str], package: str, path: pathlib.Path) -> None:
    half = _folder(path) / f".{path.name}.half"  # an interrupted build must not look like a finished one
    argv = [
        toolchain.go(),
        "build",
        "-mod=readonly",
        *options,
        "-trimpath",
        "-ldflags",
        "-s -w",
        "-o",
        str(half),
        package,
    ]
    done = subprocess.run(argv, cwd=recipe, env=toolchain.environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise _cant(path.name, f"go build: {done.stderr.strip()[-600:]}")
    half.rename(path)


def _unpack(archive: pathlib.Path, path: pathlib.Path) -> None:
    half = _folder(path) / f".{path.name}.half"
    try:
        with zipfile.ZipFile(archive) as members, members.open("vault") as source, open(half, "wb") as out:
            shutil.copyfileobj(source, out, 1 << 20)
    except (OSError, KeyError, zipfile.BadZipFile) as broken:
        raise _cant(path.name, f"{archive} isn't a Vault release archive: {broken}") from broken
    half.chmod(0o755)
    half.rename(path)


def _folder(path: pathlib.Path) -> pathlib.Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.parent


def _cant(part: str, cause: str) -> LabError:
    cure = "give this host a Go module proxy (GOPROXY)"
    if part != "ec2-metadata-mock":
        cure += ", or put the release archives into a folder: VAULT_ARCHIVES=<folder> make lab"
    return LabError(f"{part} can't be had", cause, cure)
