"""What runs on nodes, under each Python that nodes have: those that are on the path, by name, such as python3.9.

pyenv has them on the path with PYENV_VERSION=3.9:3.10:3.12:3.13. Without any of them the syntax alone is checked.
"""

from __future__ import annotations

import ast
import functools
import os
import shutil
import subprocess
from pathlib import Path

import ansible
import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._node import systems
from ansible_collections.vaultops.cluster.plugins.module_utils._snapshot import tool
from kit.paths import ROOT

MODULE_UTILS = ROOT / "plugins" / "module_utils"
PYTHONS = sorted({system.python for system in systems.SYSTEMS}, key=lambda version: int(version.partition(".")[2]))
OLDEST = int(PYTHONS[0].partition(".")[2])
ON_NODES = {"_common", "_node"}
# For what asks AWS, on the controller.
NOT_ON_NODES = ("_common/aws.py",)
# Each with a name of its own in the one process; where one fails, the others are tried all the same.
TRY = """
import importlib, sys, traceback
failed = 0
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except BaseException:
        failed = 1
        traceback.print_exc()
sys.exit(failed)
"""


def rooms(path: Path) -> set[str]:
    """Of module_utils, those that a module imports from."""
    tree = ast.parse(path.read_text())
    names = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]
    return {name.split(".")[1] for name in names if name.startswith("module_utils.")}


@functools.cache
def by_ansible() -> list[Path]:
    """Modules that nothing but the nodes' own rooms is imported by, and these rooms."""
    modules = [path for path in sorted((ROOT / "plugins" / "modules").glob("*.py")) if rooms(path) <= ON_NODES]
    utils = [path for room in sorted(ON_NODES) for path in sorted((MODULE_UTILS / room).glob("*.py"))]
    return modules + [path for path in utils if str(path.relative_to(MODULE_UTILS)) not in NOT_ON_NODES]


def of_the_tool() -> list[Path]:
    return sorted((MODULE_UTILS / "_backup").glob("*.py")) + [MODULE_UTILS / path for path in tool.SHARED]


@functools.cache
def python(version: str) -> str | None:
    # pyenv has shims of versions that are not switched on: tests/venv.sh looks in the same places.
    switched_off = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob(f"versions/*/bin/python{version}")
    for program in [shutil.which(f"python{version}"), *map(str, sorted(switched_off))]:
        if program and subprocess.run([program, "-c", ""], capture_output=True, check=False).returncode == 0:
            return program
    return None


def test_what_runs_on_nodes_is_found():
    names = {path.name for path in by_ansible()}
    assert {"vault_files.py", "vault_node_info.py", "vault_release.py", "selinux.py"} <= names
    assert not {"kms_key.py", "vault_init.py"} & names


@pytest.mark.parametrize("path", by_ansible() + of_the_tool(), ids=lambda path: str(path.relative_to(ROOT / "plugins")))
def test_its_syntax_is_that_of_the_oldest(path):
    ast.parse(path.read_text(), feature_version=(3, OLDEST))


@pytest.mark.parametrize("version", PYTHONS)
def test_it_is_imported_by(version, tmp_path):
    program = python(version)
    if program is None:
        pytest.skip(f"no python{version} on the path")
    collections = tmp_path / "ansible_collections" / "vaultops"
    collections.mkdir(parents=True)
    (collections / "cluster").symlink_to(ROOT)
    # Nothing but Ansible's own of what the tests' Python has: nodes have no more.
    (tmp_path / "ansible").symlink_to(Path(ansible.__file__).parent)
    names = [
        f"ansible_collections.vaultops.cluster.{'.'.join(path.relative_to(ROOT).with_suffix('').parts)}"
        for path in by_ansible()
    ]
    alone = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [program, "-B", "-c", TRY, *names],
        env={**alone, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
