# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What of a node is not in line, by what vault_node_info has read there. Where it has read nothing, everything is not."""

from __future__ import annotations

import pathlib

from ansible.errors import AnsibleFilterError
from ansible_collections.vaultops.cluster.plugins.module_utils._node import certificate, files, tls
from ansible_collections.vaultops.cluster.plugins.module_utils._plan import in_line
from ansible_collections.vaultops.cluster.plugins.module_utils._snapshot import tool


def paths_out_of_line(observed, wanted):
    """*wanted*: directories and files as vault_files takes them."""
    return in_line.paths(observed, map(files.from_options, wanted))


def paths_reloaded(observed, wanted):
    """*wanted*: files as vault_files takes them."""
    return in_line.reloaded(observed, map(files.from_options, wanted))


def paths_mended_in_place(observed, wanted):
    """*wanted*: files as vault_files takes them."""
    return in_line.mended_in_place(observed, map(files.from_options, wanted))


def certificate_out_of_line(observed, local, directory):
    """*local*: paths on the controller of certificate, private_key and ca; what is missing here is on no node. *directory*:
    where they are on the node."""
    try:
        texts = {name: pathlib.Path(path).read_text(encoding="utf-8") for name, path in local.items()}
    except FileNotFoundError as error:
        return [error.filename]
    except OSError as error:
        raise AnsibleFilterError(f"{error.filename} can't be read ({error.strerror})") from error
    entries = certificate.entries({**texts, "directory": directory})
    return in_line.certificate(observed, entries, tls.fingerprint(texts["certificate"]))


def node_certificate_out_of_line(observed, ca, directory):
    """Of a node whose certificate and key are its own. *ca*: path on the controller; *directory*: where they are on the node."""
    try:
        text = pathlib.Path(ca).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        return [error.filename]
    own = (observed.get("certificate") or {}).get("certificate") or ""
    entries = certificate.entries({"certificate": own, "private_key": "", "ca": text, "directory": directory})
    return in_line.certificate(observed, entries, tls.fingerprint(own), own_key=True)


def backup_tool_key(source, requirements, python, machine):
    """*source*: the directory plugins/module_utils; *requirements*: the tool's packages, as a path."""
    return tool.key(pathlib.Path(source), pathlib.Path(requirements), python, machine)


class FilterModule:
    def filters(self):
        return {
            "backup_tool_key": backup_tool_key,
            "certificate_out_of_line": certificate_out_of_line,
            "node_certificate_out_of_line": node_certificate_out_of_line,
            "paths_mended_in_place": paths_mended_in_place,
            "paths_out_of_line": paths_out_of_line,
            "paths_reloaded": paths_reloaded,
            "units_out_of_line": in_line.units,
            "users_out_of_line": in_line.users,
            "written_out_of_line": in_line.written,
        }
