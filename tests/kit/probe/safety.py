"""The probe speaks to the lab, and to nothing else."""

from __future__ import annotations

import ipaddress
import subprocess
import typing as t
from urllib.parse import urlsplit

NETWORKS = tuple(ipaddress.ip_network(f"10.0.{number}.0/24") for number in range(1, 8))


class ProbeError(Exception):
    """The probe can't do its work, so it says nothing of the cluster."""


def bridge_of(url: str) -> str | None:
    """This machine's own address on the lab's network that the URL is in; None: it is in no lab."""
    parts = urlsplit(url)
    try:
        host = ipaddress.ip_address(parts.hostname or "")
    except ValueError:
        return None
    network = next((network for network in NETWORKS if host in network), None)
    return str(network[1]) if network and parts.scheme == "https" else None


def objection(urls: t.Iterable[str], addresses: str) -> str | None:
    """Why nothing may be sent to these URLs; *addresses* is what 'ip -o address' prints. None: it may."""
    bridges = {url: bridge_of(url) for url in urls}
    for url, bridge in bridges.items():
        if bridge is None:
            labs = " or ".join(str(network) for network in NETWORKS)
            return f"{url} is not https at an address in {labs}: it is no lab's"
        if f" {bridge}/" not in addresses:
            return f"this machine has no address {bridge}, so {url} would lead out of it: the lab is not up"
    return None if bridges else "no node was given"


def require_lab(urls: t.Iterable[str]) -> None:
    addresses = subprocess.run(["ip", "-o", "address"], capture_output=True, text=True, check=True).stdout
    if problem := objection(urls, addresses):
        raise ProbeError(f"{problem}; nothing was sent")
