# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which systems nodes run, what each has, and which package of each has what a node needs. Pure.

Python and systemd are those that the system has by itself. docs/nodes.md shows the table of systems.
"""

from __future__ import annotations

import shlex
import typing as t

BOOTED, RENDERED = "booted in the lab", "rendered, not booted"
DEBIAN, REDHAT, AMAZON = "debian", "redhat", "amazon"


class System(t.NamedTuple):
    name: str
    family: str
    ids: tuple[str, ...]  # ID of /etc/os-release
    version: str  # VERSION_ID, as far as the first dot of those that have minor releases
    python: str
    systemd: int
    proven: str


_REDHAT = ("rhel", "rocky", "almalinux", "centos", "ol")
SYSTEMS = (
    System("Debian 11", DEBIAN, ("debian",), "11", "3.9", 247, BOOTED),
    System("Debian 12", DEBIAN, ("debian",), "12", "3.11", 252, BOOTED),
    System("Debian 13", DEBIAN, ("debian",), "13", "3.13", 257, BOOTED),
    System("Ubuntu 22.04", DEBIAN, ("ubuntu",), "22.04", "3.10", 249, RENDERED),
    System("Ubuntu 24.04", DEBIAN, ("ubuntu",), "24.04", "3.12", 255, RENDERED),
    System("Amazon Linux 2023", AMAZON, ("amzn",), "2023", "3.9", 252, RENDERED),
    System("RHEL 9, and Rocky, Alma, Oracle and CentOS Stream 9", REDHAT, _REDHAT, "9", "3.9", 252, RENDERED),
    System("RHEL 10, and Rocky, Alma, Oracle and CentOS Stream 10", REDHAT, _REDHAT, "10", "3.12", 257, RENDERED),
)

# What a node needs, by what for. Of programs with | between them one is enough.
PROGRAMS = {
    "vault": ("gpgv|gpg", "openssl", "kill", "useradd"),
    "audit": ("logrotate",),
    "volumes": ("mkfs.ext4", "wipefs"),
    "backup": ("python3", "tar", "find"),
}
# Amazon Linux has a gnupg2-minimal without gpgv, which is in the way of the package that has it.
PACKAGES: dict[str, dict[str, str]] = {
    "gpgv|gpg": {DEBIAN: "gpgv", REDHAT: "gnupg2", AMAZON: "gnupg2-full"},
    "kill": {DEBIAN: "procps", REDHAT: "util-linux", AMAZON: "util-linux"},
    "useradd": {DEBIAN: "passwd", REDHAT: "shadow-utils", AMAZON: "shadow-utils"},
    **{
        program: dict.fromkeys((DEBIAN, REDHAT, AMAZON), package)
        for program, package in {
            "openssl": "openssl",
            "logrotate": "logrotate",
            "mkfs.ext4": "e2fsprogs",
            "wipefs": "util-linux",
            "nft": "nftables",
            "python3": "python3",
            "tar": "tar",
            "find": "findutils",
        }.items()
    },
}
_INSTALL = {
    DEBIAN: "apt-get install --yes",
    REDHAT: "dnf install --assumeyes",
    AMAZON: "dnf install --assumeyes --allowerasing",
}


def release(text: str) -> dict[str, str]:
    """The variables of /etc/os-release."""
    lines = (line.strip() for line in text.splitlines())
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return {name: "".join(shlex.split(value)) if value[:1] in "\"'" else value for name, value in pairs}


def family(variables: t.Mapping[str, str]) -> str:
    """Whose packages the system has, by itself or by what it says that it is like; empty for neither."""
    for one in (variables.get("ID", ""), *variables.get("ID_LIKE", "").split()):
        for system in SYSTEMS:
            if one in system.ids:
                return system.family
    return REDHAT if "fedora" in (variables.get("ID", ""), *variables.get("ID_LIKE", "").split()) else ""


def known(variables: t.Mapping[str, str]) -> System | None:
    version = variables.get("VERSION_ID", "")
    for system in SYSTEMS:
        if variables.get("ID") in system.ids and system.version in (version, version.partition(".")[0]):
            return system
    return None


def cure(missing: t.Iterable[str], of: str) -> str:
    """The command that installs the programs on a system of that family; their names, where the family is not known."""
    programs = list(missing)
    if of not in _INSTALL:
        return f"Install {', '.join(program.replace('|', ' or ') for program in programs)}"
    packages = sorted({PACKAGES[program][of] for program in programs})
    return f"As root: {_INSTALL[of]} {' '.join(packages)}"
