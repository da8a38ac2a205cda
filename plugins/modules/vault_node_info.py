#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read what is installed and running on a node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_node_info
short_description: Read what of Vault is installed and running on a node
version_added: 1.0.0
description:
  - Reads releases, service, configuration and clock of a node in one call, and compares what runs with what lies on
    its disk.
  - Reads besides, where it is asked to, all that a role may have to bring in line, so that a role with nothing to do needs no
    call of its own.
  - "Needs nothing on the node but Python and systemd."
author: vaultops maintainers (@vaultops)
options:
  service:
    description: Name of the systemd service.
    type: str
    default: vault
  releases:
    description: Directory of the installed releases.
    type: path
    default: /opt/vault/releases
  link:
    description: Symbolic link to the binary of the release that is switched on.
    type: path
    default: /usr/local/bin/vault
  restart_files:
    description: Files that only a restart brings into effect.
    type: list
    elements: path
    default: [/etc/vault.d/vault.hcl, /etc/systemd/system/vault.service]
  reload_files:
    description: Files that a reload brings into effect.
    type: list
    elements: path
    default: [/etc/vault.d/reload.hcl]
  data:
    description: Raft's directory. Those that the unit's own configuration names are looked into as well.
    type: path
    default: /opt/vault/data
  listener:
    description: Where Vault's API would listen on this node, as HOST:PORT.
    type: str
    default: 127.0.0.1:8200
  serves_at:
    description: Where what Vault serves is looked at, as HOST:PORT; without it, at O(listener).
    type: str
  ca:
    description: The CA certificates that the node trusts its peers by.
    type: path
    default: /etc/vault.d/tls/ca.crt
  certificates:
    description: Directory of the node's certificate, key and CA. Without it they are not looked at.
    type: path
  version:
    description: Version of the release that is looked at.
    type: str
  plugin:
    description: OpenBao's plugin for its seal, as M(vaultops.cluster.vault_plugin) lays it down. Without it none is looked at.
    type: path
  home:
    description: Directory of Vault's own, which only root may change.
    type: path
    default: /opt/vault
  paths:
    description: Files and directories to look at, with the shell's wildcards.
    type: list
    elements: str
    default: []
  users:
    description: Users to look at.
    type: list
    elements: str
    default: []
  units:
    description: Units of systemd to look at.
    type: list
    elements: str
    default: []
  metadata_users:
    description: Who besides root should reach the instance metadata service. Without it the service is not looked at.
    type: list
    elements: str
  lease:
    description:
      - Which lease of a cluster is looked at, and for whom. Without it none is. Nothing is taken.
    type: dict
    suboptions:
      cluster:
        description: Name of the cluster.
        type: str
        required: true
      directory:
        description: Where the node keeps leases.
        type: path
        default: /var/lib/vaultops
      take_over:
        description: Whose lease would be taken away even though it has not run out, as M(vaultops.cluster.vault_lease) has it.
        type: str
        default: ""
  volumes:
    description: Volumes of the node's own, as M(vaultops.cluster.vault_volumes) takes them.
    type: list
    elements: dict
    default: []
    suboptions:
      purpose:
        description: What the volume is for.
        type: str
        choices: [data, audit, journal]
        required: true
      id:
        description: Id of the volume.
        type: str
        required: true
      path:
        description: Where it is mounted.
        type: str
        required: true
  asked_at:
    description: The asking controller's clock, in seconds since the epoch; returned as it is, to compare clocks with.
    type: float
extends_documentation_fragment:
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.info
"""

EXAMPLES = r"""
- name: Look at the node
  vaultops.cluster.vault_node_info:
  register: node
"""

RETURN = r"""
machine:
  description: The processor as C(uname -m) says it.
  returned: success
  type: str
time:
  description: The node's clock, in seconds since the epoch.
  returned: success
  type: float
asked_at:
  description: What was given as O(asked_at).
  returned: success
  type: float
releases:
  description: Versions that are installed.
  returned: success
  type: list
  elements: str
current:
  description: The version that is switched on, or null.
  returned: success
  type: str
running:
  description: The version that runs, or null.
  returned: success
  type: str
running_flavour:
  description: Whether the version that runs is V(vault)'s or V(openbao)'s; null where none does that was installed here.
  returned: success
  type: str
service:
  description: exists, active_state, sub_state, main_pid, restarts, exec_start, started and reloaded (seconds since the
    epoch).
  returned: success
  type: dict
