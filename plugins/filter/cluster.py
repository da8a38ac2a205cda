# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The pure functions that playbooks decide with."""

from __future__ import annotations

import datetime
import getpass
import json
import os
import pathlib
import secrets
import socket
import time

from ansible import constants, context
from ansible.errors import AnsibleFilterError
from ansible_collections.vaultops.cluster.plugins.module_utils._lease import nodes as lease
from ansible_collections.vaultops.cluster.plugins.module_utils._node import tls
from ansible_collections.vaultops.cluster.plugins.module_utils._plan import (
    inputs,
    parts,
    quorum,
    reach,
    replace,
    seal_adopt,
    seal_move,
    server_settings,
    site_plan,
    standing,
    upgrade,
)
from ansible_collections.vaultops.cluster.plugins.module_utils._snapshot import drill
from ansible_collections.vaultops.cluster.plugins.module_utils._status import (
    document,
    limits,
    overview,
    render,
    sight,
)
from ansible_collections.vaultops.cluster.plugins.module_utils._tls import certificates
from ansible_collections.vaultops.cluster.plugins.module_utils._tls import seen as certificate_state

COLLECTION = pathlib.Path(__file__).parents[2]


def collection_path(inside):
    """For variables of a role that are read outside of its tasks, where role_path is not known."""
    return str(COLLECTION / inside)


def scratch_directory(cluster_name):
    """In Ansible's own temporary directory of this run, which goes with it. The lookup of that setting would make another one."""
    return f"{constants.DEFAULT_LOCAL_TMP}/vaultops-{cluster_name}"


def clock_problems(observed, now, skew, flavour="vault"):
    """*observed*: what vault_node_info saw on each host, with its clock before and after; *now* and *skew* in seconds."""
    problems = [
        standing.clock_problem(name, seen, now, skew, flavour) for name, seen in observed.items() if seen.get("time")
    ]
    return [one for one in problems if one]


def certificate_problems(options):
    return certificates.problems(options, datetime.datetime.now(datetime.timezone.utc))


def node_certificate_problems(observed, options):
    """*observed*: what vault_node_info saw on the node; *options*: as node_problems() has them, with ca as a path."""
    found = (observed or {}).get("certificate")
    wanted = {**options, "ca": _text(options["ca"])}
    return certificates.node_problems(found, wanted, datetime.datetime.now(datetime.timezone.utc))


def _text(path):
    try:
        return pathlib.Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def identity_problems(identities, options):
    return certificates.identity_problems(identities, options, datetime.datetime.now(datetime.timezone.utc))


def certificates_trusted(observed):
    """The CA certificates, in PEM, of nodes that hold something; what an empty machine has is nobody's word."""
    holding = [one for one in observed.values() if one.get("has_data") or one.get("listens")]
    return [text for one in holding if (text := (one.get("certificate") or {}).get("ca"))]


def certificates_replaced(names, hostvars, staying):
    """What the entry point revoke of vault_tls has read: which hosts said it, and what no node may log in with any more."""
    found = {name: (hostvars[name].get("vault_tls_replaced") or {}).get("certificate") for name in names}
    read = {name: one for name, one in found.items() if one}
    leaving = [one["certificate"] for name, one in read.items() if name not in staying and one["certificate"]]
    return {"read": list(read), "certificates": [text for one in read.values() for text in one["replaced"]] + leaving}


def certificate_lines(result):
    return [certificate_state.line(one) for one in result["certificates"]]


def status_document(status, about, **found):
    return document.document(time.time(), about, status, **found)


def drills_page(name, texts, about=None):
    """*texts* are the reports by their names, one of them whole; *about* is what limits.of() reads."""
    drills, _unreadable = drill.read(texts)
    return render.drills(name, drills, limits.of(about or {}))


def status_json(made):
    return json.dumps(made, indent=2, sort_keys=False) + "\n"


def found_on_nodes(names, hostvars):
    """What vault_node_info saw on each of these hosts; nothing where it saw nothing, such as with --limit."""
    return {name: hostvars[name].get("vault_server_found") or {} for name in names}


def standings(
    nodes, status, observed, cluster_name, ca_file, version="", signed=(), ports=None, flavour="vault", by_id=False
):
    """*ca_file*: path of the CA certificates on this controller, which may be missing."""
    try:
        trusted = tls.fingerprints(pathlib.Path(ca_file).read_text(encoding="utf-8", errors="replace"))
    except OSError:
        trusted = []
    wanted = {"cluster_name": cluster_name, "version": version, "trusted": trusted, "ca_file": ca_file}
    wanted |= {"signed": list(signed), "ports": ports or {}, "flavour": flavour, "by_id": by_id}
    return standing.stand(nodes, status, observed, wanted)


def lease_claim(playbook, job="", user=""):
    """Who asks for the lease: random for each run, and in words for people."""
    try:
        user = user or getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        user = str(os.getuid())
    return {"holder": secrets.token_hex(16), "who": f"{user}@{socket.gethostname()}", "job": job, "playbook": playbook}


