# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the machine of a restore drill may reach: what an inventory says of that, and what the security group lets out. Pure.

A restored Vault revokes leases that were renewed after the snapshot. A machine that reaches the API of a cloud, or a database,
revokes there what the cluster that serves has issued. So nothing is open unless somebody has said so.
"""

from __future__ import annotations

import ipaddress
import typing as t

NEEDS = (
    "The machine needs KMS; STS, unless vault_login_method is another one than aws; with vault_ssm the services ssm and "
    "ssmmessages, with vault_ssm_bucket S3; the release mirror (vault_release_mirror), unless it is file://; and a mirror of "
    "the distribution's packages that the image lacks (vault_ec2_user_data)."
)
EXAMPLE = (
    "vault_ec2_drill_egress: [{proto: tcp, ports: [443], cidr_ip: 10.0.5.0/24, rule_desc: endpoints and mirror}], with the "
    "network that these are in"
)
_NETWORKS = ("cidr_ip", "cidr_ipv6")


def problems(rules: t.Sequence[t.Mapping[str, t.Any]], confirmed: str = "") -> list[str]:
    """Why *rules* of an inventory (vault_ec2_drill_egress) can't be used. *confirmed*: networks, separated by commas."""
    if not rules:
        return [
            "vault_drill_machine is true, and vault_ec2_drill_egress does not say what the machine of a drill may reach. "
            f"{NEEDS} It must reach nothing else: the restored Vault revokes credentials of the cluster that serves where they "
            f"were issued. Set such as {EXAMPLE}."
        ]
    return [
        f"vault_ec2_drill_egress lets the machine of a drill out to {network}, which is every address. The restored Vault could "
        "revoke credentials of the cluster that serves, at every API and every database that a rule's ports lead to. "
        f"{NEEDS} Set such as {EXAMPLE}. If no secrets engine of the cluster issues what can be revoked from there: "
        f"vault_ec2_confirm_drill_egress: '{','.join(sorted({*_names(confirmed), network}))}'."
        for network in _everywhere(_targets(rules, _NETWORKS))
        if network not in _names(confirmed)
    ]


def group_problems(groups: t.Sequence[t.Mapping[str, t.Any]], rules: t.Sequence[t.Mapping[str, t.Any]]) -> list[str]:
    """Why no machine can be launched in *groups*, as aws_cluster_info returns them: what provision.yml was to make of one may be
    from before a change of the inventory, or cut short, and AWS lets everything out of a new group. Ports are not compared."""
    wanted = {_usual(one) for one in _targets(rules, (*_NETWORKS, "ip_prefix", "group_id"))}
    by_name = any(rule.get("group_name") for rule in rules)  # ids of those are not known here
    return [
        f"The security group {group['name']} ({group['id']}) lets the machine of a drill out to {', '.join(more)}, and "
        "vault_ec2_drill_egress does not. Run playbooks/provision.yml, which brings the group in line."
        for group in groups
        if (
            more := [
                one for one in group["egress"] if _usual(one) not in wanted and not (by_name and one.startswith("sg-"))
            ]
        )
    ]


def _usual(target: str) -> str:
    return str(_network(target) or target)


def _names(confirmed: str) -> list[str]:
    return [name.strip() for name in confirmed.split(",") if name.strip()]


def _targets(rules: t.Sequence[t.Mapping[str, t.Any]], names: t.Sequence[str]) -> list[str]:
    """Of rules as amazon.aws.ec2_security_group takes them: one target, or a list that may have lists in it."""
    return [target for rule in rules for name in names for target in _flat(rule.get(name) or [])]


def _flat(value: t.Any) -> list[str]:
    return [str(value)] if not isinstance(value, (list, tuple)) else [one for each in value for one in _flat(each)]


def _everywhere(names: t.Sequence[str]) -> list[str]:
    """0.0.0.0/0 or ::/0, where *names* come to that together, as 0.0.0.0/1 and 128.0.0.0/1 do. What is no network is AWS's to
    refuse."""
    networks = [network for name in names if (network := _network(name))]
    four = ipaddress.collapse_addresses(one for one in networks if isinstance(one, ipaddress.IPv4Network))
    six = ipaddress.collapse_addresses(one for one in networks if isinstance(one, ipaddress.IPv6Network))
    together: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = [*four, *six]
    return [str(network) for network in together if network.prefixlen == 0]


def _network(name: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        # EC2 takes a network's name with the bits of a host, too, and drops them.
        return ipaddress.ip_network(name, strict=False)
    except ValueError:
        return None
