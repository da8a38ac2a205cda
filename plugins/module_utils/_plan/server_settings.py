# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Settings of Vault's configuration beyond those that have inputs of their own: which there are, and how they are written. Pure.

The tables are those of the server's own structures (command/server and internalshared/configutil, 1.19 to 1.21) and of its
documentation, for 2.x of that alone. Vault warns of a setting that it does not know and goes on without it, so a misspelt one is
refused here.
"""

from __future__ import annotations

import difflib
import json
import re
import textwrap
import typing as t

from .._common import product, versions
from .._common.product import Fact, Flavour
from . import durations

_ANY_NAME = "*"
ENTERPRISE = "enterprise"
# What must not be less than what, with Vault's defaults. None of these names is in two stanzas.
_NOT_LESS = (
    ("max_lease_ttl", "768h", "default_lease_ttl", "768h"),
    ("autopilot_reconcile_interval", "10s", "autopilot_update_interval", "2s"),
)
LEAST_SNAPSHOT_SECONDS = 1
# What asks each node: runs, backups, the probe, and a load balancer's health checks.
_ASKED = "runs of this collection and a load balancer's health checks would be refused"


class Setting(t.NamedTuple):
    kind: str  # text, flag, number, duration, list (of texts), a mapping: block, labelled (of blocks), headers
    inside: t.Mapping[str, Setting] = {}  # of a block
    since: Fact | None = None  # where not every release knows it
    only: str = ""  # enterprise
    owner: str = ""  # the input that has it, where it is not to be set here; or why nobody sets it
    never: tuple[t.Any, str] = (None, "")  # a value that is not written, and why


class Stanza(t.NamedTuple):
    variable: str
    what: str
    settings: t.Mapping[str, Setting]


def _of(kind: str, *names: str, **more: t.Any) -> dict[str, Setting]:
    return dict.fromkeys(names, Setting(kind, **more))


def _owned(**owners: str) -> dict[str, Setting]:
    return {name: Setting("text", owner=owner) for name, owner in owners.items()}


_LOCKOUT = {
    **_of("number", "lockout_threshold"),
    **_of("duration", "lockout_duration", "lockout_counter_reset"),
    **_of("flag", "disable_lockout"),
}
_LICENSE = {
    **_of("flag", "development_cluster", "enabled"),
    **_of("text", "billing_start_timestamp"),
}
_REPORTING = {
    **_of("duration", "snapshot_retention_time"),
    **_of("flag", "disable_product_usage_reporting"),
    "license": Setting("block", _LICENSE),
}
SERVER = Stanza(
    "vault_server_settings",
    "the top level",
    {
        **_of(
            "flag",
            "allow_audit_log_prefixing",
            "disable_cache",
            "disable_printable_check",
            "enable_post_unseal_trace",
            "enable_response_header_hostname",
            "enable_response_header_raft_node_id",
            "imprecise_lease_role_tracking",
            "introspection_endpoint",
            "raw_storage_endpoint",
        ),
        **_of(
            "flag",
            "disable_indexing",
            "disable_performance_standby",
            "disable_sealwrap",
            "disable_sentinel_trace",
            only=ENTERPRISE,
        ),
        **_of(
            "duration",
            "default_lease_ttl",
            "default_max_request_duration",
            "max_lease_ttl",
            "remove_irrevocable_lease_after",
        ),
        **_of("flag", "deny_slash_in_templated_paths", since=product.SLASH_IN_TEMPLATES),
        **_of("number", "cache_size", "log_rotate_bytes", "log_rotate_max_files", "plugin_file_uid"),
        **_of(
            "text",
            "cluster_cipher_suites",
            "detect_deadlocks",
            "log_file",
            "log_requests_level",
            "log_rotate_duration",
            "plugin_directory",
            "plugin_file_permissions",
            "plugin_tmpdir",
            "post_unseal_trace_directory",
        ),
        **_of("text", "administrative_namespace_path", "license_path", "reporting_scan_directory", only=ENTERPRISE),
        **_of("list", "experiments"),
        "reporting": Setting("block", _REPORTING, only=ENTERPRISE),
        "user_lockout": Setting("labelled", _LOCKOUT),
        **_owned(
            api_addr="vault_address",
            cluster_addr="vault_address",
            cluster_name="vault_cluster_name",
            disable_clustering="vault_nodes",
            disable_mlock="vault_server_disable_mlock",
            enable_unauthenticated_access="vault_server_unauthenticated_access",
            entropy="a node's role may not ask KMS for random bytes",
            ha_storage="vault_raft_settings",
            listener="vault_listener_settings",
            log_format="Vault's log is read as JSON",
            log_level="vault_server_log_level",
            observations="what is asked of Vault is in the entries of its audit devices",
            pid_file="systemd knows the process of its unit",
            seal="vault_seal_settings",
            service_registration="clients find the nodes by their addresses, or by a load balancer",
            storage="vault_raft_settings",
            telemetry="vault_server_telemetry",
            ui="vault_server_ui",
        ),
    },
)
LISTENER = Stanza(
    "vault_listener_settings",
    "the listener",
    {
        **_of("number", "max_request_size", "x_forwarded_for_hop_skips"),
        **_of(
            "number",
            "max_json_array_element_count",
            "max_json_depth",
            "max_json_object_entry_count",
            "max_json_string_value_length",
            "max_json_token",
            since=product.JSON_LIMITS,
        ),
        **_of(
            "duration",
            "http_idle_timeout",
            "http_read_header_timeout",
            "http_read_timeout",
            "http_write_timeout",
            "max_request_duration",
        ),
        **_of(
            "flag",
            "disable_replication_status_endpoints",
            "redact_cluster_name",
            "require_request_header",
            "tls_disable_client_certs",
            "x_forwarded_for_reject_not_authorized",
        ),
        **_of("flag", "tls_require_and_verify_client_cert", "x_forwarded_for_reject_not_present", never=(True, _ASKED)),
        **_of("flag", "disable_request_limiter", only=ENTERPRISE),
        **_of("number", "max_token_header_size", only=ENTERPRISE, since=product.TOKEN_HEADER_LIMIT),
        **_of(
            "text",
            "tls_cipher_suites",
            "tls_client_ca_file",
            "tls_max_version",
            "x_forwarded_for_client_cert_header",
            "x_forwarded_for_client_cert_header_decoders",
        ),
        **_of("text", "proxy_protocol_behavior", never=("deny_unauthorized", _ASKED)),
        **_of("text", "chroot_namespace", only=ENTERPRISE),
        **_of("list", "cors_allowed_headers", "cors_allowed_origins"),
        **_of("list", "proxy_protocol_authorized_addrs", "x_forwarded_for_authorized_addrs"),
        **_of("flag", "cors_enabled"),
        "custom_response_headers": Setting("headers", since=product.RESPONSE_HEADERS),
        "profiling": Setting("block", _of("flag", "unauthenticated_pprof_access")),
        "inflight_requests_logging": Setting("block", _of("flag", "unauthenticated_in_flight_requests_access")),
        **_owned(
            address="vault_api_port",
            cluster_address="vault_cluster_port",
            telemetry="vault_server_unauthenticated_metrics",
            redact_addresses="nodes are asked without a login whether they hear a leader, before a quorum is recovered",
            redact_version="nodes are asked without a login for their version, before and after they are changed",
            tls_cert_file="vault_node_tls_dir",
            tls_disable="nodes speak TLS alone",
            tls_key_file="vault_node_tls_dir",
            tls_min_version="vault_tls_min_version",
        ),
    },
)
RAFT = Stanza(
    "vault_raft_settings",
    "the Raft storage",
    {
        **_of(
            "number",
            "max_entry_size",
            "snapshot_threshold",
            "trailing_logs",
        ),
        **_of(
            "duration",
            "autopilot_reconcile_interval",
            "autopilot_update_interval",
            "raft_log_verification_interval",
            "snapshot_interval",
        ),
        **_of("flag", "raft_log_verifier_enabled", "raft_wal"),
        **_of("number", "max_mount_and_namespace_table_entry_size", only=ENTERPRISE),
        **_of("text", "autopilot_redundancy_zone", "autopilot_upgrade_version", only=ENTERPRISE),
        **_owned(
            node_id="vault_node_id",
            path="vault_server_data_dir",
            performance_multiplier="vault_server_performance_multiplier",
            retry_join="vault_join",
            retry_join_as_non_voter="all nodes are voters",
        ),
    },
)
SEAL = Stanza(
    "vault_seal_settings",
    "the seal",
    {
        **_of("text", "role_arn", "role_session_name", "web_identity_token_file"),
        **_of("text", "name", "priority", only=ENTERPRISE),
        **_owned(
            access_key="a node has its credentials from its instance role",
            disabled="a seal is left by a migration, not by a setting",
            endpoint="vault_aws_endpoints",
            kms_key_id="vault_kms_key_alias",
            region="vault_aws_region",
            secret_key="a node has its credentials from its instance role",
            session_token="a node has its credentials from its instance role",
            shared_creds_filename="a node has its credentials from its instance role",
            shared_creds_profile="a node has its credentials from its instance role",
        ),
    },
)
STANZAS = {"server": SERVER, "listener": LISTENER, "raft": RAFT, "seal": SEAL}


def problems(settings: t.Any, stanza: str, version: str, flavour: Flavour = product.VAULT) -> list[str]:
    """Why the server *version* would not take *settings* as they are meant, one sentence each. No value is part of one."""
    about = STANZAS[stanza]
    if not isinstance(settings, t.Mapping):
        return [f"{about.variable} is no mapping. Give settings of {about.what} by their names."]
    named = [
        f"{about.variable}: {wrong}"
        for name, value in settings.items()
        for wrong in (
            _wrong(name, value, about, version, flavour) if isinstance(name, str) else [f"{name} is no name in quotes."]
        )
    ]
    return named or [f"{about.variable}: {wrong}" for wrong in _together(settings, product.named(flavour))]


def hcl(settings: t.Mapping[str, t.Any], stanza: str) -> str:
    """The lines of that stanza's part of the configuration, by name."""
    return "".join(_written(name, settings[name], STANZAS[stanza].settings[name]) for name in sorted(settings))


