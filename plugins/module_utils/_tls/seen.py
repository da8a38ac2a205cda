# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a served certificate says about itself. Pure."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import typing as t

with contextlib.suppress(ImportError):  # who needs it says that it is missing: _common/libraries.py
    from cryptography import x509


class Seen(t.TypedDict):
    node: str
    der: bytes | None  # None: nothing was served
    problem: str | None  # what a client says that trusts the cluster's CA
    known_ca: bool  # whether that CA signed it, be it valid otherwise or not


class Certificate(t.TypedDict):
    node: str
    problem: str | None
    known_ca: bool
    serial: str | None
    sha256: str | None
    issuer: str | None
    not_after: str | None
    days_left: int | None


def line(certificate: Certificate) -> str:
    """One node's certificate in words."""
    text = f"{certificate['node']}: "
    if certificate["sha256"]:
        text += (
            f"expires {certificate['not_after']} ({certificate['days_left']} days), serial {certificate['serial']}, "
            f"issued by {certificate['issuer']}"
        )
    if certificate["problem"]:
        text += f"{'; ' if certificate['sha256'] else ''}clients do not accept it: {certificate['problem']}"
    return text


def describe(seen: Seen, now: datetime.datetime) -> Certificate:
    nothing: Certificate = {
        "node": seen["node"],
        "problem": seen["problem"],
        "known_ca": seen["known_ca"],
        "serial": None,
        "sha256": None,
        "issuer": None,
        "not_after": None,
        "days_left": None,
    }
    if seen["der"] is None:
        return nothing
    leaf = x509.load_der_x509_certificate(seen["der"])
    return {
        **nothing,
        "serial": f"{leaf.serial_number:x}",
        "sha256": hashlib.sha256(seen["der"]).hexdigest(),
        "issuer": leaf.issuer.rfc4514_string(),
        "not_after": leaf.not_valid_after_utc.isoformat(),
        "days_left": (leaf.not_valid_after_utc - now).days,
    }
