# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a node calls beside KMS and STS, which are asked as themselves. Pure."""

from __future__ import annotations

import typing as t
import urllib.parse

Endpoint = t.Mapping[str, str]
_PORTS = {"http": 80, "https": 443}
_WAY = "Check the subnet's way out (NAT, or {endpoint}), what its security groups and network ACLs let out, and its name server."


def wanted(urls: t.Mapping[str, str], joins_by_aws: bool, bucket: str, mirror: str) -> list[Endpoint]:
    """Each with its address, what the node needs it for, and what to look at. *bucket*: empty, nothing is sent to one."""
    found = []
    if joins_by_aws:
        needed = "to find the other nodes (vault_join: aws)"
        found.append(_endpoint("EC2", urls["ec2"], needed, "an interface endpoint"))
    if bucket:
        needed = f"to send snapshots or audit files to {bucket}"
        found.append(_endpoint("S3", urls["s3"], needed, "a gateway endpoint in its route table"))
    if urllib.parse.urlsplit(mirror).scheme in _PORTS:
        found.append(
            _endpoint("the release mirror", mirror, "to fetch Vault (vault_release_mirror)", "a mirror that it reaches")
        )
    return found


def problems(node: str, endpoints: t.Iterable[Endpoint], listening: t.Collection[str]) -> list[str]:
    """What the node can't reach, a sentence or two each. *listening*: the addresses that took a connection from it."""
    return [
        f"{node} can't reach {one['service']} ({one['address']}), which it needs {one['needed']}. {one['cure']}"
        for one in endpoints
        if one["address"] not in listening
    ]


def _endpoint(service: str, url: str, needed: str, way: str) -> Endpoint:
    place = urllib.parse.urlsplit(url)
    host = f"[{place.hostname}]" if ":" in str(place.hostname) else place.hostname
    address = f"{host}:{place.port or _PORTS[place.scheme]}"
    return {"service": service, "address": address, "needed": needed, "cure": _WAY.format(endpoint=way)}