def _wrong(name: str, value: t.Any, about: Stanza, version: str, flavour: Flavour) -> list[str]:
    known = about.settings.get(name)
    if known is None:
        return [f"{name} is no setting of {about.what}.{_near(name, about.settings)}"]
    if known.owner:
        is_input = known.owner.startswith("vault_")
        return [f"{name} is that of {known.owner}. Set it there." if is_input else f"{name} is not set: {known.owner}."]
    if flavour == product.VAULT and (unknown := _unknown(name, known, version)):
        return [unknown]
    wrong = _bad(value, known)
    if wrong:
        return [f"{name} {wrong}"]
    if known.never[1] and value == known.never[0]:
        return [f"{name} is not set to {json.dumps(value)}: {known.never[1]}."]
    return []


def _unknown(name: str, known: Setting, version: str) -> str:
    """Why this Vault would not know a setting, or nothing. Which of them OpenBao knows is said in openbao.py."""
    if known.only == ENTERPRISE and versions.edition(version) == "":
        return f"{name} needs Vault Enterprise, and vault_version is {version}."
    server = product.told(version)
    if known.since and server and not server.does(known.since):
        return f"Vault knows {name} from {_firsts(known.since)} on, and vault_version is {version}."
    return ""


def _firsts(since: Fact) -> str:
    return ", ".join(map(versions.text, since.vault))


