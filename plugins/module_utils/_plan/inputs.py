# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the inventory says about the cluster, and what is wrong with it. Pure."""

from __future__ import annotations

import ipaddress
import re
import typing as t

from .._common import principals, product, versions
from .._common.product import Flavour, Product
from . import editions, openbao, server_settings

API_PORT = 8200
CLUSTER_PORT = 8201
# All of them are matched whole: '$' would let a newline through.
ALIAS = re.compile(r"alias/[a-zA-Z0-9/_-]+")
NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9-]*")
# Names of hosts become names of files and of certificates, node ids become labels of metrics.
HOST = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9._-]*[a-zA-Z0-9])?")
RESERVED = ("ca", "next", "nodes", "replaced", "localhost", "all", "vault", "vault_drill")
SINKS = ("secretsmanager", "kms_file", "pgp")
# What else is in the bucket: init's journal, and what is written down about the cluster.
RESERVED_PREFIXES = ("init", "records")


class Node(t.TypedDict):
    name: str  # in the inventory
    node_id: str
    address: str  # how the other nodes and the controller reach it
    api_addr: str
    cluster_addr: str


def nodes(hosts: list[str], hostvars: t.Mapping[str, t.Any]) -> list[Node]:
    """Each host's place in the cluster, from its own variables."""
    found: list[Node] = []
    for host in hosts:
        own = hostvars[host]
        address = str(own.get("vault_address") or own.get("private_ip_address") or own.get("ansible_host") or host)
        netloc = f"[{address}]" if ":" in address else address
        found.append(
            {
                "name": host,
                "node_id": str(own.get("vault_node_id") or host),
                "address": address,
                "api_addr": str(
                    own.get("vault_api_addr") or f"https://{netloc}:{own.get('vault_api_port') or API_PORT}"
                ),
                "cluster_addr": str(
                    own.get("vault_cluster_addr") or f"https://{netloc}:{own.get('vault_cluster_port') or CLUSTER_PORT}"
                ),
            }
        )
    return found


def node_ids(typed: t.Any) -> list[str]:
    """As people type them: a list, or one text with commas."""
    if isinstance(typed, (list, tuple)):
        return [str(node_id) for node_id in typed]
    return [node_id for part in str(typed).split(",") if (node_id := part.strip())]


def problems(cluster: list[Node], inputs: t.Mapping[str, t.Any], any_count: bool = False) -> list[str]:
    """Every input that can't work, each with its cause and cure. *inputs* are the cluster-wide variables.

    *any_count*: how many nodes there are is judged elsewhere.
    """
    server = product.named(inputs.get("flavour"))
    return [
        *([] if any_count else _count_problems(cluster)),
        *_node_problems(cluster, server),
        *_port_problems(cluster, inputs.get("ports") or {}, server),
        *(
            f"{node['name']}: that is the name which all certificates share (vault_tls_server_name). Give the host another one."
            for node in cluster
            if node["name"] == inputs.get("server_name")
        ),
        *_version_problems(inputs),
        *(
            problem
            for stanza, settings in (inputs.get("settings") or {}).items()
            for problem in server_settings.problems(
                settings, stanza, str(inputs.get("version") or ""), inputs.get("flavour") or product.VAULT
            )
        ),
        *_cluster_problems(inputs),
        *(openbao.problems(inputs) if inputs.get("flavour") == product.OPENBAO else _vault_problems(inputs)),
    ]


def _count_problems(cluster: list[Node]) -> list[str]:
    count = len(cluster)
    if count < 3 or count % 2 == 0:
        return [
            f"The group 'vault' has {count} {'host' if count == 1 else 'hosts'}: an even number of voters tolerates no "
            "more failures than one fewer, and fewer than three tolerate none. Use 3, 5 or 7."
        ]
    return []