def lease_moment(_claim):
    boot = time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
    path = pathlib.Path("/proc/sys/kernel/random/boot_id")
    return {"wall": time.time(), "boot": boot, "boot_id": path.read_text().strip() if path.exists() else ""}


def lease_seen(observed):
    """What vault_node_info saw of each host's lease, where it was asked to."""
    return {name: seen["lease"] for name, seen in observed.items() if seen.get("lease")}


def lease_turn_problem(answer, node, taken, minutes):
    return lease.turn_problem(answer, node, taken, lease_moment(None), minutes)


def _other_certificate(own):
    compared = own.get("vault_tls_compared") or {}
    return compared.get("paths") or compared.get("reloaded")


def turns(names, hostvars, active):
    """*active*: name of the active node; what each host wants was seen by vault_server's and vault_tls' entry points compare."""
    wants = {
        name: bool(hostvars[name].get("vault_server_wants") or _other_certificate(hostvars[name])) for name in names
    }
    return standing.turns(names, wants, active)


def with_every_step(hosts, tags, skipped, known=()):
    """In the 'hosts' of a playbook's first play, which Ansible evaluates whatever the tags are; no task is so certain to run."""
    # Ansible has no variable of it.
    started = parts.start_problem(context.CLIARGS.get("start_at_task"))
    if problem := parts.tags_problem(tags, skipped, known) or started:
        raise AnsibleFilterError(problem)
    return hosts


def site_lines(standings_by_name, hostvars, cluster, active, tags, flavour="vault"):
    """What each host has to do was kept of each by itself. *cluster*: for each thing, its part, its words, whether it is to be
    done."""
    if parts.chosen(tags) == ["preflight"]:
        return []
    return _site_lines(standings_by_name, hostvars, cluster, active, tags, flavour, others=False)


def site_todo(todo, tags):
    return parts.of_todo(todo, tags)


def site_left_out(standings_by_name, hostvars, cluster, active, tags, flavour="vault"):
    """What a run without tags would do besides."""
    if parts.EVERYTHING in tags:
        return []
    lines = _site_lines(standings_by_name, hostvars, cluster, active, tags, flavour, others=True)
    return [f"Left out by --tags: {line}" for line in lines]


def _site_lines(names, hostvars, cluster, active, tags, flavour, others):
    todo = {name: parts.of_todo(hostvars[name].get("vault_site_todo") or {}, tags, others) for name in names}
    chosen = parts.chosen(tags)
    wanted = {words: wanted for part, words, wanted in cluster if (part in chosen) != others}
    seen = found_on_nodes(names, hostvars)
    return site_plan.lines(names, todo, seen, wanted, active, ("configure" in chosen) != others, flavour)


class FilterModule:
    def filters(self):
        return {
            "clock_problems": clock_problems,
            "cluster_nodes": inputs.nodes,
            "collection_path": collection_path,
            "drill_report": drill.report,
            "drills_page": drills_page,
            "forgetful_voters": standing.forgetful_voters,
            "forgotten": standing.forgotten,
            "input_problems": inputs.problems,
            "node_ids": inputs.node_ids,
            "adoption_problems": inputs.adoption_problems,
            "certificate_identity_problems": identity_problems,
            "certificate_lines": certificate_lines,
            "certificate_node_problems": node_certificate_problems,
            "certificate_problems": certificate_problems,
            "certificates_replaced": certificates_replaced,
            "certificates_trusted": certificates_trusted,
            "not_seen": sight.not_seen,
            "found_on_nodes": found_on_nodes,
            "outage": sight.outage,
            "lease_cause": lease.cause,
            "lease_claim": lease_claim,
            "lease_kept": lease.kept,
            "lease_moment": lease_moment,
            "lease_seen": lease_seen,
            "lease_since_read": lease.since_read,
            "lease_turn_problem": lease_turn_problem,
            "lease_verdict": lease.verdict,
            "overview": overview.lines,
            "quorum_plan": quorum.plan,
            "quorum_problems": quorum.count_problems,
            "replace_plan": replace.plan,
            "restart_plan": upgrade.restart,
            "scratch_directory": scratch_directory,
            "by_session": reach.by_session,
            "staying": reach.staying,
            "seal_in_use": standing.seal_in_use,
            "server_settings": server_settings.hcl,
            "seal_adopt_plan": seal_adopt.plan,
            "seal_adopt_unsettled": seal_adopt.unsettled,
            "seal_move_plan": seal_move.plan,
            "site_compared": site_plan.compared,
            "site_left_out": site_left_out,
            "site_lines": site_lines,
            "site_parts": parts.chosen,
            "site_parts_problem": parts.cluster_problem,
            "site_todo": site_todo,
            "standings": standings,
            "status_document": status_document,
            "status_json": status_json,
            "status_page": render.status,
            "turns": turns,
            "upgrade_plan": upgrade.upgrade,
            "upgrade_reads": upgrade.reads,
            "way_back": upgrade.way_back,
            "with_every_step": with_every_step,
        }
