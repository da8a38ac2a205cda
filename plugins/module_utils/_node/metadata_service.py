# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bring the metadata service's guard into force, or take it away; in check mode, say what that would change."""

from __future__ import annotations

import os
import typing as t

from .._common.errors import Problem
from . import metadata_guard as guard
from .files import difference, look, put

RULES = "/etc/vaultops-metadata.nft"
UNITS = "/etc/systemd/system"


def bring(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    nft = guard.nft()
    if params["state"] == "absent":
        return {**remove(params, nft, check_mode), "guarded": False, "reason": "", "uids": []}
    allowed = guard.uids(params["users"])
    result = {"changed": False, "diff": [], "guarded": False, "uids": allowed}
    if nft is None:
        return {**result, "reason": "nft is not installed. Install the package nftables."}
    text, mark = guard.rules(allowed)
    refused = guard.trial(nft, text)
    if refused:
        return {
            **result,
            "reason": f"nft can't load such rules here ({refused}). Give the node a kernel that has nftables.",
        }
    wanted = guard.entries(nft, text, params["rules"], params["units"])
    differing = [(entry, diff) for entry in wanted if (diff := difference(entry, look(entry)))]
    wrong = wrongs(nft, mark)
    changed = bool(differing or wrong)
    if changed and not check_mode:
        for entry, _diff in differing:
            put(entry)
        failed = load(nft, mark)
        if failed:
            remove(params, nft, check_mode)
            return {**result, "reason": f"the rules could not be loaded ({failed}). See: journalctl -u {guard.UNIT}."}
    shown = [diff for _entry, diff in differing] + [{"before": f"{what}\n", "after": ""} for what in wrong]
    return {**result, "changed": changed, "diff": shown, "guarded": True, "reason": ""}


def wrongs(nft: str, mark: str) -> list[str]:
    found = []
    if not guard.loaded(nft, mark):
        found.append("the rules are not loaded")
    if guard.systemctl("is-enabled", "--quiet", guard.UNIT).returncode != 0:
        found.append(f"{guard.UNIT} is not enabled")
    if guard.systemctl("is-active", "--quiet", guard.UNIT).returncode != 0:
        found.append(f"{guard.UNIT} is not active")
    return found


def load(nft: str, mark: str) -> str | None:
    """Returns why it failed. A reload replaces the table in one step, so nobody gets through meanwhile."""
    for command in (["daemon-reload"], ["enable", guard.UNIT], ["reload-or-restart", guard.UNIT]):
        done = guard.systemctl(*command)
        if done.returncode != 0:
            return guard.last_words(done)
    return None if guard.loaded(nft, mark) else "the kernel does not have them afterwards"


def remove(params: dict[str, t.Any], nft: str | None, check_mode: bool) -> dict[str, t.Any]:
    rules, unit, folder, drop_in = guard.paths(params["rules"], params["units"])
    files = [path for path in (unit, drop_in, rules) if os.path.lexists(path)]
    table = nft is not None and guard.there(nft)
    if not check_mode:
        if unit in files:
            guard.systemctl("disable", "--now", guard.UNIT)
        for path in files:
            os.unlink(path)
        if os.path.isdir(folder) and not os.listdir(folder):
            os.rmdir(folder)
        if files:
            guard.systemctl("daemon-reload")
        if nft is not None and guard.there(nft):
            done = guard.call(nft, "delete", "table", *guard.TABLE.split())
            if done.returncode != 0:
                raise Problem(
                    f"the table {guard.TABLE} can't be removed ({guard.last_words(done)})",
                    f"As root: nft delete table {guard.TABLE}.",
                )
    found = files + ([f"table {guard.TABLE}"] if table else [])
    return {"changed": bool(found), "diff": [{"before": f"{what}\n", "after": ""} for what in found]}