def _node_problems(cluster: list[Node], server: str) -> list[str]:
    found = []
    owners: dict[tuple[str, str], str] = {}
    for node in cluster:
        found += _name_problems(node)
        for kind in ("node_id", "address", "api_addr", "cluster_addr"):
            value = node[kind]  # type: ignore[literal-required]
            other = owners.setdefault((kind, value), node["name"])
            if other != node["name"]:
                found.append(
                    f"{node['name']}: its {kind} {value} is also that of {other}. {server} accepts that and can't be "
                    f"repaired afterwards. Give every host its own."
                )
                break  # what follows from it is the same
        for kind in ("api_addr", "cluster_addr"):
            host = re.sub(r"^https://\[?([^\]/]+?)\]?:\d+/?$", r"\1", node[kind])  # type: ignore[literal-required]
            if not node[kind].startswith("https://") or host == node[kind]:  # type: ignore[literal-required]
                found.append(f"{node['name']}: {kind} {node[kind]} is not of the form https://HOST:PORT.")  # type: ignore[literal-required]
            elif _is_loopback(host):
                found.append(
                    f"{node['name']}: {kind} {node[kind]} is a loopback address, which the other nodes would take for "  # type: ignore[literal-required]
                    "themselves. Set vault_address to the node's private address."
                )
    return found


def _port_problems(cluster: list[Node], ports: t.Mapping[str, t.Any], server: str) -> list[str]:
    found = [
        f"{name} is {port}. Use 1024 to 65535: {server} has no right to take a lower one."
        for name, port in ports.items()
        if not (str(port).isdigit() and 1024 <= int(port) <= 65535)
    ]
    if found:
        return found
    if len({int(port) for port in ports.values()}) < len(ports):
        return [f"{' and '.join(ports)} are both {next(iter(ports.values()))}. {server} can't listen there twice."]
    # A URL of another host, such as one that passes requests on, has whatever port that one has.
    return [
        f"{node['name']}: {kind} {node[kind]} has the node's address, and another port than {name}, {ports[name]}. The ports "  # type: ignore[literal-required]
        f"are those of all nodes: set {name} for the whole group, and leave vault_{kind} empty."
        for node in cluster
        for kind, name in (("api_addr", "vault_api_port"), ("cluster_addr", "vault_cluster_port"))
        if name in ports and _other_port(node[kind], node["address"], int(ports[name]))  # type: ignore[literal-required]
    ]


def _other_port(url: str, address: str, port: int) -> bool:
    host, _colon, has = url.removeprefix("https://").rstrip("/").rpartition(":")
    return host.strip("[]") == address and has != str(port)


def _name_problems(node: Node) -> list[str]:
    return [
        f"{node['name']!r}: its {what} {value!r} can't be used. It becomes part of file names and certificates: use letters, "
        f"digits, dots, hyphens and underscores, and none of {', '.join(RESERVED)} or a name that begins with vaultops."
        for what, value in (("name in the inventory", node["name"]), ("node id", node["node_id"]))
        if not HOST.fullmatch(value) or value.lower() in RESERVED or value.lower().startswith("vaultops")
    ]


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback or ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def _version_problems(inputs: t.Mapping[str, t.Any]) -> list[str]:
    version, flavour = str(inputs.get("version") or ""), inputs.get("flavour") or product.VAULT
    if flavour not in product.FLAVOURS:
        return [f"vault_flavour is '{flavour}'. Use {' or '.join(product.FLAVOURS)}."]
    if not versions.is_release(version):
        return [f"vault_version is '{version}'. Give the whole version, such as 1.21.1."]
    server = Product.of(version, flavour)
    if (inputs.get("join") or "aws") == "aws" and not server.does(product.JOINS_BY_EC2_TAG):
        return [f"{server.name} can't join by EC2 tag. Use another version, or set vault_join to static."]
    return []


def _vault_problems(inputs: t.Mapping[str, t.Any]) -> list[str]:
    if inputs.get("kms_plugin"):
        return ["vault_kms_plugin is set, and Vault has the seal by AWS KMS built in. Leave it out."]
    return []