def _together(settings: t.Mapping[str, t.Any], server: str) -> list[str]:
    """Of times that the server compares as it starts, and ends where they don't fit. Of some of them diagnose says nothing."""

    def seconds(name: str, default: str) -> float:
        return durations.seconds(settings.get(name, default)) or 0

    said = [
        f"{more} is less than {less}, and {server} would not start. Where one is not set, {server} takes {usual} and "
        f"{usual_less}."
        for more, usual, less, usual_less in _NOT_LESS
        if {more, less} & set(settings) and seconds(more, usual) < seconds(less, usual_less)
    ]
    if "snapshot_interval" in settings and seconds("snapshot_interval", "") < LEAST_SNAPSHOT_SECONDS:
        said.append(
            f"snapshot_interval is less than a second. Raft takes no such interval, and {server} would not start again."
        )
    return said


def _near(name: str, known: t.Mapping[str, Setting]) -> str:
    near = difflib.get_close_matches(name, [one for one, setting in known.items() if not setting.owner], n=1)
    return f" The nearest one is {near[0]}." if near else ""


def _bad(value: t.Any, known: Setting) -> str:
    """What is wrong with a value, or nothing."""
    if known.kind in _CHECKS:
        right, shape = _CHECKS[known.kind]
        return "" if right(value) else f"is no {shape}."
    if not isinstance(value, t.Mapping):
        return "is no mapping."
    if known.kind == "headers":
        return _bad_headers(value)
    blocks = value.items() if known.kind == "labelled" else [("", value)]
    for label, block in blocks:
        where = f"{label}." if label else ""
        if not isinstance(block, t.Mapping):
            return f"has {label}, which is no mapping."
        for name, one in block.items():
            if name not in known.inside:
                return f"has no {where}{name}.{_near(name, known.inside)}"
            if wrong := _bad(one, known.inside[name]):
                return f"has {where}{name}, which {wrong}"
    return ""


