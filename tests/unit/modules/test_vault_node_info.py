"""What of Vault is on a node: this machine, with a process, a listener and files of the test, and a stand-in for systemctl."""

from __future__ import annotations

import datetime
import getpass
import grp
import hashlib
import json
import os
import pwd
import shutil
import ssl
import subprocess
import sys
import time

import pytest
import yaml
from ansible_collections.vaultops.cluster.plugins.module_utils._node import installed, metadata_service
from ansible_collections.vaultops.cluster.plugins.modules import vault_node_info

VERSION, OTHER = "1.21.1", "1.21.0"
OURS = "# Made by vaultops.cluster. Changes made here are overwritten.\n"
# Units first: the one of systemctl's answers that is about several.
SYSTEMCTL = """cd {folder}
[ ! -e broken ] || {{ echo 'Failed to connect to bus' >&2; exit 1; }}
case "$1:$*" in
  show:*UnitFileState*) cat units ;;
  show:*) cat service ;;
  *) exit 1 ;;
esac"""
NFT = '[ "$1" = --check ]'


def as_systemd(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%a %Y-%m-%d %H:%M:%S.%f UTC")


class Node:
    """A node's places in a folder, and what systemd says of it."""

    def __init__(self, folder):
        self.folder, self.home = folder, folder / "opt"
        self.releases, self.link = self.home / "releases", folder / "bin" / "vault"
        self.config, self.data, self.ca = folder / "etc" / "vault.hcl", folder / "data", folder / "etc" / "ca.crt"
        self.reload = folder / "etc" / "reload.hcl"
        self.listener = "127.0.0.1:1"
        (folder / "etc").mkdir()
        (folder / "units").write_text("")
        self.unit()

    def unit(self, **properties):
        found = {"LoadState": "not-found", "ActiveState": "inactive", "SubState": "dead", "MainPID": 0, **properties}
        (self.folder / "service").write_text("".join(f"{name}={value}\n" for name, value in found.items()))

    def lay_down(self, version):
        binary = self.releases / version / "vault"
        binary.parent.mkdir(parents=True)
        shutil.copy("/bin/cat", binary)
        installed.keep(str(binary), version, "an archive's", hashlib.sha256(binary.read_bytes()).hexdigest())
        return binary

    def switch_on(self, version):
        self.link.unlink(missing_ok=True)
        self.link.symlink_to(self.releases / version / "vault")

    def set_up(self, pid, started=None):
        """The service runs as this process, with a configuration and data."""
        self.config.write_text(
            f'{OURS}cluster_name = "prod"\nstorage "raft" {{\n  path = "{self.data}"\n  node_id = "vault-1"\n}}\n'
            'seal "awskms" {\n  kms_key_id = "alias/vault-unseal"\n  region = "eu-central-1"\n}\n'
        )
        self.reload.write_text(OURS)
        command = f"{{ path={self.link} ; argv[]={self.link} server -config={self.config} ; ignore_errors=no }}"
        begun = as_systemd(started or time.time() + 60)
        state = {"LoadState": "loaded", "ActiveState": "active", "SubState": "running", "NRestarts": 2}
        self.unit(**state, MainPID=pid, ExecMainStartTimestamp=begun, ExecStart=command)


@pytest.fixture
def node(tmp_path, node_with):
    node_with(systemctl=SYSTEMCTL.format(folder=tmp_path), nft=NFT)
    return Node(tmp_path)


@pytest.fixture
def server(node):
    """A process of the release that is switched on, which any machine takes for a Vault server."""
    binary = node.lay_down(VERSION)
    node.switch_on(VERSION)
    running = subprocess.Popen(["vault", "-", "server"], executable=binary, stdin=subprocess.PIPE)
    yield running.pid
    running.stdin.close()
    running.wait(5)


@pytest.fixture
def look(node, run_module):
    def run(check=False, **more):
        places = {name: str(getattr(node, name)) for name in ("releases", "link", "data", "ca", "home")}
        files = {"restart_files": [str(node.config)], "reload_files": [str(node.reload)]}
        return run_module(vault_node_info, check, **{**places, **files, "listener": node.listener, **more})

    return run


def documented():
    return set(yaml.safe_load(vault_node_info.RETURN))


@pytest.mark.parametrize("check", [False, True])
def test_a_machine_without_a_vault(node, look, check):
    said = look(check, asked_at=7.5)
    assert said["changed"] is False
    assert documented() <= set(said)
    assert set(said) - documented() <= {"changed", "invocation"}
    nothing = {
        "releases": [],
        "current": None,
        "running": None,
        "restart_reasons": [],
        "reload_reasons": [],
        "restart_parts": {},
        "has_data": False,
    }
    nothing |= {
        "listens": False,
        "trusted": [],
        "served": None,
        "release_proven": False,
        "paths": {},
        "users": {},
        "units": {},
        "volumes": {"problems": [], "todo": []},
    }
    assert {name: said[name] for name in nothing} == nothing
    assert (said["machine"], said["asked_at"], said["metadata"]) == (os.uname().machine, 7.5, None)
    assert abs(said["time"] - time.time()) < 60
    assert said["python"].startswith("3.")
    assert said["service"] == {
        "exists": False,
        "active_state": "inactive",
        "sub_state": "dead",
        "main_pid": None,
        "restarts": 0,
        "started": None,
        "reloaded": None,
        "exec_start": "",
    }


def test_a_node_that_runs_what_lies_on_its_disk(node, look, server):
    node.set_up(server)
    said = look()
    assert (said["releases"], said["current"], said["running"]) == ([VERSION], VERSION, VERSION)
    assert (said["restart_reasons"], said["reload_reasons"]) == ([], [])
    unit = said["service"]
    assert (unit["exists"], unit["active_state"], unit["sub_state"], unit["main_pid"], unit["restarts"]) == (
        True,
        "active",
        "running",
        server,
        2,
    )
    assert server in said["processes"]
    assert said["configured"] == {
        "paths": [str(node.config)],
        "ours": True,
        "cluster_name": "prod",
        "node_id": "vault-1",
        "kms_key_id": "alias/vault-unseal",
        "region": "eu-central-1",
        "sha256sum": None,
        "api_port": None,
        "cluster_port": None,
        "data": [str(node.data)],
    }


def test_a_server_that_is_not_the_units_is_outside(node, look, server):
    """This test's process is none of vault.service; the machine may have others."""
    node.set_up(server)
    assert server in look()["outside"]
    assert server in look(service="vault-old")["outside"]


def test_what_a_process_has_not_read_is_a_reason(node, look, server):
    node.set_up(server, started=time.time() - 3600)
    said = look()
    assert said["restart_reasons"] == [f"{path} is newer than the process" for path in (node.config, node.link)]
    assert said["reload_reasons"] == [f"{node.reload} is newer than what the process has read"]


def test_what_only_a_restart_brings_into_effect_is_the_same_whatever_a_reload_takes(node, look, server):
    node.set_up(server)
    before = look()["restart_parts"]
    assert list(before) == [str(node.config)] and len(before[str(node.config)]) == 64
    text = node.config.read_text()
    node.config.write_text(text.replace("  node_id", "  trailing_logs = 1\n  node_id"))
    assert look()["restart_parts"] == before
    node.config.write_text(text.replace("vault-1", "vault-2"))
    assert look()["restart_parts"] != before
    node.config.write_text(text.removeprefix(OURS))
    assert look()["restart_parts"] == {}, "somebody else made it"


def test_the_ports_of_a_listener(node, look, server):
    node.set_up(server)
    listener = 'listener "tcp" {\n  address = "[::]:9200"\n  cluster_address = "0.0.0.0:9201"\n}\n'
    node.config.write_text(node.config.read_text() + listener)
    found = look()["configured"]
    assert (found["api_port"], found["cluster_port"]) == (9200, 9201)


def test_another_release_that_was_switched_on_is_a_reason(node, look, server):
    node.set_up(server)
    node.lay_down(OTHER)
    node.switch_on(OTHER)
    said = look()
    assert (said["releases"], said["current"], said["running"]) == ([OTHER, VERSION], OTHER, VERSION)
    assert said["restart_reasons"] == [f"the process runs {VERSION}, and {OTHER} is switched on"]


def test_what_a_killed_run_left_is_no_release(node, look):
    node.lay_down(VERSION)
    (node.releases / ".partial").mkdir()
    assert look()["releases"] == [VERSION]


@pytest.mark.parametrize("named", [True, False])
def test_data_is_seen_where_the_options_or_the_configuration_say(node, look, server, named):
    node.set_up(server)
    (node.data / "raft").mkdir(parents=True)
    (node.data / "raft" / "raft.db").write_text("")
    assert look(**({} if named else {"data": "/nowhere"}))["has_data"] is True


def test_what_is_served_and_what_is_trusted_are_compared_by_their_sums(node, look, server, listening, certificates):
    def pem(name):
        with open(certificates.path(name), encoding="utf-8") as stream:
            return stream.read()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.path("server.crt"), certificates.path("server.key"))
    node.listener = listening(lambda: context)
    node.ca.write_text(pem("ca.crt") + pem("client.crt"))
    node.set_up(server)

    def sha256(name):
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem(name))).hexdigest()

    said = look()
    assert (said["listens"], said["served"]) == (True, sha256("server.crt"))
    assert said["trusted"] == [sha256("ca.crt"), sha256("client.crt")]
    assert look(serves_at="127.0.0.1:1")["served"] is None
    node.unit()
    said = look()
    assert (said["listens"], said["served"]) == (True, None), "somebody listens, and it is not this Vault"


