"""The archive with the backup tool: what it holds, and when it is made anew."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from ansible_collections.vaultops.cluster.plugins.modules import vault_backup_bundle
from kit.paths import ROOT

SOURCE = ROOT / "plugins/module_utils"
PYTHON = "{}.{}".format(*sys.version_info)


@pytest.fixture
def options(tmp_path):
    (tmp_path / "requirements.txt").write_text("# none: what it needs is here already\n")
    return {
        "source": str(SOURCE),
        "requirements": str(tmp_path / "requirements.txt"),
        "python": PYTHON,
        "machine": "x86_64",
        "directory": str(tmp_path / "bundles"),
    }


def test_the_tool_runs_from_what_is_unpacked(options, tmp_path, run_module):
    made = run_module(vault_backup_bundle, **options)
    (tmp_path / "site").mkdir()
    subprocess.run(["tar", "-xzf", made["path"], "-C", tmp_path / "site"], check=True)
    done = subprocess.run(
        [sys.executable, "-m", "vaultops_tool._backup.cli", "--config", "/nowhere"],
        cwd=tmp_path / "site",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "/nowhere can't be read" in done.stderr


def test_it_is_made_once_and_for_every_python_anew(options, run_module):
    assert run_module(vault_backup_bundle, check=True, **options)["changed"]
    assert not Path(options["directory"]).exists()
    first = run_module(vault_backup_bundle, **options)
    again = run_module(vault_backup_bundle, **options)
    assert (first["changed"], again["changed"]) == (True, False)
    assert run_module(vault_backup_bundle, **{**options, "machine": "aarch64"})["path"] != first["path"]
    assert [path.name for path in Path(options["directory"]).iterdir() if path.is_dir()] == []


def index(folder: Path, *platforms: str) -> str:
    """A package index with one package, whose wheels hold nothing but the platform that each is for; returns its URL."""
    (folder / "probe").mkdir(parents=True)
    links = []
    for platform in platforms:
        name = f"probe-1.0-cp39-abi3-{platform}.whl"
        links.append(f'<a href="{name}" data-requires-python="&gt;=3.9,!=3.9.0,!=3.9.1">{name}</a>')
        with zipfile.ZipFile(folder / "probe" / name, "w") as archive:
            archive.writestr("probe.txt", platform)
            archive.writestr("probe-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: probe\nVersion: 1.0\n")
            archive.writestr("probe-1.0.dist-info/WHEEL", f"Wheel-Version: 1.0\nTag: cp39-abi3-{platform}\n")
            archive.writestr("probe-1.0.dist-info/RECORD", "")
    (folder / "probe" / "index.html").write_text(f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>")
    return folder.as_uri()


def test_a_node_gets_the_wheel_for_the_oldest_glibc_also_with_python_3_9(options, run_module, tmp_path, monkeypatch):
    """Some packages exclude the first of the 3.9s, which '3.9' alone is to pip."""
    platforms = ("manylinux_2_34_x86_64", "manylinux_2_17_x86_64", "manylinux_2_28_x86_64")
    monkeypatch.setenv("PIP_INDEX_URL", index(tmp_path / "index", *platforms))
    require(options, *hashes(tmp_path / "index"))
    for python in ("3.9", "3.13"):
        made = run_module(vault_backup_bundle, **{**options, "python": python})
        assert "path" in made, made["msg"]
        with tarfile.open(made["path"]) as archive:
            assert archive.extractfile("./probe.txt").read() == b"manylinux_2_17_x86_64"


def hashes(folder: Path) -> list[str]:
    return [hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in sorted(folder.glob("probe/*.whl"))]


def require(options, *sums: str) -> None:
    Path(options["requirements"]).write_text(f"probe==1.0 {' '.join(f'--hash=sha256:{found}' for found in sums)}\n")


def test_a_wheel_that_was_changed_is_not_packed(options, run_module, tmp_path, monkeypatch):
    """Nor one that nobody has a hash of, whatever the index says of it."""
    monkeypatch.setenv("PIP_INDEX_URL", index(tmp_path / "index", "manylinux_2_17_x86_64"))
    sums = hashes(tmp_path / "index")
    require(options, *sums)
    (wheel,) = (tmp_path / "index").glob("probe/*.whl")
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("more.py", "")
    failed = run_module(vault_backup_bundle, **options)
    assert failed["failed"] and "a wheel whose hash is not in" in failed["msg"]
    Path(options["requirements"]).write_text("probe==1.0\n")
    assert run_module(vault_backup_bundle, **options)["failed"]
    assert list(Path(options["directory"]).iterdir()) == []
    require(options, *hashes(tmp_path / "index"))
    made = run_module(vault_backup_bundle, **options)
    # What is made is kept by its requirements: with other hashes it is another archive.
    require(options, *hashes(tmp_path / "index"), *sums)
    assert run_module(vault_backup_bundle, **options)["path"] != made["path"]


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-3.9.txt"])
def test_every_package_of_the_tool_has_hashes(name):
    text = (ROOT / "roles/vault_backup/files" / name).read_text()
    entries = [line.split() for line in text.replace("\\\n", "").splitlines() if line and not line.startswith("#")]
    assert len(entries) > 10
    for one, *sums in entries:
        assert "==" in one and sums and all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", found) for found in sums), one


def test_packages_that_do_not_exist_are_named(options, run_module):
    Path(options["requirements"]).write_text("/nowhere/package-1.0-py3-none-any.whl\n")
    failed = run_module(vault_backup_bundle, **options)
    assert failed["failed"]
    assert "PIP_FIND_LINKS" in failed["msg"]
    assert list(Path(options["directory"]).iterdir()) == []