def _bad_headers(value: t.Mapping[str, t.Any]) -> str:
    for status, headers in value.items():
        if not re.fullmatch(r"default|[1-5]xx|[1-5]\d\d", str(status)):
            return f"has {status}, which is no status: default, 2xx or 404, for example."
        if not isinstance(headers, t.Mapping) or not all(_is_texts(one) for one in headers.values()):
            return f"has {status}, which is no mapping of headers to lists of texts."
        if any(str(name).lower().startswith("x-vault-") for name in headers):
            return f"has {status} with a header that begins with X-Vault-. Vault keeps those to itself, and would not send it."
    return ""


def _is_texts(value: t.Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(one, str) for one in value)


def _is_number(value: t.Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_duration(value: t.Any) -> bool:
    return (
        not isinstance(value, float) and (durations.seconds(value) or 0) >= 0 and durations.seconds(value) is not None
    )


_CHECKS: dict[str, tuple[t.Callable[[t.Any], bool], str]] = {
    "text": (
        lambda value: isinstance(value, str) and "${" not in value,
        "text without ${, which Vault would take for its own",
    ),
    "flag": (lambda value: isinstance(value, bool), "true or false"),
    "number": (_is_number, "whole number from 0 on"),
    "duration": (_is_duration, "duration, such as 768h or 90s, nor a number of seconds"),
    "list": (_is_texts, "list of texts"),
}


def _written(name: str, value: t.Any, known: Setting) -> str:
    if known.kind in _CHECKS:
        return f"{name} = {json.dumps(value)}\n"
    if known.kind == "headers":
        statuses = "".join(
            f"  {json.dumps(str(status))} = {{\n"
            + "".join(
                f"    {json.dumps(header)} = {json.dumps(value[status][header])}\n" for header in sorted(value[status])
            )
            + "  }\n"
            for status in sorted(value, key=str)
        )
        return f"{name} {{\n{statuses}}}\n"
    if known.kind == "labelled":
        return "".join(_block(f"{name} {json.dumps(label)}", value[label], known) for label in sorted(value))
    return _block(name, value, known)


def _block(head: str, value: t.Mapping[str, t.Any], known: Setting) -> str:
    lines = "".join(_written(name, value[name], known.inside[name]) for name in sorted(value))
    return f"{head} {{\n{textwrap.indent(lines, '  ')}}}\n"
