"""What the nodes' units say, against the oldest systemd of a node: one that does not know a directive only warns of it.

The versions are those of systemd's manual pages (systemd 257: "Added in version N"); 0 is what is older than what these record.
"""

from __future__ import annotations

import re
import typing as t

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._node import metadata_guard, systems, volume_plan
from kit.paths import ROOT

SINCE = {
    0: """
        CapabilityBoundingSet ExecReload ExecStart ExecStartPost ExecStartPre ExecStop
        ExecStopPost Group IOSchedulingClass IOSchedulingPriority LimitCORE LimitNOFILE Nice
        Options PrivateTmp RemainAfterExit Restart RestartSec Type UMask User What Where
    """,
    187: """
        KillSignal NoNewPrivileges SystemCallFilter
    """,
    188: """
        TimeoutStartSec TimeoutStopSec
    """,
    189: """
        SuccessExitStatus
    """,
    197: """
        OnCalendar
    """,
    201: """
        After Before Conflicts DefaultDependencies Description Documentation RequiresMountsFor
        WantedBy Wants
    """,
    209: """
        AccuracySec PrivateDevices SystemCallArchitectures SystemCallErrorNumber
    """,
    211: """
        RestrictAddressFamilies
    """,
    212: """
        Persistent
    """,
    214: """
        ProtectHome ProtectSystem
    """,
    218: """
        AssertPathIsMountPoint
    """,
    229: """
        AmbientCapabilities RandomizedDelaySec StartLimitIntervalSec
    """,
    231: """
        InaccessiblePaths MemoryDenyWriteExecute ReadWritePaths RestrictRealtime
    """,
    232: """
        MemorySwapMax ProtectControlGroups ProtectKernelModules ProtectKernelTunables RemoveIPC
    """,
    233: """
        RestrictNamespaces
    """,
    235: """
        LockPersonality
    """,
    239: """
        PrivateMounts
    """,
    240: """
        LogRateLimitIntervalSec
    """,
    242: """
        ProtectHostname RestrictSUIDSGID
    """,
    244: """
        ConditionFileIsExecutable ConditionFileNotEmpty ProtectKernelLogs
    """,
    245: """
        ProtectClock
    """,
    247: """
        ProtectProc
    """,
}
KNOWN = {name: version for version, names in SINCE.items() for name in names.split()}
# Values that are younger than their directive.
VALUES = {
    r"ProtectSystem=strict": 232,
    r"SystemCallFilter=.*@system-service": 239,
    r"SystemCallFilter=.*@(privileged|resources)": 231,
    r"Exec\w+=\+": 231,
    r"(InaccessiblePaths|ReadWritePaths)=(.* )?-": 231,
    r"ProtectProc=invisible": 247,
}
OLDEST = min(system.systemd for system in systems.SYSTEMS)
DIRECTIVE = re.compile(r"([A-Z][A-Za-z]+)=")


def units() -> dict[str, str]:
    """By name: templates with all their branches, and those that modules write."""
    found = {
        path.name: path.read_text()
        for pattern in ("*.service.j2", "*.timer.j2", "hardening.j2")
        for path in sorted(ROOT.glob(f"roles/*/templates/{pattern}"))
    }
    found["vaultops-metadata.service"] = metadata_guard.SERVICE
    found["vaultops-metadata.conf"] = metadata_guard.DROP_IN
    wanted: t.Any = {"purpose": "data", "id": "vol-0123456789abcdef0", "path": "/opt/vault/data"}
    (mount,) = volume_plan.entries(wanted, 1 << 30)
    found["opt-vault-data.mount"] = mount.content or ""
    return found


@pytest.mark.parametrize("name", units())
def test_every_directive_is_known_to_the_oldest_systemd_of_a_node(name):
    lines = [line for line in units()[name].splitlines() if not line.startswith("#")]
    used = {match.group(1) for line in lines if (match := DIRECTIVE.match(line))}
    assert used
    assert {
        directive: KNOWN.get(directive, "unknown") for directive in used if KNOWN.get(directive, 999) > OLDEST
    } == {}
    assert [line for line in lines for value, since in VALUES.items() if re.match(value, line) and since > OLDEST] == []


def test_the_table_has_nothing_that_no_unit_uses():
    text = "\n".join(units().values())
    assert [name for name in KNOWN if not re.search(rf"^{name}=", text, re.MULTILINE)] == []
    assert [value for value in VALUES if not re.search(rf"^{value}", text, re.MULTILINE)] == []