@pytest.mark.skipif(os.geteuid() != 0, reason="a proven release is root's")
def test_a_release_is_proven_until_anything_of_it_is_another(node, look):
    binary = node.lay_down(VERSION)
    node.switch_on(VERSION)
    os.chmod(node.home, 0o755)
    assert look(version=VERSION)["release_proven"] is True
    assert look()["release_proven"] is False, "nobody asked"
    assert look(version=OTHER)["release_proven"] is False
    binary.write_bytes(binary.read_bytes())
    assert look(version=VERSION)["release_proven"] is False


def test_what_there_is_of_the_places_that_roles_manage(node, look):
    node.reload.write_text("content")
    os.chmod(node.reload, 0o640)
    (node.folder / "etc" / "odd").symlink_to(node.reload)
    group = grp.getgrgid(os.getgid()).gr_name
    mine = f"{getpass.getuser()}:{group} "
    said = look(paths=[f"{node.folder}/etc/*", f"{node.folder}/etc", "/nowhere", "/nowhere/*"])
    found = said["paths"]
    assert set(found) == {str(node.folder / "etc"), str(node.reload), str(node.folder / "etc" / "odd")}
    assert found[str(node.reload)] == {
        "kind": "file",
        "attributes": f"{mine}0640",
        "sha256": hashlib.sha256(b"content").hexdigest(),
        "mislabelled": False,
    }
    folder, link = found[str(node.folder / "etc")], found[str(node.folder / "etc" / "odd")]
    assert (folder["kind"], folder["sha256"]) == ("directory", None)
    assert (link["kind"], link["sha256"]) == ("other", None)


