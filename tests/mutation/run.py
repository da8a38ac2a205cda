"""Breaks the pure plans on purpose, one small change at a time, and counts what their unit tests notice."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / ".ansible" / "mutation"
AT_LEAST = 85.0


def main() -> int:
    lay_out()
    command = ["/tmp/mmv/bin/mutmut", "run", "--max-children", "1", *sys.argv[1:]]
    environment = {**os.environ, "PYTHONPATH": ""}
    if subprocess.run(command, cwd=WORK, env=environment, check=False).returncode:
        return 1
    return 0


def lay_out() -> None:
    """A folder of the tool's own, with the collection where Python looks for it. The checkout is not touched."""
    shutil.rmtree(WORK, ignore_errors=True)
    namespace = WORK / "ansible_collections" / "vaultops"
    namespace.mkdir(parents=True)
    (namespace / "cluster").symlink_to(ROOT)
    for item in ROOT.iterdir():
        if not item.name.startswith("."):
            (WORK / item.name).symlink_to(item)


if __name__ == "__main__":
    sys.exit(main())
