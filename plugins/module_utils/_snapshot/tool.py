# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which files the backup tool consists of, and the key that its installations on the nodes are named by."""

from __future__ import annotations

import hashlib
import pathlib

# What the tool shares with the modules, all of what it imports. Its imports are relative, so the tree stays as it is.
SHARED = (
    "_common/aws.py",
    "_common/errors.py",
    "_common/files.py",
    "_common/samples.py",
    *(
        f"_snapshot/{name}.py"
        for name in ("archive", "aws", "choice", "encryption", "errors", "manifest", "s3", "settings")
    ),
)


def files(source: pathlib.Path) -> list[pathlib.Path]:
    """*source*: the directory plugins/module_utils of the collection."""
    return sorted([*(source / "_backup").rglob("*.py"), *(source / path for path in SHARED)])


def key(source: pathlib.Path, requirements: pathlib.Path, python: str, machine: str) -> str:
    """Another one for other code, other packages, another Python or another processor."""
    source, digest = source.resolve(), hashlib.sha256()
    for file in files(source):
        digest.update(f"{file.relative_to(source)}\0".encode() + file.read_bytes() + b"\0")
    for item in (requirements.read_bytes(), python.encode(), machine.encode()):
        digest.update(item + b"\0")
    return digest.hexdigest()[:16]