def test_a_file_that_is_longer_than_any_of_ours_is_not_read(node, look):
    node.reload.write_bytes(b"x" * ((1 << 20) + 1))
    assert look(paths=[str(node.reload)])["paths"][str(node.reload)]["sha256"] is None


def test_contents_are_no_part_of_the_result(node, look, server):
    node.set_up(server)
    node.config.write_text(f'{node.config.read_text()}secret_key = "hunter2"\n')
    assert "hunter2" not in json.dumps(look(paths=[str(node.config)]))


def test_users_that_are_there_and_others_that_are_not(look):
    me = pwd.getpwuid(os.getuid())
    said = look(users=[me.pw_name, "nobody-knows-me"])
    group = grp.getgrgid(me.pw_gid).gr_name
    assert said["users"] == {me.pw_name: {"group": group, "home": me.pw_dir, "shell": me.pw_shell}}


def test_units_as_systemd_has_them(node, look):
    (node.folder / "units").write_text(
        "Id=a.timer\nUnitFileState=enabled\nActiveState=active\nNeedDaemonReload=no\n\n"
        "Id=b.service\nUnitFileState=disabled\nActiveState=failed\nNeedDaemonReload=yes\n\n"
        "Id=c.service\nUnitFileState=\nActiveState=inactive\nNeedDaemonReload=no\n"
    )
    assert look(units=["a.timer", "b.service", "c.service"])["units"] == {
        "a.timer": {"enabled": True, "active": True, "stale": False},
        "b.service": {"enabled": False, "active": False, "stale": True},
        "c.service": {"enabled": False, "active": False, "stale": False},
    }


