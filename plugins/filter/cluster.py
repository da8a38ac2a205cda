# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The pure functions that playbooks decide with."""

from __future__ import annotations

import datetime
import json
import pathlib
import time

from ansible_collections.vaultops.cluster.plugins.module_utils._cluster import (
    certificates,
    document,
    drill,
    drill_page,
    inputs,
    overview,
    page,
    replace,
    upgrade,
)
from ansible_collections.vaultops.cluster.plugins.module_utils._vault.certificate import state as certificate_state


def certificate_problems(options):
    return certificates.problems(options, datetime.datetime.now(datetime.timezone.utc))


def identities_due(identities, options):
    return certificates.identities_due(identities, options, datetime.datetime.now(datetime.timezone.utc))


def identity_problems(identities, options):
    return certificates.identity_problems(identities, options, datetime.datetime.now(datetime.timezone.utc))


def open_keys(paths):
    return [path for path in paths if certificates.is_open(path)]


def certificate_lines(result):
    return [certificate_state.line(one) for one in result["certificates"]]


def drill_reports(paths):
    found = {}
    for path in paths:
        try:
            found[path] = pathlib.Path(path).read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            found[path] = error
    return found


def status_document(status, about, drills, **found):
    """*drills* are the paths of the reports."""
    return document.document(time.time(), about, status, drills=drill_reports(drills), **found)


def drills_page(name, paths):
    """*paths* are the reports, one of them whole."""
    drills, _unreadable = drill.read(drill_reports(paths))
    return drill_page.page(name, drills)


def status_json(made):
    return json.dumps(made, indent=2, sort_keys=False) + "\n"


class FilterModule:
    def filters(self):
        return {
            "cluster_nodes": inputs.nodes,
            "drill_report": drill.report,
            "drills_page": drills_page,
            "input_problems": inputs.problems,
            "adoption_problems": inputs.adoption_problems,
            "certificate_authority": certificates.authority,
            "certificate_identities_due": identities_due,
            "certificate_identity_problems": identity_problems,
            "certificate_lines": certificate_lines,
            "certificate_missing_authority": certificates.missing_authority,
            "certificate_open_keys": open_keys,
            "certificate_problems": certificate_problems,
            "certificate_strangers": certificates.strangers,
            "overview": overview.lines,
            "replace_plan": replace.plan,
            "restart_plan": upgrade.restart,
            "status_document": status_document,
            "status_json": status_json,
            "status_page": page.page,
            "upgrade_plan": upgrade.upgrade,
        }