def _cluster_problems(inputs: t.Mapping[str, t.Any]) -> list[str]:
    found, server = [], product.named(inputs.get("flavour"))
    if not NAME.fullmatch(str(inputs.get("cluster_name") or "")):
        found.append("vault_cluster_name must be letters, digits and hyphens: it is part of names in AWS and in DNS.")
    if not inputs.get("region"):
        found.append(f"vault_aws_region is not set. There is no default: {server}'s own would be us-east-1.")
    if not ALIAS.fullmatch(str(inputs.get("key_alias") or "")):
        found.append(f"vault_kms_key_alias is '{inputs.get('key_alias')}'. It must be of the form alias/NAME.")
    if inputs.get("join") not in ("aws", "static"):
        found.append(f"vault_join is '{inputs.get('join')}'. Use aws or static.")
    if inputs.get("tls_source") not in ("kms_ca", "given"):
        found.append(f"vault_tls_source is '{inputs.get('tls_source')}'. Use kms_ca or given.")
    elif inputs["tls_source"] == "given" and not inputs.get("tls_dir"):
        found.append(
            "vault_tls_source is given, and vault_tls_dir does not say in which directory the certificates are."
        )
    if inputs.get("login_method") not in ("aws", "cert", "token"):
        found.append(f"vault_login_method is '{inputs.get('login_method')}'. Use aws, cert or token.")
    found += principals.problems(inputs.get("principals") or {})
    if not inputs.get("sink"):
        found.append(
            "vault_custody_sink is not set. Recovery keys are given out once, so say where they go: "
            f"{', '.join(SINKS)}. docs/inputs.md has what each needs."
        )
    elif inputs["sink"] not in SINKS:
        found.append(f"vault_custody_sink is '{inputs['sink']}'. Use one of {', '.join(SINKS)}.")
    elif inputs["sink"] == "pgp" and not inputs.get("pgp_keys"):
        found.append("vault_custody_sink is pgp, and vault_custody_pgp_keys has no keys. Give one for every share.")
    if inputs.get("sink") == "secretsmanager" and not inputs.get("secret"):
        found.append(
            "vault_custody_sink is secretsmanager, and vault_custody_secret is empty, so the recovery keys have no place to go. "
            "Name the secret, or choose a file (vault_custody_sink, vault_custody_file)."
        )
    elif inputs.get("sink") in ("kms_file", "pgp") and not inputs.get("file"):
        found.append(
            f"vault_custody_sink is {inputs['sink']}, which is a file, and no file is named. Set vault_custody_file to a place "
            "on the controller that is backed up, or vault_output_dir, or use the sink secretsmanager."
        )
    if str(inputs.get("prefix") or "").strip("/").partition("/")[0] in RESERVED_PREFIXES:
        found.append(
            f"vault_snapshot_prefix is '{inputs['prefix']}', and what begins with {' or '.join(RESERVED_PREFIXES)} is kept apart "
            "from the snapshots and what expires with them. Choose another prefix."
        )
    return [*found, *_archive_problems(inputs)]


def _archive_problems(inputs: t.Mapping[str, t.Any]) -> list[str]:
    if not inputs.get("archive"):
        return []
    if not inputs.get("archived"):
        return [
            "vault_audit_archive is true, and there is nothing to send or nowhere to send it to: it wants a bucket "
            "(vault_snapshot_bucket) and an audit device that writes to a file of its own (vault_audit_devices)."
        ]
    if str(inputs.get("prefix") or "").strip("/").partition("/")[0] == "audit":
        return [
            f"vault_snapshot_prefix is '{inputs['prefix']}', and what begins with audit/ is the archive of audit files "
            "(vault_audit_archive). Choose another prefix."
        ]
    return []


def adoption_problems(
    status: t.Mapping[str, t.Any], differences: list[str], version: str, flavour: Flavour = product.VAULT
) -> list[str]:
    """Why a run that installs and configures must leave what runs alone. *status*: a result of vault_status_info."""
    cluster = status["cluster"]
    if cluster["state"] == "split":
        return [
            f"The hosts of the group 'vault' are not one cluster: {cluster['reason']}. Nothing was changed. "
            "Find out which cluster is the right one, and take the other nodes out of the inventory."
        ]
    found = [
        f"{node['name']} was removed from its cluster and can't come back as it is. Empty its Raft directory, and give "
        "it a new node id."
        for node in status["nodes"]
        if node["state"] == "removed"
    ]
    if differences:
        found.append(
            f"The cluster that runs is not the one in the inventory: {'; '.join(differences)}. Nothing was changed. "
            "Set vault_node_id and vault_address to what the cluster has, or remove the peer that is no more."
        )
    crossed = editions.problems(cluster["versions"], version)
    if crossed:
        return found + crossed
    other = [running for running in cluster["versions"] if running != version]
    if other:
        found.append(
            f"The cluster runs {product.named(flavour)} {', '.join(other)}, and vault_version is {version}. This playbook does "
            "not change the version of a cluster that serves: playbooks/rolling_upgrade.yml does. Or set vault_version to what "
            "runs."
        )
    return found
