"""Import the built tarball as Galaxy would: 'python check.py ENVIRONMENT [TARBALL]'. The environment has galaxy-importer; without
a tarball, one is built of the checkout.

Galaxy imports without what the collection depends on, and takes a tarball whose documentation it can't read all the same. So
what it could read is counted.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Where plugins of a kind are, and what their documentation is in.
PLUGINS = {
    "module": ("plugins/modules/", ".py"),
    "filter": ("plugins/filter/", ".yml"),
    "lookup": ("plugins/lookup/", ".py"),
}


def imported(environment: Path, tarball: Path, folder: Path) -> dict:
    own = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE", "PYTHON"))}
    # 'make lint' has looked, where the collections are that tasks call.
    own |= {"GALAXY_IMPORTER_RUN_ANSIBLE_LINT": "false", "HOME": str(folder)}
    own["PATH"] = f"{environment / 'bin'}:{own['PATH']}"
    command = [str(environment / "bin" / "python"), "-m", "galaxy_importer.main", str(tarball)]
    done = subprocess.run(command, cwd=folder, env=own, capture_output=True, text=True, check=False)
    said = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith(("WARNING", "ERROR"))]
    # Each of their lines has its reason.
    said = [line for line in said if "found ignore-" not in line]
    if done.returncode or said:
        sys.exit("\n".join(["Galaxy would not take it as it is:", *(said or [done.stderr])]))
    return json.loads((folder / "importer_result.json").read_text())


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if sys.argv[2:]:
            tarball = Path(sys.argv[2])
        else:
            command = ["ansible-galaxy", "collection", "build", "--output-path", name]
            subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
            (tarball,) = folder.glob("*.tar.gz")
        with tarfile.open(tarball) as archive:
            held = [Path(entry) for entry in archive.getnames()]
        result = imported(Path(sys.argv[1]), tarball, folder)
        print(f"{tarball.name}: {tarball.stat().st_size // 1000} kB, {len(held)} entries")
    lacking = []
    for kind, (directory, suffix) in PLUGINS.items():
        wanted = {path.stem for path in held if f"{path.parent}/" == directory and path.suffix == suffix}
        shown = result["docs_blob"]["contents"]
        found = {one["content_name"] for one in shown if one["content_type"] == kind and one["doc_strings"]}
        print(f"{len(wanted & found)} of {len(wanted)} {kind}s documented")
        lacking += sorted(wanted - found)
    if lacking:
        sys.exit(f"Galaxy shows no documentation of {', '.join(lacking)}.")


if __name__ == "__main__":
    main()