restart_reasons:
  description: Why the process should be restarted; empty when it runs what is on the disk.
  returned: success
  type: list
  elements: str
reload_reasons:
  description: Why the process should be reloaded.
  returned: success
  type: list
  elements: str
restart_parts:
  description: By path, of those O(restart_files) that are configuration of this collection the SHA-256 of what in them only a
    restart brings into effect, by the version that runs.
  returned: success
  type: dict
has_data:
  description: Whether there is a Raft database on the disk.
  returned: success
  type: bool
processes:
  description: Process ids of every Vault server on this node, under whichever unit.
  returned: success
  type: list
  elements: int
flavours:
  description: Whose servers are on this node, V(vault) or V(openbao), by what runs and by what the unit would start.
  returned: success
  type: list
  elements: str
outside:
  description: Those of them that systemd does not count as O(service)'s.
  returned: success
  type: list
  elements: int
listens:
  description: Whether anything takes a connection at O(listener).
  returned: success
  type: bool
trusted:
  description: SHA-256 of each CA certificate in O(ca).
  returned: success
  type: list
  elements: str
configured:
  description:
    - "What the configuration that the unit names says: cluster_name, node_id, kms_key_id, region and sha256sum (that of a
      plugin), each null where it does not set one; data (Raft's directories), api_port and cluster_port (of the first listener,
      null where it names none), paths (its files), and whether it is ours, that is made by this collection."
  returned: success
  type: dict
served:
  description: SHA-256 of the certificate that is served at O(serves_at); null where Vault does not run, or does not answer.
  returned: success
  type: str
certificate:
  description:
    - Null without O(certificates). Else certificate and ca, in PEM and empty where there is none; key_fits, whether the key
      beside the certificate is its own; and replaced, in PEM, certificates that were replaced and have not expired.
  returned: success
  type: dict
python:
  description: Version of the C(python3) on the path, such as 3.11; null where there is none.
  returned: success
  type: str
release_proven:
  description: Whether the release of O(version) is switched on, is by the sums that were kept what its signed archive held,
    and is root's, so that M(vaultops.cluster.vault_release) has nothing to do.
  returned: success
  type: bool
plugin_sum:
  description: SHA-256 that O(plugin) had when it was compared last; null where there is none, or it was touched since.
  returned: success
  type: str
paths:
  description: By path, what there is of O(paths), with its kind (file, directory, other), its attributes (OWNER:GROUP MODE),
    of a file the SHA-256 of its content, and whether it is mislabelled, that is has another SELinux type than the policy's.
  returned: success
  type: dict
users:
  description: By name, those of O(users) that there are, with group, home and shell.
  returned: success
  type: dict
units:
  description: By name, O(units), each with whether it is enabled, active, and stale (changed since systemd read it).
  returned: success
  type: dict
lease:
  description: Null without O(lease); else what M(vaultops.cluster.vault_lease) would answer to who wants to take it, or C(msg),
    why that can't be known.
  returned: success
  type: dict
volumes:
  description: What M(vaultops.cluster.vault_volumes) would do about O(volumes) in words (todo), and why it would do nothing
    (problems).
  returned: success
  type: dict
metadata:
  description: With O(metadata_users), these users, what M(vaultops.cluster.vault_metadata_guard) would say, its diff apart, and
    whether anything of its guard is there.
  returned: success
  type: dict
