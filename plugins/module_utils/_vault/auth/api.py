# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Calls that set up the cluster's identities, one function each."""

from __future__ import annotations

import typing as t

from ..client import call, data
from ..errors import VaultError


def read(where: str, client: t.Any, path: str) -> dict[str, t.Any] | None:
    """None only for an explicit 404."""
    try:
        return data(where, call(where, lambda: client.adapter.get(f"/v1/{path}")))
    except VaultError as error:
        if error.status == 404:
            return None
        raise


def read_policy(where: str, client: t.Any, name: str) -> str | None:
    found = read(where, client, f"sys/policies/acl/{name}")
    return found["policy"] if found else None


def write_policy(where: str, client: t.Any, name: str, policy: str) -> None:
    call(where, lambda: client.adapter.put(f"/v1/sys/policies/acl/{name}", json={"policy": policy}))


def methods(where: str, client: t.Any) -> set[str]:
    """The paths at which there is an auth method."""
    return {path.rstrip("/") for path in data(where, call(where, lambda: client.adapter.get("/v1/sys/auth")))}


def enable_cert_auth(where: str, client: t.Any) -> None:
    body = {"type": "cert", "description": "TLS client certificates"}
    call(where, lambda: client.adapter.post("/v1/sys/auth/cert", json=body))


def enable_aws_auth(where: str, client: t.Any) -> None:
    body = {"type": "aws", "description": "IAM principals"}
    call(where, lambda: client.adapter.post("/v1/sys/auth/aws", json=body))


def read_aws_config(where: str, client: t.Any) -> dict[str, t.Any] | None:
    return read(where, client, "auth/aws/config/client")


def write_aws_config(where: str, client: t.Any, config: dict[str, t.Any]) -> None:
    call(where, lambda: client.adapter.post("/v1/auth/aws/config/client", json=config))


def write(where: str, client: t.Any, path: str, content: dict[str, t.Any]) -> None:
    call(where, lambda: client.adapter.post(f"/v1/{path}", json=content))


def remove(where: str, client: t.Any, path: str) -> None:
    call(where, lambda: client.adapter.delete(f"/v1/{path}"))


def own_policies(where: str, client: t.Any) -> list[str]:
    return data(where, call(where, lambda: client.adapter.get("/v1/auth/token/lookup-self")))["policies"]


def revoke_self(where: str, client: t.Any) -> None:
    call(where, lambda: client.adapter.post("/v1/auth/token/revoke-self"))


def capabilities(where: str, client: t.Any, paths: list[str]) -> dict[str, t.Any]:
    """What this token may do, by path. Every token may ask that of itself."""
    return data(where, call(where, lambda: client.adapter.post("/v1/sys/capabilities-self", json={"paths": paths})))


def list_crls(where: str, client: t.Any) -> list[str]:
    found = read(where, client, "auth/cert/crls?list=true")
    return found["keys"] if found else []


def read_crl(where: str, client: t.Any, name: str) -> set[int] | None:
    """The serial numbers in it. None only where the list of CRLs does not have it: reading one that is not there is an error
    like any other."""
    if name not in list_crls(where, client):
        return None
    found = data(where, call(where, lambda: client.adapter.get(f"/v1/auth/cert/crls/{name}")))
    return {int(serial) for serial in found["serials"] or {}}


def write_crl(where: str, client: t.Any, name: str, crl: str) -> None:
    call(where, lambda: client.adapter.post(f"/v1/auth/cert/crls/{name}", json={"crl": crl}))
