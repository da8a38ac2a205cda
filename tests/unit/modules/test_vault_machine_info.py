"""What a machine has of what a node needs: this machine, with a stand-in for firewalld's command."""

from __future__ import annotations

import shutil
import socket

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._node import firewall, interfaces, programs
from ansible_collections.vaultops.cluster.plugins.modules import vault_machine_info

# By the real one's manual: exit code 252 where it does not run, 2 where an interface has no zone.
FIREWALL_CMD = """#!/bin/sh
cd {folder}
case "$1" in
  --state) exit $(cat state) ;;
  --get-zone-of-interface=eth0) echo public ;;
  --get-zone-of-interface=*) echo 'no zone' >&2; exit 2 ;;
  --get-default-zone) echo public ;;
  --get-active-zones) cat active ;;
  --info-zone=*) cat zone-${{1#*=}} ;;
  --info-service=*) cat service-${{1#*=}} ;;
  --get-active-policies) cat policies || exit 2 ;;
  --info-policy=*) cat policy-${{1#*=}} ;;
  --direct) cat direct$2 ;;
  *) exit 1 ;;
esac
"""
# By 'ip -json addr' of iproute2.
IP = """#!/bin/sh
[ "$*" = "-json addr" ] || exit 1
cat <<'END'
[{"ifname": "lo", "addr_info": [{"family": "inet", "local": "127.0.0.1"}, {"family": "inet6", "local": "::1"}]},
 {"ifname": "docker0", "addr_info": [{"family": "inet", "local": "172.17.0.1"}]},
 {"ifname": "eth0", "addr_info": [{"family": "inet", "local": "10.0.1.10"}, {"local": "10.0.1.11"}, {"local": "fd00::a"}]},
 {"ifname": "eth1", "addr_info": []}]
END
"""
PUBLIC = """\
public (default, active)
  target: {target}
  icmp-block-inversion: no
  interfaces: eth0
  sources:{sources}
  services: ssh vault-api
  ports: {ports}
  protocols: {protocols}
  forward: yes
  source-ports: {senders}
  rich rules: {rules}
"""
# Every firewalld that has policies has this one.
IPV6 = """\
allow-host-ipv6 (active)
  target: CONTINUE
  ingress-zones: ANY
  egress-zones: HOST
  services:
  ports:
  rich rules:
\trule family="ipv6" icmp-type name="neighbour-advertisement" accept
\trule family="ipv6" icmp-type name="router-advertisement" accept
"""
OURS = "ours (active)\n  target: CONTINUE\n  ingress-zones: public\n  egress-zones: {to}\n  services: {services}\n"
INPUT, ROUTED = "ipv4 filter INPUT 0 -p tcp --dport 8200 -j ACCEPT", "ipv4 filter FORWARD 0 -j ACCEPT"
SSH = "ssh\n  ports: 22/tcp\n  protocols: \n  helpers: \n"
FROM = '\n\trule family="ipv4" source address="10.0.1.0/24" {what}'
RULE = '\n\trule family="ipv6" source address="fd00::/8" port port="{port}" protocol="tcp" {what}'
TRUSTED = "trusted (active)\n  target: ACCEPT\n  interfaces: docker0\n  sources:{sources}\n  ports: \n  rich rules: \n"


OFF = {
    "runs": False,
    "zones": [],
    "interfaces": [],
    "every_address": True,
    "family": "ipv4",
    "closed": [],
    "unsure": [],
    "because": [],
}
NAMES = {
    "vault-1.example": [(2, 1, 6, "", ("10.0.1.11", 0)), (10, 1, 6, "", ("fd00::a", 0, 0, 0))],
    "itself.example": [(2, 1, 6, "", ("127.0.1.1", 0))],  # as Debian's installer has it in /etc/hosts
}


@pytest.fixture
def firewalld(tmp_path, monkeypatch):
    folder = tmp_path / "firewalld"
    folder.mkdir()
    command = folder / "firewall-cmd"
    command.write_text(FIREWALL_CMD.format(folder=folder))
    command.chmod(0o755)
    (folder / "ip").write_text(IP)
    (folder / "ip").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")

    def answers(
        state=0, rules="", service="8300/tcp", trusted="", policy="", direct="", policies=True, includes="", **public
    ):
        (folder / "state").write_text(str(state))
        (folder / "active").write_text("public (default)\n  interfaces: eth0\ntrusted\n  interfaces: docker0\n")
        zone = {"target": "default", "ports": "", "protocols": "", "senders": "", **public}
        (folder / "zone-public").write_text(PUBLIC.format(rules=rules, sources="", **zone))
        (folder / "zone-trusted").write_text(TRUSTED.format(sources=trusted))
        (folder / "service-ssh").write_text(SSH)
        (folder / "service-vault-api").write_text(f"vault-api\n  ports: {service}\n  includes: {includes}\n")
        (folder / "service-vault").write_text("vault\n  ports: 8200-8201/tcp\n  includes: vault-api\n")
        if policies:
            (folder / "policies").write_text(f"allow-host-ipv6\n  ingress-zones: ANY\n{'ours' if policy else ''}\n")
        (folder / "policy-allow-host-ipv6").write_text(IPV6)
        (folder / "policy-ours").write_text(policy)
        (folder / "direct--get-all-rules").write_text("")
        (folder / "direct--get-all-passthroughs").write_text(direct)

    return answers


