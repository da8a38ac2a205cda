# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What changes between versions of Vault, and where the change is documented. Pure data: docs/crossings.md is made of it."""

from __future__ import annotations

import typing as t

from .._common import product
from .._common.product import Flavour
from .._common.versions import Firsts, Number, crosses

CHANGES = "https://developer.hashicorp.com/vault/docs/updates/important-changes"
DEPRECATIONS = "https://developer.hashicorp.com/vault/docs/updates/deprecation"
RELEASES = "https://github.com/hashicorp/vault/releases/tag"

# The newest version whose changes are in the table.
NEWEST: Number = product.NEWEST[product.VAULT].version
SWITCH = "VAULT_ALLOW_PENDING_REMOVAL_DUPLICATE_HCL_ATTRIBUTES"
SWITCH_IGNORED: Firsts = ((2, 1, 0),)

# What is read where a change is crossed: of the cluster by who runs this, or on each node.
POLICIES, AUDIT, MOUNTS, NODES = "policies", "audit", "mounts", "nodes"


class Crossing(t.NamedTuple):
    """What changes for a cluster that goes from a version without it to one that has it."""

    since: Firsts  # the first version of each line that has it; the last one stands for all later lines
    text: str
    source: str
    reads: tuple[str, ...] = ()  # what tells whether it matters here; nothing, and it is noted for people to judge
    name: str = ""  # by which judge.py finds it
    refused: bool = False


CROSSINGS = (
    Crossing(
        ((1, 11, 0),),
        "Below 1.11 autopilot does not tell which version a node runs, so no gate could judge it. Go to 1.11 by hand first",
        "https://developer.hashicorp.com/vault/docs/v1.11.x/upgrading",
        refused=True,
    ),
    Crossing(
        ((1, 12, 0),),
        "mounts of builtin plugins that were removed keep Vault from starting",
        "https://github.com/hashicorp/vault/pull/18176",
        reads=(MOUNTS,),
        name="mounts",
    ),
    Crossing(
        ((1, 16, 21), (1, 17, 18), (1, 18, 11), (1, 19, 6), (1, 20, 0)),
        "who cancels a rekey within 10 minutes needs the nonce of its begin",
        CHANGES,
    ),
    Crossing(
        ((1, 16, 23), (1, 17, 19), (1, 18, 12), (1, 19, 7), (1, 20, 1)),
        "a file audit device with an executable mode is not set up, and where it is the only one, no node serves; one with a "
        "prefix is enabled anew only where the configuration says allow_audit_log_prefixing (CVE-2025-6000)",
        f"{CHANGES}#cve-2025-6000",
        reads=(AUDIT,),
        name="audit",
    ),
    Crossing(
        ((1, 19, 16), (1, 20, 10), (1, 21, 5), (2, 0, 0)),
        "requests whose path has //, /./ or /../ are rejected; from 2.0.3 on, redirected",
        f"{CHANGES}#cleaned-paths",
    ),
    Crossing(
        ((1, 19, 17), (1, 20, 11), (1, 21, 6), (2, 0, 1)),
        "a templated path is denied where the value that comes into it holds + or *",
        f"{CHANGES}#policy-template-wildcards",
        reads=(POLICIES,),
        name="templates",
    ),
    Crossing(
        ((1, 19, 18), (1, 20, 12), (1, 21, 7), (2, 0, 2)),
        "RSA keys of more than 8192 bits are refused (CVE-2026-39829)",
        f"{CHANGES}#cve-2026-39829",
    ),
    Crossing(
        ((1, 19, 19), (1, 20, 13), (1, 21, 8), (2, 0, 3)),
        "LIST requests with a slash at the end heed the more specific deny rule (CVE-2026-12624)",
        "https://www.cve.org/CVERecord?id=CVE-2026-12624",
    ),
    Crossing(((1, 20, 0),), "disable_mlock must be set with Raft; vault_server sets it", CHANGES),
    Crossing(
        ((1, 21, 0),),
        "a policy or configuration that sets a name twice is refused, and so is every token that has the policy",
        f"{DEPRECATIONS}#duplicate-hcl-attributes",
        reads=(POLICIES, NODES),
        name="duplicates",
    ),
    Crossing(
        ((1, 21, 0),),
        "allowed_parameters and denied_parameters compare lists item by item",
        f"{CHANGES}#allowed-parameters-list",
        reads=(POLICIES,),
        name="parameters",
    ),
    Crossing(((1, 21, 0),), "roles of Kubernetes logins need an audience", f"{CHANGES}#k8-audience-required"),
    Crossing(
        product.UNAUTHENTICATED_ACCESS.vault,
        "generate-root and rekey want a token besides the recovery keys",
        product.UNAUTHENTICATED_ACCESS.source,
    ),
    Crossing(
        ((2, 0, 0),),
        "the Active Directory secrets engine is gone (2.x lists it as removed, without saying since which release)",
        DEPRECATIONS,
        reads=(MOUNTS,),
        name="mounts",
    ),
    Crossing(
        ((2, 0, 0),), "auth/azure/config counts more than AZURE_* in the environment", f"{CHANGES}#azure-precedence"
    ),
    Crossing(
        SWITCH_IGNORED,
        f"{SWITCH} is ignored: nothing allows a name that is set twice any more",
        f"{CHANGES}#duplicate-hcl-attributes",
        reads=(POLICIES, NODES),
        name="duplicates",
    ),
    Crossing(
        ((2, 2, 0),),
        "AWS auth and the AWS secrets engine prefer configured workload identity to AWS variables in the environment",
        f"{CHANGES}#aws-credential-precedence",
    ),
    Crossing(
        ((2, 2, 2),),
        "deny rules match a path whatever its capital letters: requests that got past a rule by them are denied",
        f"{RELEASES}/v2.2.2",
    ),
)

