# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a server can do, by what it is and of which version: the one place where that is decided. Pure.

Whoever needs such a thing asks a Product for a fact, and compares no versions. A fact has a user, or it isn't here. What an
upgrade comes across is data of its own (_plan/crossings.py), since it is told to people and not decided by.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from . import versions
from .versions import Firsts, Number

Flavour = t.Literal["vault", "openbao"]
VAULT: t.Final = "vault"
OPENBAO: t.Final = "openbao"
FLAVOURS: tuple[Flavour, ...] = (VAULT, OPENBAO)
NAMES: t.Mapping[Flavour, str] = {VAULT: "Vault", OPENBAO: "OpenBao"}
ALWAYS: Firsts = ((0, 0, 0),)
NEVER: Firsts = ()


class Fact(t.NamedTuple):
    """From which versions on a server does something."""

    what: str  # in words, after 'the server'
    source: str
    vault: Firsts = NEVER
    openbao: Firsts = NEVER
    broken: tuple[tuple[Number, Number], ...] = ()  # in which of Vault it does not, from one to the other


class Known(t.NamedTuple):
    """The newest version that facts and crossings were looked up for."""

    version: Number
    date: str  # of its release


NEWEST: t.Mapping[Flavour, Known] = {
    VAULT: Known((2, 2, 2), "2026-11-12"),
    OPENBAO: Known((2, 6, 2), "2026-08-18"),
}

_DOCS = "https://developer.hashicorp.com/vault/docs"
_CHANGES = f"{_DOCS}/updates/important-changes"
_CODE = "https://github.com/hashicorp/vault/blob/v1.21.1"

UNAUTHENTICATED_ACCESS = Fact(
    "makes recovery keys and root tokens only for who has a token, and takes enable_unauthenticated_access with a reload to do "
    "without one",
    f"{_CHANGES}#sys-endpoint-auth",
    vault=((2, 0, 0),),
)
JOINS_BY_EC2_TAG = Fact(
    "finds its peers by the tags of their instances",
    f"{_CHANGES}#aws-auto-join",
    vault=ALWAYS,
    openbao=ALWAYS,
    broken=(((1, 19, 5), (1, 19, 8)), ((1, 20, 0), (1, 20, 2))),
)
# Lines between are those of Enterprise.
JSON_LIMITS = Fact(
    "takes limits of the JSON in a request (max_json_...)",
    f"{_CHANGES}#json-limits",
    vault=((1, 16, 25), (1, 18, 14), (1, 19, 9), (1, 20, 3)),
)
TOKEN_HEADER_LIMIT = Fact(
    "limits the length of the header that has the token (max_token_header_size)",
    f"{_CHANGES}#max-token-header-size",
    vault=((2, 0, 0),),
)
# The versions that mend CVE-2026-5006.
SLASH_IN_TEMPLATES = Fact(
    "refuses templated paths into which a value brings a slash (deny_slash_in_templated_paths)",
    f"{_DOCS}/configuration#deny_slash_in_templated_paths",
    vault=((1, 19, 20), (1, 20, 14), (1, 21, 9), (2, 0, 4)),
)
RESPONSE_HEADERS = Fact(
    "takes custom_response_headers of a listener", f"{_DOCS}/configuration/listener/tcp", vault=((1, 9, 0),)
)

# What OpenBao does otherwise. Its own files are named as they are at v2.6.2.
ONE_LIST_OF_SUMS = Fact(
    "is released in archives named openbao, with one list of sums for all systems",
    "https://github.com/openbao/openbao/pull/3209",
    openbao=((2, 6, 0),),
)
LOCKS_MEMORY = Fact("knows disable_mlock", f"{_DOCS}/configuration", vault=ALWAYS)
LOGS_IN_BY_IAM = Fact("has the AWS login built in", "https://openbao.org/docs/auth/", vault=ALWAYS)
UNSEALS_BY_KMS = Fact(
    "unseals itself by AWS KMS", "https://github.com/openbao/openbao/issues/2494", vault=ALWAYS, openbao=((2, 5, 1),)
)
SEALS_BY_PLUGIN = Fact(
    "takes a seal as a plugin, before one that is built in",
    "https://openbao.org/docs/configuration/seal/",
    openbao=((2, 6, 0),),
)
SEALS_BY_PLUGIN_ALONE = Fact(
    "has no seal by AWS KMS built in", "https://github.com/openbao/openbao/pull/3337", openbao=((2, 7, 0),)
)

