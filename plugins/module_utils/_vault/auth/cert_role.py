# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Compare one role of the certificate login, and its policy, with what is wanted."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..._common.errors import Problem
from . import setup, state
from .state import Identity

PEM = "-----BEGIN CERTIFICATE-----"
SPEC: dict[str, t.Any] = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "policy": {"type": "str"},
    "client_ca": {"type": "path"},
    "dns_names": {"type": "list", "elements": "str"},
}
NEEDS = [("state", "present", ("policy", "client_ca", "dns_names"))]
GONE: Identity = {"policy": None, "role": None}


@dataclass(frozen=True)
class Look:
    current: Identity
    desired: Identity

    @property
    def steps(self) -> list[str]:
        return state.steps(self.current, self.desired)

    def result(self) -> dict[str, t.Any]:
        return {
            "changed": bool(self.steps),
            "steps": self.steps,
            "diff": {"before": self.current, "after": self.desired},
        }


def wanted(params: t.Mapping[str, t.Any]) -> Identity:
    if params["state"] == "absent":
        return GONE
    with open(params["client_ca"], encoding="utf-8", errors="replace") as stream:
        ca = stream.read()
    if PEM not in ca:
        raise Problem(
            "it holds no certificate in PEM",
            "Give the CA that signs the clients' certificates.",
            where=params["client_ca"],
        )
    return state.wanted(params["name"], params["policy"], ca, allowed_dns_sans=params["dns_names"])


def look(name: str, client: t.Any, role: str, desired: Identity) -> Look:
    return Look(setup.observe(name, client, role, desired), desired)
