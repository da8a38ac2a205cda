"""Changes the pure plans in one small place at a time, and counts how many of the changes their unit tests notice.

Which modules and which tests these are stands in pyproject.toml, as mutmut reads it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import typing as t
from pathlib import Path

from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import walk_mutatable_files

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / ".ansible" / "mutation"
LOG = WORK / "run.log"
AT_LEAST = 85.0
NOTICED = ("killed", "timeout")
COUNTED = (*NOTICED, "survived", "no tests", "suspicious", "segfault")


class Change(t.NamedTuple):
    name: str  # the function's, with a number
    status: str  # in mutmut's words
    path: Path


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many changes are tried at once")
    parser.add_argument("only", nargs="*", help="names of changes or functions, such as '*_plan.upgrade.*'")
    asked = parser.parse_args()

    lay_out()
    os.chdir(WORK)
    with open(LOG, "w") as log:
        command = [str(Path(sys.executable).parent / "mutmut"), "run", "--max-children", str(asked.jobs), *asked.only]
        # Without the checkout's own copy of what is changed, and without plugins, which would be looked for at each change.
        environment = {**os.environ, "PYTHONPATH": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        if subprocess.run(command, env=environment, stdout=log, stderr=log, check=False).returncode:
            log.flush()
            print(LOG.read_text().replace("\r", "\n")[-2000:])
            print(f"mutants: error: mutmut did not come to its end; the whole of what it said is in {LOG}")
            return 1
    return judge(list(changes()))


def lay_out() -> None:
    """A folder of mutmut's own, with the collection where Python looks for it. The checkout is not touched."""
    shutil.rmtree(WORK, ignore_errors=True)
    namespace = WORK / "ansible_collections" / "vaultops"
    namespace.mkdir(parents=True)
    (namespace / "cluster").symlink_to(ROOT)
    for item in ROOT.iterdir():
        if not item.name.startswith("."):
            (WORK / item.name).symlink_to(item)


def changes() -> t.Iterator[Change]:
    for path in walk_mutatable_files():
        data = SourceFileMutationData(path=path)
        data.load()
        for name, code in data.exit_code_by_key.items():
            status = status_by_exit_code[code]
            if status in COUNTED:
                yield Change(name, status, path)


def judge(tried: list[Change]) -> int:
    if not tried:
        print("mutants: error: nothing was changed")
        return 1
    modules: dict[str, list[Change]] = {}
    for change in tried:
        modules.setdefault(str(change.path).rpartition("module_utils/")[2], []).append(change)
    for change in tried:
        if change.status not in NOTICED:
            print(f"{change.name.rpartition('module_utils.')[2]}: {change.status}")
            print("\n".join(difference(change)))
    print()
    for module, own in [*sorted(modules.items()), ("all of it", tried)]:
        print(f"{module:28}{noticed(own):5} of {len(own):5}{share(own):7.1f} %")
    if share(tried) < AT_LEAST:
        print(f"mutants: the tests notice {share(tried):.1f} % of the changes, and have to notice {AT_LEAST:g} %")
        return 1
    return 0


def difference(change: Change) -> list[str]:
    lines = get_diff_for_mutant(change.name, path=change.path).splitlines()
    return [f"  {line}" for line in lines if line[:1] in ("+", "-") and line[:3] not in ("+++", "---")]


def noticed(own: list[Change]) -> int:
    return len([change for change in own if change.status in NOTICED])


def share(own: list[Change]) -> float:
    return 100 * noticed(own) / len(own)


if __name__ == "__main__":
    sys.exit(main())