"""

import os
import time
import typing as t

from ..module_utils._common.errors import Problem
from ..module_utils._common.module import run_module
from ..module_utils._node import (
    certificate,
    here,
    lease,
    managed,
    metadata_service,
    plugin,
    reloads,
    service,
    tls,
    volume_plan,
    volumes,
)

MARK = "# Made by vaultops.cluster."
USUAL = "argv[]=vault server -config=/etc/vault.d ;"


def run(params: dict[str, t.Any], _check_mode: bool) -> dict[str, t.Any]:
    # First: what another run changes after this look has left its mark by the time that the lease is asked for.
    lease_seen = would_be_granted(params["lease"])
    unit = service.read_unit(params["service"])
    current = installed_release(params["link"])
    running, server = service.running_release(unit["main_pid"]), service.running_server(unit["main_pid"])
    releases = params["releases"]
    # A unit that is gone names no files: those of the usual place count then.
    paths = here.configuration_paths(unit["exec_start"]) or here.configuration_paths(USUAL)
    configured = here.configured(paths, MARK)
    pids = here.processes()
    address = tls.address_of(params["listener"])
    serves_at = tls.address_of(params["serves_at"] or params["listener"])
    return {
        "changed": False,
        "machine": os.uname().machine,
        "time": time.time(),
        "asked_at": params["asked_at"],
        "releases": sorted(name for name in os.listdir(releases) if name[0] != ".") if os.path.isdir(releases) else [],
        "current": current,
        "running": running,
        "running_flavour": server.flavour if server else None,
        "service": unit,
        "restart_reasons": service.restart_reasons(
            unit["started"], running, current, [*params["restart_files"], params["link"]]
        ),
        "reload_reasons": service.reload_reasons(unit["started"], unit["reloaded"], params["reload_files"]),
        "restart_parts": reloads.digests(here.texts(params["restart_files"]), server),
        "has_data": here.holds_data([params["data"], *configured["data"]]),
        "processes": pids,
        "flavours": here.flavours(unit["exec_start"]),
        "outside": here.outside(pids, params["service"]),
        "listens": here.listens(*address),
        "trusted": here.trusted(params["ca"]),
        "configured": configured,
        "served": tls.on_the_wire(*serves_at) if unit["main_pid"] else None,
        "certificate": certificate.look(params["certificates"]) if params["certificates"] else None,
        "python": managed.python_version(),
        "release_proven": bool(params["version"])
        and managed.release_is_proven(params["version"], params["home"], releases, params["link"]),
        "plugin_sum": plugin.kept_sum(params["plugin"], params["home"]) if params["plugin"] else None,
        "paths": managed.look_at(params["paths"]),
        "users": managed.users(params["users"]),
        "units": managed.units(params["units"]),
        "metadata": metadata(params["metadata_users"]),
        "volumes": volumes.survey(params["volumes"]),
        "lease": lease_seen,
    }


def metadata(users: list[str] | None) -> dict[str, t.Any] | None:
    if users is None:
        return None
    options = {"state": "present", "users": users, "rules": metadata_service.RULES, "units": metadata_service.UNITS}
    found = metadata_service.bring(options, check_mode=True)
    there = metadata_service.bring({**options, "state": "absent"}, check_mode=True)["changed"]
    return {"users": users, "there": there, **{name: found[name] for name in ("changed", "guarded", "reason")}}


def would_be_granted(wanted: dict[str, t.Any] | None) -> dict[str, t.Any] | None:
    if wanted is None:
        return None
    nobody = {"holder": "", "who": "", "job": "", "playbook": "", "minutes": 0, "asked_at": None}
    try:
        return lease.ask({**wanted, **nobody, "state": "taken"}, check_mode=True)
    except Problem as error:  # this node grants nothing, and a majority may do without it
        return {"granted": False, "msg": str(error)}


def installed_release(link: str) -> str | None:
    match = service.RELEASE.search(os.path.realpath(link))
    return match.group(1) if match else None


OPTIONS: dict[str, t.Any] = {
    "service": {"type": "str", "default": "vault"},
    "releases": {"type": "path", "default": "/opt/vault/releases"},
    "link": {"type": "path", "default": "/usr/local/bin/vault"},
    "restart_files": {
        "type": "list",
        "elements": "path",
        "default": ["/etc/vault.d/vault.hcl", "/etc/systemd/system/vault.service"],
    },
    "reload_files": {"type": "list", "elements": "path", "default": ["/etc/vault.d/reload.hcl"]},
    "data": {"type": "path", "default": "/opt/vault/data"},
    "listener": {"type": "str", "default": "127.0.0.1:8200"},
    "serves_at": {"type": "str"},
    "ca": {"type": "path", "default": "/etc/vault.d/tls/ca.crt"},
    "certificates": {"type": "path"},
    "version": {"type": "str"},
    "plugin": {"type": "path"},
    "home": {"type": "path", "default": "/opt/vault"},
    "paths": {"type": "list", "elements": "str", "default": []},
    "users": {"type": "list", "elements": "str", "default": []},
    "units": {"type": "list", "elements": "str", "default": []},
    "metadata_users": {"type": "list", "elements": "str"},
    "lease": {
        "type": "dict",
        "options": {
            "cluster": {"type": "str", "required": True},
            "directory": {"type": "path", "default": "/var/lib/vaultops"},
            "take_over": {"type": "str", "default": ""},
        },
    },
    "volumes": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": volume_plan.SPEC,
    },
    "asked_at": {"type": "float"},
}


def main() -> None:
    run_module(run, OPTIONS)


if __name__ == "__main__":
    main()