_BAO = "https://github.com/openbao/openbao"
OPENBAO_CROSSINGS = (
    Crossing(
        ((2, 5, 3),),
        "a root token is generated without a token no more (disable_unauthed_generate_root_endpoints)",
        f"{_BAO}/releases/tag/v2.5.3",
    ),
    Crossing(
        ((2, 6, 0),),
        "A standby of 2.6 can't forward requests to an active node of 2.5, and its heartbeat does not arrive either, so that "
        "autopilot never calls it healthy: nodes can't be upgraded one by one. docs/openbao.md has the steps by which all "
        "of them are stopped, and started with the new release",
        f"{_BAO}/issues/3899",
        refused=True,
    ),
    Crossing(
        ((2, 6, 0),),
        "a templated path is denied where the value that comes into it holds +, * or /",
        f"{_BAO}/pull/3401",
    ),
    Crossing(((2, 6, 0),), "LIST requests heed the more specific deny rule (GHSA-xp3c-3jw3-4vcr)", f"{_BAO}/pull/3389"),
    Crossing(
        ((2, 7, 0),),
        "LDAP, Kerberos and RADIUS logins and the LDAP secrets engine are no longer built in: where one is mounted, install its "
        "plugin first",
        f"{_BAO}/pull/3371",
    ),
    Crossing(
        ((2, 7, 0),),
        "the seal by AWS KMS is a plugin alone, which every node of this cluster has and uses already",
        f"{_BAO}/pull/2586",
    ),
)


class Removed(t.NamedTuple):
    """A plugin that was built in, and from which version on Vault does without it."""

    kind: str  # auth, secret
    name: str
    since: Number
    source: str


_STANDALONE = "`helper/builtinplugins/registry_full.go` of 1.21.1; pending removal from 1.12 on (hashicorp/vault#18176)"
REMOVED = (
    Removed("auth", "app-id", (1, 12, 0), _STANDALONE),
    *(
        Removed("secret", name, (1, 12, 0), _STANDALONE)
        for name in ("cassandra", "mongodb", "mssql", "mysql", "postgresql")
    ),
    Removed("secret", "ad", (2, 0, 0), f"{DEPRECATIONS}, section Removed"),
)


def crossed(before: Number, after: Number, flavour: Flavour = product.VAULT) -> list[Crossing]:
    table = OPENBAO_CROSSINGS if flavour == product.OPENBAO else CROSSINGS
    return [one for one in table if crosses(before, after, one.since)]


def reads(before: Number, after: Number, flavour: Flavour = product.VAULT) -> list[str]:
    """What of the cluster has to be read before it goes from one to the other, in the order of the table."""
    return list(dict.fromkeys(read for one in crossed(before, after, flavour) for read in one.reads))
