# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the tool is told, in one JSON file."""

from __future__ import annotations

import json
import re
import typing as t
from dataclasses import dataclass
from urllib.parse import urlsplit

from .._snapshot.errors import Exit, Failure
from .._snapshot.settings import KEY_ARN, S3, Kms

Check = t.Callable[[t.Any], t.Optional[str]]  # noqa: UP045  evaluated, which Python 3.9 needs spelt out


@dataclass(frozen=True)
class Vault:
    address: str
    tls_server_name: str | None  # None: the host of the address
    ca_cert: str
    client_cert: str
    client_key: str
    role: str  # of auth/cert
    timeout_seconds: int  # without a byte


@dataclass(frozen=True)
class Retention:
    keep_last: int
    keep_days: int


@dataclass(frozen=True)
class Config:
    cluster_name: str
    node_name: str
    directory: str
    metrics_file: str | None
    reserve_mib: int  # room that Vault itself is left on the directory's file system
    seal_key_arn: str  # the unseal key: only noted down, so that a restore knows what the cluster then depends on
    vault: Vault
    kms: Kms
    s3: S3 | None
    retention: Retention
    flavour: str = "vault"  # or openbao, whose snapshots are told apart by their version


@dataclass(frozen=True)
class _Field:
    check: Check
    default: t.Any = ...


@dataclass(frozen=True)
class Probe:
    node_name: str
    metrics_file: str | None
    vault: Vault


@dataclass(frozen=True)
class Archive:
    metrics_file: str | None
    directory: str  # where the tool writes down what it has sent, and compresses
    reserve_mib: int  # room that others are left on its file system
    files: list[str]  # the audit files that are written to; those that were rotated are beside them
    s3: S3  # the prefix is this node's own


def load(path: str) -> Config:
    return _load(path, parse)


def load_probe(path: str) -> Probe:
    return _load(path, parse_probe)


def load_archive(path: str) -> Archive:
    return _load(path, parse_archive)