SEAL_ENDS_DIAGNOSE = Fact(
    "ends its own diagnose, in a panic, at the round trip to a KMS",
    "https://github.com/openbao/openbao/blob/v2.6.2/command/server.go",
    openbao=((2, 6, 0),),
)


def _reloads(name: str, since: Number) -> dict[str, Fact]:
    return {name: Fact(f"takes another value of {name} with a reload", f"{_CODE}/command/server.go", vault=(since,))}


def _openbao_reloads(name: str, since: Number) -> dict[str, Fact]:
    return {
        name: Fact(
            f"takes another value of {name} with a reload",
            "https://github.com/openbao/openbao/blob/v2.6.2/command/server.go",
            openbao=(since,),
        )
    }


# By stanza and name what a running server takes with SIGHUP. All else is read when the server starts.
RELOADED: t.Mapping[str, t.Mapping[str, Fact]] = {
    "server": {
        **_reloads("enable_post_unseal_trace", (1, 19, 0)),
        **_reloads("introspection_endpoint", (1, 13, 0)),
        **_reloads("log_requests_level", (1, 16, 0)),
        **_reloads("post_unseal_trace_directory", (1, 19, 0)),
        **_reloads("user_lockout", (1, 13, 0)),
        # Vault has these in a file of its own, or in its API.
        **_openbao_reloads("audit", (2, 4, 0)),
        **_openbao_reloads("log_level", (2, 4, 0)),
    },
    "listener": {**_reloads("custom_response_headers", (1, 9, 0))},
    "raft": {
        **_reloads("snapshot_interval", (1, 19, 0)),
        **_reloads("snapshot_threshold", (1, 19, 0)),
        **_reloads("trailing_logs", (1, 19, 0)),
    },
}


@dataclass(frozen=True)
class Product:
    flavour: Flavour
    version: Number
    edition: str = ""  # of Vault Enterprise, such as ent.hsm

    @classmethod
    def of(cls, version: str, flavour: Flavour = VAULT) -> Product:
        """NoVersionError where that is none."""
        return cls(flavour, versions.number(version), versions.edition(version))

    @property
    def name(self) -> str:
        """In words."""
        edition = f"+{self.edition}" if self.edition else ""
        return f"{NAMES[self.flavour]} {versions.text(self.version)}{edition}"

    def does(self, fact: Fact) -> bool:
        if self.flavour == OPENBAO:
            return versions.has(self.version, fact.openbao)
        broken = any(first <= self.version <= last for first, last in fact.broken)
        return versions.has(self.version, fact.vault) and not broken

    def reloads(self, stanza: str, name: str) -> bool:
        """Whether it takes another value of the setting while it runs."""
        fact = RELOADED.get(stanza, {}).get(name)
        return fact is not None and self.does(fact)

    @property
    def unknown(self) -> str | None:
        """What is to be said of a version that nobody has looked anything up for."""
        newest, date = NEWEST[self.flavour]
        if self.version <= newest:
            return None
        known = f"{NAMES[self.flavour]} {versions.text(newest)} of {date}"
        return (
            f"{self.name} is newer than any version that this release knows. What is known of {known} is assumed of it."
        )


def named(flavour: str | None) -> str:
    """The server in words, whatever its version. What an inventory has there may be no flavour; that is said elsewhere."""
    return NAMES[OPENBAO if flavour == OPENBAO else VAULT]


def notes(running: t.Iterable[str | None], flavour: Flavour = VAULT) -> list[str]:
    """What is to be said of these versions, each once."""
    servers = [told(version, flavour) for version in running]
    return list(dict.fromkeys(server.unknown for server in servers if server and server.unknown))


def told(version: str | None, flavour: Flavour = VAULT) -> Product | None:
    """None where a server does not tell its version, as one does whose listener has redact_version."""
    return Product.of(version, flavour) if version and versions.is_one(version) else None
