"""Who listens on a port, read from /proc: works before the bridge exists and can name the process in the way."""

import ipaddress
import os
import pathlib
import re
import sys

from .process import identity

_LISTEN = "0A"


def listener(address: str, port: int) -> str | None:
    """Describe the process whose listening socket would clash with address:port; None when there is none."""
    inodes = {inode for where, at, inode in _listening() if at == port and where in (address, "0.0.0.0", "::")}
    return _owner(inodes) if inodes else None


def owned_by(pid: int, address: str, port: int) -> bool:
    inodes = {inode for where, at, inode in _listening() if at == port and where == address}
    return bool(inodes & _sockets(str(pid)))


def _listening() -> list[tuple[str, int, str]]:
    found = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = pathlib.Path(table).read_text().splitlines()[1:]
        except OSError:  # no IPv6 on this host
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == _LISTEN:
                where, port = fields[1].split(":")
                found.append((_address(where), int(port, 16), fields[9]))
    return found


def _address(text: str) -> str:
    """The kernel prints addresses as 32-bit words in host byte order."""
    raw = bytes.fromhex(text)
    words = [raw[i : i + 4] for i in range(0, len(raw), 4)]
    if sys.byteorder == "little":
        words = [word[::-1] for word in words]
    return str(ipaddress.ip_address(b"".join(words)))


def _owner(inodes: set[str]) -> str:
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if inodes & _sockets(pid):
            found = identity(int(pid))
            return f"process {pid} ({' '.join(found.cmdline)[:100] if found else '?'})"
    return "a process that can't be named from here"


def _sockets(pid: str) -> set[str]:
    folder = pathlib.Path("/proc") / pid / "fd"
    found = set()
    try:
        for link in folder.iterdir():
            match = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(link))
            if match:
                found.add(match[1])
    except OSError:  # the process ended while it was being read
        pass
    return found