def test_the_metadata_services_guard_is_looked_at_and_left_as_it_is(node, look, monkeypatch):
    units = node.folder / "systemd"
    units.mkdir()
    monkeypatch.setattr(metadata_service, "RULES", str(units / "rules.nft"))
    monkeypatch.setattr(metadata_service, "UNITS", str(units))
    said = look(metadata_users=["nobody"])
    assert said["metadata"] == {"users": ["nobody"], "there": False, "changed": True, "guarded": True, "reason": ""}
    assert list(units.iterdir()) == []
    (units / "rules.nft").write_text("")
    assert look(metadata_users=["nobody"])["metadata"]["there"] is True


def test_a_node_without_systemd_is_told_what_nodes_need(node, look):
    (node.folder / "broken").touch()
    assert look()["msg"] == "systemd does not answer: Failed to connect to bus. The nodes must run systemd."


def test_without_a_python_on_the_path_there_is_none(node, look, monkeypatch):
    (node.folder / "bin" / "systemctl").write_text(f"#!/bin/sh\n/bin/cat {node.folder}/service\n")
    assert look()["python"] == f"{sys.version_info[0]}.{sys.version_info[1]}"
    monkeypatch.setenv("PATH", str(node.folder / "bin"))
    assert look()["python"] is None


def test_a_listener_without_a_port_is_refused_in_words(run_module, node_with):
    node_with(systemctl="exit 0")
    assert "10.0.0.1" in run_module(vault_node_info, listener="10.0.0.1")["msg"]


def test_of_its_certificates_it_tells_what_is_public(look, certificates, tmp_path):
    assert look()["certificate"] is None, "nobody asked"
    folder = tmp_path / "tls"
    nothing = {"certificate": "", "ca": "", "key_fits": False, "replaced": []}
    assert look(certificates=str(folder))["certificate"] == nothing
    (folder / "replaced").mkdir(parents=True)
    texts = {}
    for place, name in (("vault.crt", "server.crt"), ("vault.key", "server.key"), ("ca.crt", "ca.crt")):
        with open(certificates.path(name)) as stream:
            texts[place] = stream.read()
        (folder / place).write_text(texts[place])
    (folder / "replaced/old.crt").write_text("old")
    said = look(certificates=str(folder))
    found = {"certificate": texts["vault.crt"], "ca": texts["ca.crt"], "key_fits": True, "replaced": ["old"]}
    assert said["certificate"] == found
    assert "PRIVATE" not in json.dumps(said)
    (folder / "vault.key").write_text("none")
    assert look(certificates=str(folder))["certificate"]["key_fits"] is False
