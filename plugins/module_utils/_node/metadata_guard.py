# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Let only some users of a node reach the instance metadata service, whose credentials open the unseal key."""

from __future__ import annotations

import hashlib
import os
import pwd
import subprocess
import tempfile
import typing as t

from .._common.errors import Problem
from . import programs
from .files import Entry

TABLE = "inet vaultops_metadata"
ADDRESSES = {"ip": "169.254.169.254", "ip6": "fd00:ec2::254"}
UNIT = "vaultops-metadata.service"
TIMEOUT_SECONDS = 30

SERVICE = """\
[Unit]
Description=Only some users reach the instance metadata service
Documentation=file://{rules}
DefaultDependencies=no
Conflicts=shutdown.target
Before=shutdown.target network-pre.target
Wants=network-pre.target
After=local-fs.target nftables.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={nft} -f {rules}
ExecReload={nft} -f {rules}
ExecStop={nft} "add table {table}; delete table {table}"

[Install]
WantedBy=sysinit.target
"""

# Each start, reload and stop of nftables.service empties the kernel of all rules, these among them.
DROP_IN = """\
[Service]
ExecStartPost=-{nft} -f {rules}
ExecReload=-{nft} -f {rules}
ExecStopPost=-{nft} -f {rules}
"""


def uids(users: t.Iterable[str]) -> list[int]:
    """Root's always, or agents and cloud-init are locked out; of the others those that the node has."""
    found = {0}
    for user in users:
        try:
            found.add(pwd.getpwnam(user).pw_uid)
        except KeyError:
            continue
    return sorted(found)


def rules(allowed: list[int]) -> tuple[str, str]:
    """What nft is to load in one step, and the mark by which each of its rules is known again."""
    users = ", ".join(str(uid) for uid in allowed)
    conditions = [f"{family} daddr {address} meta skuid != {{ {users} }}" for family, address in ADDRESSES.items()]
    mark = f"vaultops {hashlib.sha256(repr(conditions).encode()).hexdigest()[:12]}"
    lines = "".join(f'    {condition} counter reject comment "{mark}"\n' for condition in conditions)
    text = (
        "# Who reaches the instance metadata service. Written by the role vault_metadata of vaultops.cluster.\n"
        f"table {TABLE}\ndelete table {TABLE}\n"
        f"table {TABLE} {{\n  chain output {{\n    type filter hook output priority 0; policy accept;\n{lines}  }}\n}}\n"
    )
    return text, mark


def paths(rules_path: str, units: str) -> list[str]:
    """Rules, unit, and what is added to nftables.service, with its directory before it."""
    folder = os.path.join(units, "nftables.service.d")
    return [rules_path, os.path.join(units, UNIT), folder, os.path.join(folder, "vaultops-metadata.conf")]


def entries(program: str, text: str, rules_path: str, units: str) -> list[Entry]:
    unit, drop_in = (part.format(nft=program, rules=rules_path, table=TABLE) for part in (SERVICE, DROP_IN))
    modes = (0o644, 0o644, 0o755, 0o644)
    contents = (text, unit, None, drop_in)
    return [
        Entry(path, "root", "root", mode, content)
        for path, mode, content in zip(paths(rules_path, units), modes, contents)  # noqa: B905 - Python 3.9
    ]


def nft() -> str | None:
    return programs.find("nft")


def trial(program: str, text: str) -> str | None:
    """Why the kernel would not take the rules; None where it would."""
    with tempfile.NamedTemporaryFile("w", suffix=".nft") as stream:
        stream.write(text)
        stream.flush()
        done = call(program, "--check", "-f", stream.name)
    return None if done.returncode == 0 else last_words(done)


def loaded(program: str, mark: str) -> bool:
    """Whether the kernel has these rules now, each of them."""
    done = call(program, "list", "table", *TABLE.split())
    return done.returncode == 0 and done.stdout.count(f'"{mark}"') == len(ADDRESSES)


def there(program: str) -> bool:
    return call(program, "list", "table", *TABLE.split()).returncode == 0


def systemctl(*arguments: str) -> subprocess.CompletedProcess[str]:
    return call("systemctl", *arguments)


def call(*command: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Problem(f"{command[0]} can't be run ({error})") from error


def last_words(done: subprocess.CompletedProcess[str]) -> str:
    lines = (done.stderr or done.stdout).strip().splitlines()
    return lines[0] if lines else f"it ended with {done.returncode}"
