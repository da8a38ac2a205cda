"""What a run says of a new machine."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.filter import server as filters
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
    "firewall": {},
}
QUIET = {"runs": True, "zones": ["public"], "interfaces": ["eth0"], "every_address": True, "family": "ipv4"}
QUIET |= {"closed": [], "unsure": [], "because": []}
READY["firewall"] = QUIET


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


def closed(**different):
    (said,) = machines.problems(machine(firewall={**QUIET, "closed": [8200, 8201], **different}), "vault-3")
    assert "vault-3" in said
    return said


def test_closed_ports_are_named_with_the_command_that_opens_them_to_some():
    rich = [
        f'--add-rich-rule=\'rule family="ipv4" source address="SUBNET" port port="{port}" protocol="tcp" accept\''
        for port in (8200, 8201)
    ]
    said = closed()
    assert "its zone public keeps TCP 8200 and 8201 closed" in said
    assert f"firewall-cmd --permanent --zone=public {' '.join(rich)} && firewall-cmd --reload" in said
    assert "--add-port" not in said, "everybody reaches the public zone"
    assert 'family="ipv6"' in closed(family="ipv6")


def test_the_zone_that_was_judged_is_opened_and_to_all_who_reach_it_at_last():
    said = closed(zones=["internal"])
    assert said.index("--zone=internal --add-rich-rule") < said.index("--zone=internal --add-port=8200/tcp")
    assert "public" not in said


def test_where_no_interface_has_the_address_the_zones_that_were_asked_are_named():
    said = closed(zones=["public", "internal"], interfaces=[])
    assert "no interface has the node's address" in said
    assert "active zones public and internal" in said


def test_a_look_by_first_addresses_alone_is_said():
    (said,) = machines.said(machine(firewall={**QUIET, "every_address": False}), "vault-2")
    assert said.startswith("vault-2 has no ip of iproute2")


def test_ports_that_something_else_may_open_are_said_and_no_problem():
    seen = {**QUIET, "unsure": [8200, 8201], "because": ["the policy ours"]}
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


def test_of_machines_that_nobody_looked_at_nothing_is_said():
    hostvars = {
        "vault-1": {},
        "vault-2": {"__vault_server_machine": {"skipped": True}},
        "vault-4": {"__vault_server_machine": {"machine": machine(selinux="enforcing")}},
    }
    (said,) = filters.machines_said(list(hostvars), hostvars)
    assert said.startswith("SELinux is enforcing on vault-4")
