# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an inventory may ask of OpenBao, and what it may not: each refusal has its reason and its cure. Pure.

Names of settings were compared with OpenBao's own structures at v2.5.5 and v2.6.2 (command/server/config.go, configutil, and
physical/raft/raft.go).
"""

from __future__ import annotations

import re
import typing as t

from .._common import product, versions
from .._common.product import Product
from . import server_settings

# Older ones make a root token out of recovery keys for who has no token, on every listener, or have a standby that can't pass
# that on (openbao/http/handler.go and vault/cluster.go).
OLDEST = (2, 5, 4)
PAGE = "docs/openbao.md"
# Of the settings that server_settings.py has, those that OpenBao knows in the same form. What comes to be known of Vault is
# refused with OpenBao until somebody has looked.
KNOWS: t.Mapping[str, tuple[str, ...]] = {
    "server": (
        "allow_audit_log_prefixing",
        "cache_size",
        "cluster_cipher_suites",
        "default_lease_ttl",
        "default_max_request_duration",
        "detect_deadlocks",
        "disable_cache",
        "disable_printable_check",
        "enable_response_header_hostname",
        "enable_response_header_raft_node_id",
        "imprecise_lease_role_tracking",
        "introspection_endpoint",
        "log_file",
        "log_requests_level",
        "log_rotate_bytes",
        "log_rotate_duration",
        "log_rotate_max_files",
        "max_lease_ttl",
        "plugin_file_permissions",
        "plugin_file_uid",
        "raw_storage_endpoint",
        "user_lockout",
    ),
    "listener": (
        "cors_allowed_headers",
        "cors_allowed_origins",
        "cors_enabled",
        "custom_response_headers",
        "http_idle_timeout",
        "http_read_header_timeout",
        "http_read_timeout",
        "http_write_timeout",
        "inflight_requests_logging",
        "max_request_duration",
        "max_request_size",
        "profiling",
        "proxy_protocol_authorized_addrs",
        "proxy_protocol_behavior",
        "require_request_header",
        "tls_cipher_suites",
        "tls_client_ca_file",
        "tls_disable_client_certs",
        "tls_max_version",
        "tls_require_and_verify_client_cert",
        "x_forwarded_for_authorized_addrs",
        "x_forwarded_for_hop_skips",
        "x_forwarded_for_reject_not_authorized",
        "x_forwarded_for_reject_not_present",
    ),
    "raft": (
        "autopilot_reconcile_interval",
        "autopilot_update_interval",
        "max_entry_size",
        "snapshot_interval",
        "snapshot_threshold",
        "trailing_logs",
    ),
    "seal": (),
}
# Settings that an input of its own has, or that a run writes itself.
_OWNED = {"plugin_directory": "vault_kms_plugin"}
_PLUGIN = {
    "version": (re.compile(r"v\d+\.\d+\.\d+"), "the plugin's version, such as v0.1.0"),
    "url": (re.compile(r"(https|http|file)://\S+"), "the URL of the plugin's archive, or of its binary"),
    "sha256": (re.compile(r"[0-9a-f]{64}"), "the SHA-256 of the plugin's binary, of 64 lower-case digits"),
}


def problems(inputs: t.Mapping[str, t.Any]) -> list[str]:
    """*inputs* are those that inputs.problems() takes, of a cluster whose flavour is openbao."""
    version = str(inputs.get("version") or "")
    if not versions.is_release(version):
        return []  # said already
    server = Product.of(version, product.OPENBAO)
    return [
        *_version_problems(server),
        *_plugin_problems(server, inputs.get("kms_plugin") or {}),
        *_login_problems(server, inputs),
        *_server_problems(server, inputs),
    ]


def _version_problems(server: Product) -> list[str]:
    if server.version[:2] == OLDEST[:2] and not server.does(product.UNSEALS_BY_KMS):
        return [
            f"{server.name} can't unseal itself by AWS KMS ({product.UNSEALS_BY_KMS.source}). Use 2.5.4 or a later one."
        ]
    if server.version < OLDEST:
        oldest = versions.text(OLDEST)
        return [
            f"vault_version is {versions.text(server.version)}, and of OpenBao this collection runs {oldest} and later ones. "
            f"Bring an older cluster there by hand first ({PAGE})."
        ]
    return []


def _plugin_problems(server: Product, plugin: t.Any) -> list[str]:
    if not plugin:
        if server.does(product.SEALS_BY_PLUGIN_ALONE):
            return [
                f"{server.name} has the seal by AWS KMS as a plugin alone, and vault_kms_plugin names none: it could not unseal "
                f"itself. Give the plugin's version, URL and SHA-256 ({PAGE})."
            ]
        return []
    if not server.does(product.SEALS_BY_PLUGIN):
        return [
            f"vault_kms_plugin is set, and {server.name} takes no seal as a plugin. Leave it out, or upgrade to 2.6."
        ]
    if not isinstance(plugin, t.Mapping):
        return ["vault_kms_plugin is no mapping. Give the plugin's version, url and sha256."]
    found = [
        f"vault_kms_plugin has {name}, which nobody reads. Leave it out." for name in sorted(set(plugin) - set(_PLUGIN))
    ]
    return found + [
        f"vault_kms_plugin.{name} has to be {shape}."
        for name, (right, shape) in _PLUGIN.items()
        if not right.fullmatch(str(plugin.get(name) or ""))
    ]


def _login_problems(server: Product, inputs: t.Mapping[str, t.Any]) -> list[str]:
    if server.does(product.LOGS_IN_BY_IAM):
        return []
    found = []
    if inputs.get("login_method") == "aws":
        found.append(
            "vault_login_method is aws, and OpenBao has no AWS login built in. Set it to cert: certificates of the cluster's CA "
            "are made for whoever administers, operates and looks (docs/identities.md)."
        )
    named = [name for name, principals in (inputs.get("principals") or {}).items() if principals]
    if named:
        verb = "name" if len(named) > 1 else "names"
        found.append(
            f"{', '.join(named)} {verb} principals of IAM, and OpenBao has no AWS login built in. Leave them empty, and let "
            "people log in with certificates."
        )
    return found


def _server_problems(server: Product, inputs: t.Mapping[str, t.Any]) -> list[str]:
    found = []
    for stanza, settings in (inputs.get("settings") or {}).items():
        given = settings if isinstance(settings, t.Mapping) else {}
        found += [
            f"vault_{stanza}_settings: OpenBao knows no {name} as Vault has it. Leave it out."
            for name in given
            if name in server_settings.STANZAS[stanza].settings
            and not server_settings.STANZAS[stanza].settings[name].owner
            and name not in (*KNOWS[stanza], *_OWNED)
        ]
        found += [
            f"vault_{stanza}_settings: {name} is that of {_OWNED[name]}. Set it there."
            for name in given
            if name in _OWNED
        ]
    if inputs.get("locks_memory") and not server.does(product.LOCKS_MEMORY):
        found.append(
            "vault_server_disable_mlock is false, and OpenBao locks no memory. Leave it out: swap is off for its unit."
        )
    if inputs.get("unauthenticated_access") and not server.does(product.UNAUTHENTICATED_ACCESS):
        found.append(
            "vault_server_unauthenticated_access is a setting of Vault's. OpenBao's listener has others, which stay shut."
        )
    return found


def upgrade_problems(
    target: Product, installed: t.Mapping[str, t.Mapping[str, t.Any]], plugin: t.Mapping[str, str]
) -> list[str]:
    """Why a node would not unseal itself with *target*. *installed*: vault_node_info's, by node; *plugin*: vault_kms_plugin.

    The plugin replaces a seal that is built in, so it is proven by the release that runs, before the seal is gone. A process that
    is older than its files has not started the plugin: what lies on the disk proves nothing until it has been restarted. Where
    *target* is switched on already, the plan that did so has seen that, and the process is older by that switch.
    """
    if not target.does(product.SEALS_BY_PLUGIN_ALONE):
        return []
    if not plugin:
        return _plugin_problems(target, plugin)
    without = [
        name
        for name, node in installed.items()
        if node.get("plugin_sum") != plugin["sha256"] or node["configured"].get("sha256sum") != plugin["sha256"]
    ]
    old = [
        name
        for name, node in installed.items()
        if node["restart_reasons"] and name not in without and node.get("current") != versions.text(target.version)
    ]
    stale = [
        f"{name}: nobody knows that the process uses the plugin, since it is older than what it should run "
        f"({'; '.join(installed[name]['restart_reasons'])}). Run playbooks/site.yml first, with vault_kms_plugin and the version "
        f"that runs: it restarts the nodes, one by one, and each unseals itself by the plugin ({PAGE})."
        for name in old
    ]
    if not without:
        return stale
    return [
        *stale,
        f"{', '.join(without)}: {target.name} unseals itself by the plugin {plugin['version']} alone, and it is not "
        "installed there and named by the configuration yet. Run playbooks/site.yml first, with vault_kms_plugin and the version "
        f"that runs: the nodes then use the plugin, one by one, before the seal that is built in is gone ({PAGE}).",
    ]