@pytest.fixture
def look(run_module):
    def ask(address="10.0.1.10", **options):
        said = run_module(vault_machine_info, address=address, **options)
        assert said["changed"] is False
        return said["machine"]

    return ask


@pytest.mark.parametrize(
    ("answers", "closed"),
    [
        ({}, [8200, 8201]),
        ({"ports": "8200/tcp"}, [8201]),
        ({"ports": "8000-8201/tcp 53/udp"}, []),
        ({"ports": "8200-8201/udp"}, [8200, 8201]),
        ({"service": "8200/tcp"}, [8201]),
        ({"rules": RULE.format(port=8201, what="accept")}, [8200]),
        ({"rules": RULE.format(port="8200-8201", what="accept") + RULE.format(port=22, what="accept")}, []),
        ({"rules": RULE.format(port=8201, what="reject")}, [8200, 8201]),
        ({"rules": FROM.format(what="accept")}, []),
        ({"rules": FROM.format(what='log prefix="we accept all" drop')}, [8200, 8201]),
        ({"rules": FROM.format(what='service name="vault" accept')}, []),
        ({"rules": FROM.format(what='service name="ssh" accept')}, [8200, 8201]),
        ({"rules": FROM.format(what='service name="vault" log prefix="v" limit value="1/m" drop')}, [8200, 8201]),
        ({"rules": FROM.format(what='protocol value="tcp" accept limit value="9/s"')}, []),
        ({"rules": FROM.format(what='protocol value="esp" accept')}, [8200, 8201]),
        ({"rules": FROM.format(what='source-port port="1024-65535" protocol="tcp" accept')}, []),
        ({"rules": FROM.format(what='icmp-type name="echo-request" accept')}, [8200, 8201]),
        ({"protocols": "gre tcp"}, []),
        ({"protocols": "gre"}, [8200, 8201]),
        ({"senders": "1024-65535/tcp"}, []),
        ({"senders": "53/udp"}, [8200, 8201]),
        ({"includes": "vault"}, []),
        ({"target": "ACCEPT"}, []),
        ({"direct": ROUTED}, [8200, 8201]),
        ({"policy": OURS.format(to="ANY", services="vault")}, [8200, 8201]),
        ({"policy": OURS.format(to="HOST", services="ssh")}, [8200, 8201]),
        ({"policies": False}, [8200, 8201]),
        # What docker's own interface lets in says nothing of the node's address; what some sources may does.
        ({"trusted": " 10.0.1.0/24"}, []),
        ({"state": 252}, []),
    ],
)
def test_which_ports_firewalld_keeps_closed(firewalld, look, answers, closed):
    firewalld(**answers)
    said = look(ports=[8200, 8201])["firewall"]
    runs = answers.get("state", 0) == 0
    there = {"zones": ["public"], "interfaces": ["eth0"]} if runs else {}
    assert said == {**OFF, "runs": runs, **there, "closed": closed}


@pytest.mark.parametrize(
    ("address", "interfaces", "zones", "family"),
    [
        ("10.0.1.10", ["eth0"], ["public"], "ipv4"),
        ("10.0.1.11", ["eth0"], ["public"], "ipv4"),  # a second address
        ("FD00:0:0::A", ["eth0"], ["public"], "ipv6"),
        ("[fd00::a]", ["eth0"], ["public"], "ipv6"),
        ("172.17.0.1", ["docker0"], ["public"], "ipv4"),  # firewalld knows no zone of it: the default one counts
        ("192.0.2.1", [], ["public", "trusted"], "ipv4"),
        ("127.0.0.1", [], ["public", "trusted"], "ipv4"),
        ("", [], ["public", "trusted"], "ipv4"),
    ],
)
def test_the_zone_is_that_of_the_interface_with_the_address_or_else_every_active_one(
    firewalld, look, address, interfaces, zones, family
):
    firewalld()
    said = look(address=address, ports=[8200])["firewall"]
    assert (said["interfaces"], said["zones"], said["family"]) == (interfaces, zones, family)
    # Only the trusted zone lets all in.
    assert said["closed"] == ([] if "trusted" in zones else [8200])


