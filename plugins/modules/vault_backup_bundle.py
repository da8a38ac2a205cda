#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Put the backup tool and its Python packages into one archive, for nodes that reach no package index."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_backup_bundle
short_description: Put the backup tool and its Python packages into one archive
version_added: 1.0.0
description:
  - Runs on the controller. The archive holds the C(site-packages) of a node's virtual environment, so nodes
    need no package index and no compiler.
  - The archive's name follows from the tool's source, the requirements and the node's Python, so each archive is built once.
  - Needs C(pip) on the controller, with pip's own configuration of the index. Every package must have the hash that
    the requirements file has for it.
author: vaultops maintainers (@vaultops)
options:
  source:
    description: Directory of this collection's C(module_utils), where the tool is.
    type: path
    required: true
  requirements:
    description: Requirements file with every package, its version, and the hash of each wheel that will do.
    type: path
    required: true
  python:
    description: The node's Python version, such as V(3.11).
    type: str
    required: true
  machine:
    description: The node's processor, as C(uname -m) prints it.
    type: str
    required: true
  directory:
    description: Directory on the controller for the archives.
    type: path
    required: true
extends_documentation_fragment:
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.change
"""

EXAMPLES = r"""
- name: The backup tool for Python 3.11
  vaultops.cluster.vault_backup_bundle:
    source: plugins/module_utils
    requirements: roles/vault_backup/files/requirements.txt
    python: "3.11"
    machine: x86_64
    directory: /tmp/vault-backup
  delegate_to: localhost
"""

RETURN = r"""
path:
  description: The archive.
  returned: success
  type: str
key:
  description: What the archive's name, and the directory on the node, differ by.
  returned: success
  type: str
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import typing as t

from ..module_utils._common.errors import Problem
from ..module_utils._common.module import run_module
from ..module_utils._snapshot import tool

PACKAGE = "vaultops_tool"
# The oldest glibc first: such a wheel loads everywhere, one for a newer glibc does not.
PLATFORMS = ("manylinux_2_17", "manylinux2014", "manylinux_2_28", "manylinux_2_34")


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    source, requirements = pathlib.Path(params["source"]).resolve(), pathlib.Path(params["requirements"])
    files = tool.files(source)
    if not all(file.exists() for file in files):
        raise Problem(f"{source} does not hold the tool. Give the collection's plugins/module_utils as source.")
    key = tool.key(source, requirements, params["python"], params["machine"])
    path = pathlib.Path(params["directory"]) / f"vault-backup-{key}.tar.gz"
    missing = not path.exists()
    if missing and not check_mode:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            install(pathlib.Path(folder) / "site", requirements, params["python"], params["machine"])
            copy(source, files, pathlib.Path(folder) / "site" / PACKAGE)
            pack(pathlib.Path(folder) / "site", path)
    return {"changed": missing, "path": str(path), "key": key}


def install(site: pathlib.Path, requirements: pathlib.Path, python: str, machine: str) -> None:
    command = pip(site, python, machine)
    done = subprocess.run([*command, "-r", str(requirements)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Problem(
            f"pip could not fetch the backup tool's packages for Python {python} on {machine}: {done.stderr.strip()[-500:]} "
            "The controller needs pip and a package index, or PIP_FIND_LINKS with these wheels; a wheel whose hash is not in "
            f"{requirements} is not taken."
        )


def pip(site: pathlib.Path, python: str, machine: str) -> list[str]:
    """The command that installs for the node's Python, whatever this one is."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-compile",
        "--no-deps",
        "--require-hashes",
    ]
    # Packages refuse 3.9.0 for its bugs, and to pip '3.9' is that; a wheel is for all of 3.9.
    command += ["--only-binary", ":all:", "--implementation", "cp", "--python-version", f"{python}.99"]
    return [*command, "--target", str(site), *(f"--platform={kind}_{machine}" for kind in PLATFORMS)]


def copy(source: pathlib.Path, files: list[pathlib.Path], package: pathlib.Path) -> None:
    for file in files:
        target = package / file.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    for folder in (package, *package.rglob("*")):
        if folder.is_dir():
            (folder / "__init__.py").touch()


def pack(site: pathlib.Path, path: pathlib.Path) -> None:
    """In one step: an archive that is there is whole."""
    partial = site.parent / "archive"
    with tarfile.open(partial, "w:gz", compresslevel=6) as archive:
        archive.add(site, arcname=".", filter=anonymous)
    os.rename(partial, path)


def anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    entry.mode = 0o755 if entry.isdir() else 0o644
    return entry


OPTIONS: dict[str, t.Any] = {
    "source": {"type": "path", "required": True},
    "requirements": {"type": "path", "required": True},
    "python": {"type": "str", "required": True},
    "machine": {"type": "str", "required": True},
    "directory": {"type": "path", "required": True},
}


def main() -> None:
    run_module(run, OPTIONS, OSError)


if __name__ == "__main__":
    main()
