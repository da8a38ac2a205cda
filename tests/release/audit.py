"""Secrets in the checkout, bandit on plugins, and advisories on pins: 'python audit.py ENVIRONMENT [--accept] [--online]'. The
environment has the packages of requirements.txt beside this file. Nothing needs a network but --online: then osv.dev is asked.
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


def pinned(names: list[str]) -> dict[str, str]:
    """The text of each file that pins something."""
    files = {name: (ROOT / name).read_text() for name in names if name.endswith(".txt")}
    return {name: text for name, text in files.items() if pins(text)}


def offline(files: dict[str, str], data: dict) -> list[str]:
    known = {one["package"] for one in data["advisories"]}
    packages = {pin.name for text in files.values() for pin in pins(text)}
    age = (datetime.date.today() - data["as_of"]).days
    print(
        f"{len(packages)} packages are pinned in {len(files)} files. advisories.yml is {age} days old and knows of {len(known)}."
    )
    print(
        "It knows nothing of the others, nor of what was found since, of Debian's packages, of collections and of Vault."
    )
    print("Where osv.dev can be reached, 'make audit ONLINE=yes' asks there, as .github/workflows/ci.yml does.")
    return advisories.problems(files, data)


def online(environment: Path, files: dict[str, str], data: dict) -> list[str]:
    """Those of osv.dev, without what advisories.yml accepts. Where it can't be reached, that is an error."""
    said = []
    for name in files:
        command = [environment / "pip-audit", "--vulnerability-service", "osv", "--no-deps", "--disable-pip"]
        for one in data["accepted"]:
            if one["file"] == name:
                command += [word for identity in one["ids"] for word in ("--ignore-vuln", identity)]
        done = subprocess.run(
            [*command, "--progress-spinner", "off", "--requirement", name],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            said.append(f"{name}:\n{done.stdout}{done.stderr}")
    return said


def main() -> None:
    environment = Path(sys.argv[1]) / "bin"
    names = tracked()
    files = pinned(names)
    data = yaml.safe_load((HERE / "advisories.yml").read_text())
    accept = [word for word in sys.argv[2:] if word == "--accept"]
    scan = [environment / "python", HERE / "secret_scan.py", *accept, *names]
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
        said = offline(files, data)
        if "--online" in sys.argv[2:]:
            said += online(environment, files, data)
        # It also tells of each exception, where nothing is wrong.
        seen = bandit.communicate()[0]
    if bandit.returncode:
        print(seen)
    print("\n".join(said), end="\n" if said else "")
    if said or secrets.returncode or bandit.returncode:
        sys.exit(1)


if __name__ == "__main__":
    main()
