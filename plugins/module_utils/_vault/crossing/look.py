# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read, by who logs in here, what an upgrade depends on. What nobody may read is told as such: it is not nothing."""

from __future__ import annotations

import contextlib
import typing as t

from ..._common import hcl
from ..._common.errors import Problem
from ..audit.api import read_devices
from ..errors import VaultError
from . import api

PARTS = ("policies", "audit", "mounts")
# Nothing of these is a policy that a text makes.
WITHOUT_TEXT = ("root",)
# Every Vault has it, and nobody can delete it.
EVERYWHERE = "default"
PARAMETERS = ("allowed_parameters", "denied_parameters")
# Of a request that Vault took, and could not carry out for what it found.
NOT_CARRIED_OUT = (400, 500)


class Look:
    def __init__(self, name: str, client: t.Any, identity: str) -> None:
        self.name = name
        self.client = client
        self.identity = identity
        self.missing: list[dict[str, t.Any]] = []

    def read(self, parts: t.Iterable[str]) -> dict[str, t.Any]:
        found: dict[str, t.Any] = {"policies": None, "audit": None, "mounts": None, "plugins": None}
        for part in parts:
            found |= getattr(self, f"read_{part}")()
        return {**found, "missing": self.missing}

    def read_policies(self) -> dict[str, t.Any]:
        found: dict[str, t.Any] = {}
        names: list[str] | None = None
        with self.allowed(api.POLICIES, "list"):
            names = [name for name in api.list_policies(self.name, self.client) if name not in WITHOUT_TEXT]
        with self.allowed(f"{api.POLICIES}/*", "read"):
            if names is None:
                # Both rights are told at once: whoever adds the one would be refused the other next.
                self.policy(EVERYWHERE)
            else:
                found = {name: self.policy(name) for name in names}
        return {"policies": found}

    def policy(self, name: str) -> dict[str, t.Any]:
        try:
            return judged(api.read_policy(self.name, self.client, name))
        except VaultError as error:
            # From 1.21 on, Vault itself can't read a policy that it does not take any more.
            if error.status in NOT_CARRIED_OUT:
                return {**NOTHING, "problem": str(error)}
            raise

    def read_audit(self) -> dict[str, t.Any]:
        found: dict[str, t.Any] = {}
        with self.allowed("sys/audit", "read", "sudo"):
            found = read_devices(self.name, self.client)
        return {"audit": found}

    def read_mounts(self) -> dict[str, t.Any]:
        mounts: list[dict[str, str]] = []
        plugins: list[dict[str, t.Any]] = []
        for path, kind, prefix in ((api.MOUNTS, "secret", ""), (api.LOGINS, "auth", "auth/")):
            with self.allowed(path, "read"):
                there = api.read_mounts(self.name, self.client, path)
                mounts += [{"kind": kind, "path": f"{prefix}{name}", "type": there[name]} for name in sorted(there)]
        with self.allowed(api.PLUGINS, "read"):
            plugins = api.read_plugins(self.name, self.client)
        return {"mounts": mounts, "plugins": plugins}

    @contextlib.contextmanager
    def allowed(self, path: str, *capabilities: str) -> t.Iterator[None]:
        """A refusal of what is asked within is kept; any other failure is one of this look."""
        try:
            yield
        except VaultError as error:
            if error.status != 403:
                raise
            self.missing.append({"identity": self.identity, "path": path, "capabilities": list(capabilities)})


NOTHING: dict[str, t.Any] = {"duplicates": [], "templates": [], "parameters": [], "problem": None}


def judged(text: str) -> dict[str, t.Any]:
    """What of a policy another version may take in another way. Its text is not needed any more then."""
    try:
        paths = hcl.labelled(text, "path")
        duplicates = [one._asdict() for one in hcl.duplicates(text)]
    except Problem as error:
        return {**NOTHING, "problem": f"{error.cause}."}
    return {
        "duplicates": duplicates,
        "templates": sorted(path for path in paths if "{{" in path),
        "parameters": sorted(path for path, inside in paths.items() if any(name in inside for name in PARAMETERS)),
        "problem": None,
    }