def _load(path: str, parsed: t.Callable[[t.Any], t.Any]) -> t.Any:
    try:
        with open(path, encoding="utf-8") as stream:
            data = json.load(stream)
    except OSError as error:
        raise Failure(Exit.CONFIG, f"the configuration {path} can't be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise Failure(Exit.CONFIG, f"the configuration {path} is not JSON ({error})") from error
    try:
        return parsed(data)
    except ValueError as error:
        raise Failure(Exit.CONFIG, f"the configuration {path} can't be used: {error}") from error


def parse(data: t.Any) -> Config:
    """Raises ValueError with one sentence for each field that is wrong."""
    values = _values(data, _TOP, _SECTIONS)
    if values["s3"] is not None:
        values["s3"] = _without_slashes(values["s3"])
    return Config(**values)


def parse_probe(data: t.Any) -> Probe:
    """Raises ValueError, as parse does."""
    names = ("node_name", "metrics_file", "vault")
    return Probe(**_values(data, {name: _TOP[name] for name in names}, {"vault": _SECTIONS["vault"]}))


def parse_archive(data: t.Any) -> Archive:
    """Raises ValueError, as parse does."""
    top = {
        **{name: _TOP[name] for name in ("metrics_file", "directory", "reserve_mib")},
        "files": _Field(_paths),
        "s3": _Field(_object),
    }
    values = _values(data, top, {"s3": _SECTIONS["s3"]})
    return Archive(**{**values, "s3": _without_slashes(values["s3"])})


def _without_slashes(s3: S3) -> S3:
    return S3(**{**vars(s3), "prefix": s3.prefix.strip("/")})


def _values(data: t.Any, top: dict[str, _Field], sections: dict[str, t.Any]) -> dict[str, t.Any]:
    problems: list[str] = []
    values = _section("", data, top, problems)
    for name, (kind, fields) in sections.items():
        content = values.pop(name, None)
        if not isinstance(content, dict):
            # Told above, but for the bucket, which may be left out.
            values[name] = None
            continue
        checked = _section(f"{name}.", content, fields, problems)
        values[name] = None if problems else kind(**checked)
    if problems:
        raise ValueError("; ".join(problems))
    return values


def _section(path: str, data: t.Any, fields: dict[str, _Field], problems: list[str]) -> dict[str, t.Any]:
    if not isinstance(data, dict):
        problems.append("it must be an object")
        return {}
    problems += [f"{path}{name} is no known field" for name in sorted(set(data) - set(fields))]
    values = {}
    for name, field in fields.items():
        value = data.get(name)
        if value is None and field.default is not ...:
            value = field.default
        elif name not in data:
            problems.append(f"{path}{name} is missing")
        else:
            wrong = field.check(value)
            if wrong:
                problems.append(f"{path}{name} {wrong}, and it is {json.dumps(value)}")
        values[name] = value
    return values


def _text(value: t.Any) -> str | None:
    return None if isinstance(value, str) and value else "must be a text that is not empty"


def _any_text(value: t.Any) -> str | None:
    return None if isinstance(value, str) else "must be a text"


def _matches(pattern: str, kind: str) -> Check:
    def check(value: t.Any) -> str | None:
        return None if isinstance(value, str) and re.fullmatch(pattern, value) else f"must be {kind}"

    return check


def _path(value: t.Any) -> str | None:
    return None if isinstance(value, str) and value.startswith("/") else "must be an absolute path"


def _paths(value: t.Any) -> str | None:
    whole = isinstance(value, list) and value and not any(map(_path, value))
    return None if whole else "must be a list of absolute paths"


def _at_least(lowest: int) -> Check:
    def check(value: t.Any) -> str | None:
        whole = isinstance(value, int) and not isinstance(value, bool)
        return None if whole and value >= lowest else f"must be a whole number from {lowest}"

    return check


def _url(*schemes: str) -> Check:
    def check(value: t.Any) -> str | None:
        wrong = f"must be a URL with {' or '.join(schemes)}, a host, and no path"
        if not isinstance(value, str):
            return wrong
        try:
            parts = urlsplit(value)
            parts.port  # noqa: B018  a port that is no number only shows when it is asked for
        except ValueError:
            return wrong
        whole = parts.scheme in schemes and parts.hostname and parts.path in ("", "/") and not parts.query
        return None if whole else wrong

    return check


def _object(value: t.Any) -> str | None:
    return None if isinstance(value, dict) else "must be an object"


_KEY = "the ARN of a KMS key (not of an alias)"
_TOP: dict[str, _Field] = {
    # Both become parts of file names, which '_' takes apart.
    "cluster_name": _Field(_matches(r"[A-Za-z0-9][A-Za-z0-9-]*", "letters, digits and hyphens")),
    "node_name": _Field(_matches(r"[A-Za-z0-9][A-Za-z0-9._-]*", "letters, digits, dots, hyphens and underscores")),
    "directory": _Field(_path),
    "metrics_file": _Field(_path, None),
    "reserve_mib": _Field(_at_least(0), 256),
    "seal_key_arn": _Field(_matches(KEY_ARN.pattern, _KEY)),
    "vault": _Field(_object),
    "kms": _Field(_object),
    "s3": _Field(_object, None),
    "retention": _Field(_object),
    "flavour": _Field(_matches("vault|openbao", "vault or openbao"), "vault"),
}
_SECTIONS: dict[str, tuple[t.Any, dict[str, _Field]]] = {
    "vault": (
        Vault,
        {
            "address": _Field(_url("https")),
            "tls_server_name": _Field(_text, None),
            "ca_cert": _Field(_path),
            "client_cert": _Field(_path),
            "client_key": _Field(_path),
            "role": _Field(_text),
            "timeout_seconds": _Field(_at_least(1), 60),
        },
    ),
    "kms": (
        Kms,
        {
            "key_arn": _Field(_matches(KEY_ARN.pattern, _KEY)),
            "endpoint_url": _Field(_url("https", "http"), None),
            "timeout_seconds": _Field(_at_least(1), 10),
        },
    ),
    "s3": (
        S3,
        {
            "bucket": _Field(_matches(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "the name of a bucket")),
            "prefix": _Field(_any_text),
            "region": _Field(_matches(r"[a-z0-9-]+", "the name of a region")),
            "endpoint_url": _Field(_url("https", "http"), None),
            "timeout_seconds": _Field(_at_least(1), 60),
        },
    ),
    "retention": (Retention, {"keep_last": _Field(_at_least(1)), "keep_days": _Field(_at_least(0))}),
}
