"""What a run says of a new machine."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._node import systems
from ansible_collections.vaultops.cluster.plugins.module_utils._plan import machines

READY = {
    "name": "Debian GNU/Linux 13 (trixie)",
    "family": "debian",
    "known": True,
    "python": "3.13",
    "systemd": 257,
    "selinux": "disabled",
    "missing": [],
    "firewall": {"runs": False, "zone": "", "closed": [], "unsure": [], "because": []},
}


def machine(**different):
    return {**READY, **different}


def test_of_a_machine_that_is_ready_there_is_nothing_to_say():
    assert machines.problems(READY, "vault-1") == []
    assert machines.said(READY, "vault-1") == []


@pytest.mark.parametrize(
    ("family", "command"),
    [
        ("debian", "As root: apt-get install --yes gpgv logrotate procps"),
        ("redhat", "As root: dnf install --assumeyes gnupg2 logrotate util-linux"),
        ("amazon", "As root: dnf install --assumeyes --allowerasing gnupg2-full logrotate util-linux"),
        ("", "Install gpgv or gpg, kill, logrotate."),
    ],
)
def test_what_is_missing_is_named_with_the_command_of_its_system(family, command):
    (said,) = machines.problems(machine(missing=["gpgv|gpg", "kill", "logrotate"], family=family), "vault-2")
    assert said.startswith("vault-2 lacks gpgv or gpg, kill, logrotate. ")
    assert command in said


def test_every_program_has_a_package_on_every_family():
    for programs in systems.PROGRAMS.values():
        for family in {system.family for system in systems.SYSTEMS}:
            assert systems.cure(programs, family).startswith("As root: ")


def test_closed_ports_are_named_with_the_command_that_opens_them():
    closed = {"runs": True, "zone": "public", "closed": [8200, 8201], "unsure": [], "because": []}
    (said,) = machines.problems(machine(firewall=closed), "vault-3")
    assert "vault-3" in said
    assert (
        "firewall-cmd --permanent --zone=public --add-port=8200/tcp --add-port=8201/tcp && firewall-cmd --reload"
        in said
    )


def test_ports_that_something_else_may_open_are_said_and_no_problem():
    seen = {"runs": True, "zone": "public", "closed": [], "unsure": [8200, 8201], "because": ["the policy ours"]}
    unsure = machine(firewall=seen)
    assert machines.problems(unsure, "vault-3") == []
    (said,) = machines.said(unsure, "vault-3")
    assert "vault-3" in said and "TCP 8200 and 8201" in said and "the policy ours" in said


def test_a_system_that_nobody_tried_and_selinux_are_said():
    unknown, selinux = machines.said(machine(known=False, name="Fedora Linux 43", selinux="enforcing"), "vault-1")
    assert "Fedora Linux 43 with systemd 257 and Python 3.13" in unknown
    assert "SELinux is enforcing on vault-1" in selinux


def test_no_two_systems_are_one():
    named = [(one, system.version) for system in systems.SYSTEMS for one in system.ids]
    assert len(named) == len(set(named))
