# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The name of the load balancer in Route 53: whose record it is, and what is to be done about it. Pure.

Records carry no tags. A record is the cluster's own when it is an alias of a load balancer that has the cluster's name.
"""

from __future__ import annotations

import re
import typing as t

from .._common.errors import Problem

# Beside an alias of a load balancer there may be others of its name, such as TXT, but none of these.
_ADDRESSES = ("A", "AAAA", "CNAME")


class Target(t.TypedDict):
    dns_name: str  # of the load balancer; empty: there is none yet
    zone_id: str  # hosted zone of load balancers in that region


def problems(load_balancer: bool, zone_id: str) -> list[str]:
    """Why there can't be this record."""
    if load_balancer or not zone_id:
        return []
    return [
        f"vault_load_balancer_zone_id is {zone_id}, and vault_load_balancer is false, so there is nothing to name there. Set "
        "vault_load_balancer: true, or leave vault_load_balancer_zone_id out."
    ]


def of(records: t.Iterable[t.Mapping[str, t.Any]], name: str) -> list[t.Mapping[str, t.Any]]:
    """Those of the records of a zone that say where *name* is."""
    return [one for one in records if _same(one["Name"], name) and one["Type"] in _ADDRESSES]


def check_own(records: t.Iterable[t.Mapping[str, t.Any]], balancer: str, region: str) -> None:
    """Raise Problem where one of these records is not the cluster's."""
    for one in records:
        if not is_own(one, balancer, region):
            raise Problem(
                f"The {one['Type']} record {one['Name'].rstrip('.')} leads elsewhere than to the load balancer {balancer}.",
                "Remove the record by hand, or take another vault_tls_server_name or vault_load_balancer_zone_id.",
            )


def is_own(record: t.Mapping[str, t.Any], balancer: str, region: str) -> bool:
    # AWS adds a part without hyphens to the name of a load balancer, so no other name that begins with this one fits.
    own = re.escape(balancer.lower())
    names = rf"(?:dualstack\.)?{own}-[0-9a-z]+\.(?:elb\.{region}|{region}\.elb)\.amazonaws\.(?:com|com\.cn|eu)\.?"
    there = record.get("AliasTarget", {}).get("DNSName", "")
    return record["Type"] == "A" and "SetIdentifier" not in record and bool(re.fullmatch(names, there.lower()))


def wanted(name: str, target: Target) -> dict[str, t.Any]:
    # There is nowhere else to send who asks, so the health of the targets changes nothing.
    alias = {"HostedZoneId": target["zone_id"], "DNSName": target["dns_name"], "EvaluateTargetHealth": False}
    return {"Name": name, "Type": "A", "AliasTarget": alias}


def leads_there(records: t.Sequence[t.Mapping[str, t.Any]], target: Target) -> bool:
    """Whether the one record is an alias of this very load balancer."""
    return len(records) == 1 and _same(records[0]["AliasTarget"]["DNSName"], target["dns_name"])


def _same(one: str, other: str) -> bool:
    return one.rstrip(".").lower() == other.rstrip(".").lower()
