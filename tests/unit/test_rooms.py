"""Which package of module_utils may import which, and what runs without Ansible."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._snapshot import tool
from kit.paths import ROOT

ROOMS = ROOT / "plugins" / "module_utils"
# One subject a room. What stands on the right does not know of what stands on the left.
MAY_IMPORT = {
    "_common": set(),
    "_node": {"_common"},
    "_aws": {"_common", "_snapshot"},
    "_objects": {"_common"},
    "_custody": {"_common", "_objects"},
    "_snapshot": {"_common", "_objects"},
    "_backup": {"_common", "_snapshot"},
    "_vault": {"_common", "_custody"},
    "_tls": {"_common", "_vault", "_aws"},
    "_lease": {"_common"},
    "_plan": {"_common", "_node"},
    "_status": {"_common", "_snapshot"},
}
# Nodes have Python and nothing else.
STANDARD_LIBRARY_ALONE = ["_common", "_node"]
# Ansible sends itself along; what AWS says is asked for where boto3 is.
LIBRARIES = ["_common/module.py", "_common/aws.py", "_common/libraries.py", "_node/selinux.py"]


def imports(path: Path) -> set[tuple[str, ...]]:
    """Absolute names of what a file imports; of module_utils from its room on."""
    found = set()
    here = path.relative_to(ROOMS).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {tuple(alias.name.split(".")) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(tuple((node.module or "").split(".")))
        elif isinstance(node, ast.ImportFrom):
            start = here[: len(here) - node.level + 1]
            target = (*start, *(node.module.split(".") if node.module else ()))
            for alias in node.names:
                deeper = ROOMS.joinpath(*target, alias.name)
                is_module = deeper.with_suffix(".py").exists() or deeper.is_dir()
                found.add((*target, alias.name) if is_module else target)
    return found


def files_of(room: str) -> list[Path]:
    return sorted((ROOMS / room).rglob("*.py"))


def test_every_room_is_in_the_plan():
    assert {path.name for path in ROOMS.iterdir() if path.is_dir() and path.name != "__pycache__"} == set(MAY_IMPORT)


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_rooms_that_it_may(room):
    seen = {name[0] for path in files_of(room) for name in imports(path) if name[0] in MAY_IMPORT}
    assert seen - {room} <= MAY_IMPORT[room]


def test_no_two_rooms_need_each_other():
    def reached(room: str) -> set[str]:
        return MAY_IMPORT[room].union(*(reached(other) for other in MAY_IMPORT[room]))

    assert [room for room in MAY_IMPORT if room in reached(room)] == []


@pytest.mark.parametrize("room", STANDARD_LIBRARY_ALONE)
def test_the_standard_library_is_enough(room):
    files = [path for path in files_of(room) if str(path.relative_to(ROOMS)) not in LIBRARIES]
    others = {name[0] for path in files for name in imports(path) if name[0] not in MAY_IMPORT}
    assert others <= {*sys.stdlib_module_names, "__future__"}


def test_the_tool_on_the_nodes_brings_all_that_it_imports_and_needs_no_ansible():
    left, seen = sorted((ROOMS / "_backup").glob("*cli.py")), set()
    outside = set()
    while left:
        path = left.pop()
        seen.add(path)
        for name in imports(path):
            target = ROOMS.joinpath(*name)
            if name[0] not in MAY_IMPORT:
                outside.add(name[0])
            elif target.with_suffix(".py").exists() and target.with_suffix(".py") not in seen:
                left.append(target.with_suffix(".py"))
    assert {path for path in seen if path.parts[-2] != "_backup"} == {ROOMS / path for path in tool.SHARED}
    assert outside - set(sys.stdlib_module_names) == {"boto3", "botocore", "aws_encryption_sdk", "cryptography"}


def test_of_the_status_only_the_rendering_reads_files_and_needs_more_than_the_standard_library():
    others = {
        str(path.relative_to(ROOMS)): {name[0] for name in imports(path)} - set(MAY_IMPORT) - {"__future__", "typing"}
        for path in files_of("_status")
    }
    assert others.pop("_status/render.py") == {"functools", "jinja2", "pathlib"}
    assert set().union(*others.values()) <= {"base64", "datetime", "math"}