def test_a_name_is_resolved_on_the_node(firewalld, look, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda name, *_more, **_named: NAMES[name])
    firewalld()
    assert look(address="vault-1.example", ports=[8200])["firewall"]["zones"] == ["public"]
    assert look(address="itself.example", ports=[8200])["firewall"]["interfaces"] == []


def test_a_name_that_the_node_does_not_know_has_every_active_zone_asked(firewalld, look, monkeypatch):
    def unknown(*_options, **_named):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    firewalld()
    assert look(address="vault-9.example", ports=[8200])["firewall"]["zones"] == ["public", "trusted"]


@pytest.mark.parametrize("script", ["#!/bin/sh\nexit 255\n", "#!/bin/sh\necho '1: lo: <LOOPBACK>'\n"])
def test_without_an_ip_that_speaks_json_first_addresses_count_and_that_is_said(
    firewalld, look, tmp_path, monkeypatch, script
):
    firewalld()
    (tmp_path / "firewalld" / "ip").write_text(script)
    monkeypatch.setattr(interfaces, "first_ones", lambda: {"eth0": ["10.0.1.10"]})
    said = look(ports=[8200])["firewall"]
    assert (said["interfaces"], said["every_address"], said["closed"]) == (["eth0"], False, [8200])


def test_the_kernel_knows_first_addresses_by_itself():
    assert interfaces.first_ones()["lo"] == ["127.0.0.1"]


@pytest.mark.parametrize(
    ("answers", "because"),
    [
        ({"policy": OURS.format(to="HOST", services="vault")}, ["the policy ours"]),
        ({"direct": INPUT}, ["direct rules"]),
        ({"direct": INPUT, "policies": False}, ["direct rules"]),
    ],
)
def test_what_may_be_open_by_something_else_is_not_called_closed(firewalld, look, answers, because):
    firewalld(ports="8201/tcp", **answers)
    said = look(ports=[8200, 8201])["firewall"]
    assert (said["closed"], said["unsure"], said["because"]) == ([], [8200], because)


def test_a_firewalld_that_fails_is_not_one_that_is_off(firewalld, run_module):
    firewalld(state=251)
    said = run_module(vault_machine_info, ports=[8200])
    assert said["failed"]
    assert "firewalld does not answer" in said["msg"]


def test_where_there_is_none_nothing_is_closed(look, monkeypatch):
    monkeypatch.setattr(firewall, "PROGRAM", "no-such-firewall")
    assert look(ports=[8200])["firewall"] == OFF


def test_programs_that_are_missing_are_named_by_what_they_are_for(look, monkeypatch, tmp_path):
    for name in ("gpg", "openssl", "kill", "useradd", "systemctl"):
        (tmp_path / name).symlink_to(shutil.which(name) or "/bin/true")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(programs, "_SYSTEM", "")
    assert look()["missing"] == []  # of gpgv and gpg one is enough
    assert look(purposes=["vault", "audit", "backup"])["missing"] == ["logrotate", "python3", "tar", "find"]
    (tmp_path / "gpg").unlink()
    assert look()["missing"] == ["gpgv|gpg"]


@pytest.mark.parametrize(
    ("os_release", "expected"),
    [
        ('PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nID=debian\nVERSION_ID="13"', ("debian", True)),
        ('ID=ubuntu\nVERSION_ID="24.04"\nID_LIKE=debian', ("debian", True)),
        ('ID=ubuntu\nVERSION_ID="24.10"\nID_LIKE=debian', ("debian", False)),
        ('# the system\nID="amzn"\nVERSION_ID="2023"\nID_LIKE="fedora"', ("amazon", True)),
        ('ID="amzn"\nVERSION_ID="2"', ("amazon", False)),
        ("ID='rocky'\nVERSION_ID='9.6'\nID_LIKE='rhel centos fedora'", ("redhat", True)),
        ('ID="rhel"\nVERSION_ID="10.1"', ("redhat", True)),
        ("ID=fedora\nVERSION_ID=43", ("redhat", False)),
        ('ID=mint\nVERSION_ID="22"\nID_LIKE="ubuntu debian"', ("debian", False)),
        ("ID=slackware", ("", False)),
        ("", ("", False)),
    ],
)
def test_which_system_it_is(look, monkeypatch, tmp_path, os_release, expected):
    (tmp_path / "os-release").write_text(os_release)
    monkeypatch.setattr(programs, "_OS_RELEASE", (str(tmp_path / "os-release"),))
    found = look()
    assert (found["family"], found["known"]) == expected
