# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What of a node is not as it should be, by what vault_node_info has read there. Pure.

Nothing that was not looked at counts as being in line: it is for the module to look then.
"""

from __future__ import annotations

import hashlib
import typing as t

from .._common import product
from .._node import reloads
from .._node.files import Entry, attributes

Observed = t.Mapping[str, t.Any]


def paths(observed: Observed, entries: t.Iterable[Entry]) -> list[str]:
    """Those of the files and directories that differ from what is wanted."""
    looked = observed.get("paths") or {}
    return [entry.path for entry in entries if _differs(entry, looked.get(entry.path))]


def reloaded(observed: Observed, entries: t.Iterable[Entry]) -> list[str]:
    """Those of the files that differ, and of which a running Vault takes all that differs with a reload."""
    there, running = (
        observed.get("restart_parts") or {},
        product.told(observed.get("running"), observed.get("running_flavour") or product.VAULT),
    )
    same = [
        entry
        for entry in entries
        if entry.path in there and there[entry.path] == reloads.digest(entry.content or "", running)
    ]
    return [path for path in paths(observed, same) if path not in mended_in_place(observed, same)]


def mended_in_place(observed: Observed, entries: t.Iterable[Entry]) -> list[str]:
    """Those of the files that have the right content, and another owner, mode or SELinux type: a process has read it as it is."""
    looked = observed.get("paths") or {}
    return [
        entry.path
        for entry in entries
        if (found := looked.get(entry.path)) and _attributes_differ(entry, found) and not _content_differs(entry, found)
    ]


def _attributes_differ(entry: Entry, found: t.Mapping[str, t.Any] | None) -> bool:
    return (
        found is None
        or found["attributes"] != attributes(entry.owner, entry.group, entry.mode)
        or bool(found.get("mislabelled"))
    )


def _differs(entry: Entry, found: t.Mapping[str, t.Any] | None) -> bool:
    if found is None or _attributes_differ(entry, found):
        return True
    return _content_differs(entry, found)


def _content_differs(entry: Entry, found: t.Mapping[str, t.Any]) -> bool:
    if entry.content is None:
        return found["kind"] != "directory"
    return found["kind"] != "file" or found["sha256"] != hashlib.sha256(entry.content.encode()).hexdigest()


def users(observed: Observed, wanted: t.Mapping[str, t.Mapping[str, str]]) -> list[str]:
    """Those of the users that are missing, or differ in one of the attributes that are given."""
    there = observed.get("users") or {}
    return [
        name
        for name, attributes_of in wanted.items()
        if any((there.get(name) or {}).get(key) != value for key, value in attributes_of.items())
    ]


def units(observed: Observed, enabled: t.Iterable[str], known: t.Iterable[str] = ()) -> list[str]:
    """Those that are not enabled and active, and those of which systemd has not read the last version."""
    there = observed.get("units") or {}
    seen = {name: there.get(name) or {} for name in (*enabled, *known)}
    wrong = [name for name in enabled if not (seen[name].get("enabled") and seen[name].get("active"))]
    return wrong + [name for name, unit in seen.items() if name not in wrong and unit.get("stale") is not False]


def certificate(observed: Observed, entries: t.Iterable[Entry], wanted: str | None, own_key: bool = False) -> list[str]:
    """The files that differ, and the listener where it serves another certificate than the *wanted* one (SHA-256).

    *own_key*: nobody but the node has the key, so that only its attributes are compared.
    """
    looked = observed.get("paths") or {}
    found = [
        entry.path
        for entry in entries
        if (_attributes_differ if own_key and entry.secret else _differs)(entry, looked.get(entry.path))
    ]
    stopped = "service" in observed and observed["service"]["main_pid"] is None
    # A process whose listener did not answer serves something that nobody has seen.
    if not stopped and observed.get("served") != wanted:
        found.append("the listener")
    return found


def written(observed: Observed, wanted: t.Iterable[t.Mapping[str, str]]) -> list[str]:
    """Those of the files that a service writes to, each with path and owner, that are missing or are not its own."""
    looked = observed.get("paths") or {}
    return [
        item["path"]
        for item in wanted
        if not (
            (found := looked.get(item["path"]))
            and found["kind"] == "file"
            and found["attributes"].startswith(f"{item['owner']}:")
        )
    ]
