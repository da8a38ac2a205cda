"""Secrets in the checkout, bandit on the plugins, and advisories on what is pinned: 'python audit.py ENVIRONMENT [--accept]'. The
environment has the packages of requirements.txt beside this file. Needs no network.
"""

from __future__ import annotations

import datetime
import subprocess
import sys
from pathlib import Path

import yaml
from release import advisories
from release.pins import pins

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent


def tracked() -> list[str]:
    """What the checkout has, but for what git ignores."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return [name for name in names if name and (ROOT / name).is_file()]


def dependencies(names: list[str]) -> list[str]:
    files = {name: (ROOT / name).read_text() for name in names if name.endswith(".txt")}
    files = {name: text for name, text in files.items() if pins(text)}
    data = yaml.safe_load((HERE / "advisories.yml").read_text())
    known = {one["package"] for one in data["advisories"]}
    pinned = {pin.name for text in files.values() for pin in pins(text)}
    age = (datetime.date.today() - data["as_of"]).days
    print(
        f"{len(pinned)} packages are pinned in {len(files)} files. advisories.yml is {age} days old, and knows of {len(known)}."
    )
    print(
        "It knows nothing of the others, of what was found since, of Debian's packages, of collections and of Vault. Where"
    )
    print("osv.dev can be reached, pip-audit looks: .github/workflows/ci.yml.")
    return advisories.problems(files, data)


def main() -> None:
    environment = Path(sys.argv[1]) / "bin"
    names = tracked()
    scan = [environment / "python", HERE / "secret_scan.py", *sys.argv[2:], *names]
    look = [
        environment / "bandit",
        "--quiet",
        "--configfile",
        "pyproject.toml",
        "--recursive",
        "plugins",
        "awx",
        "docs",
    ]
    with (
        subprocess.Popen(scan, cwd=ROOT) as secrets,
        subprocess.Popen(look, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as bandit,
    ):
        said = dependencies(names)
        # It also tells of each exception, where nothing is wrong.
        seen = bandit.communicate()[0]
    if bandit.returncode:
        print(seen)
    print("\n".join(said), end="\n" if said else "")
    if said or secrets.returncode or bandit.returncode:
        sys.exit(1)


if __name__ == "__main__":
    main()
