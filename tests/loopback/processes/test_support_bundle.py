"""support_bundle.yml as a process, where two nodes are this machine with a journal full of secrets, and a third is away."""

from __future__ import annotations

import json
import os
import secrets
import stat
import subprocess
import tarfile

import pytest
import yaml
from kit.paths import ROOT

PLANTED = {
    "token": f"hvs.{secrets.token_urlsafe(24)}",
    "environment": f"env-{secrets.token_hex(6)}",
    "password": f"pass-{secrets.token_hex(6)}",
    "AWS": secrets.token_urlsafe(30),
}
LINES = [
    "core: vault is unsealed",
    f"{PLANTED['token']} was refused; {PLANTED['environment']}",
    f"password={PLANTED['password']}",
]
AWAY = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 9, "vault_address": "127.0.0.2"}
HERE = {"ansible_connection": "local"}
INPUTS = {
    "vault_cluster_name": "prod",
    "vault_version": "1.21.1",
    "vault_aws_region": "eu-central-1",
    "vault_aws_endpoint_url": "http://127.0.0.1:9",
    "vault_join": "static",
    "ansible_python_interpreter": "{{ ansible_playbook_python }}",
}


@pytest.fixture
def run(tmp_path, monkeypatch):
    hosts = {
        "vault-1": {**HERE, "vault_address": "127.0.0.1"},
        "vault-2": AWAY,
        "vault-3": {**HERE, "vault_address": "127.0.0.3"},
    }
    inventory = {"all": {"children": {"vault": {"hosts": hosts, "vars": INPUTS}}}}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump(inventory))
    tools = tmp_path / "bin"
    tools.mkdir()
    said = "".join(json.dumps({"_STREAM_ID": "a", "MESSAGE": line}) + "\n" for line in LINES)
    (tmp_path / "said").write_text(said)
    unit = ["[Service]", f"Environment=SOME={PLANTED['environment']}", "ExecStart=/usr/local/bin/vault server", ""]
    (tmp_path / "unit").write_text("\n".join(unit))
    scripts = {
        "journalctl": f"cat {tmp_path}/said",
        "systemctl": f'[ "$1" = cat ] && exec cat {tmp_path}/unit; echo ActiveState=active',
    }
    for name, script in scripts.items():
        (tools / name).write_text(f"#!/bin/sh\n{script}\n")
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tools), prepend=os.pathsep)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", PLANTED["AWS"])

    def play(*arguments):
        command = ["ansible-playbook", "-i", str(tmp_path / "hosts.yml"), "playbooks/support_bundle.yml", *arguments]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False)
        return done.returncode, done.stdout + done.stderr

    return play


def test_the_archive_has_what_helps_and_no_secret(run, tmp_path):
    code, said = run("-v", "-e", f"vault_output_dir={tmp_path}/out")
    assert code == 0, said
    (path,) = (tmp_path / "out" / "support").iterdir()
    assert str(path) in said and stat.S_IMODE(path.stat().st_mode) == 0o600
    with tarfile.open(path) as tar:
        read = {entry.name.partition("/")[2]: tar.extractfile(entry).read().decode() for entry in tar}
    everything = "".join(read.values()) + said
    assert {name for name, secret in PLANTED.items() if secret in everything} == set()
    for node in ("vault-1", "vault-3"):
        assert LINES[0] in read[f"{node}/vault.journal"]
        assert "ExecStart=/usr/local/bin/vault server" in read[f"{node}/vault.unit"]
    assert "Connection refused" in read["vault-2/unread"] and "vault-2/vault.unit" not in read
    assert json.loads(read["status.json"])["cluster"]["name"] == "prod"
    assert "The cluster is down" in read["status.txt"] or "can't see the cluster" in read["status.txt"]


def test_with_check_nothing_is_written(run, tmp_path):
    code, said = run("--check", "-e", f"vault_output_dir={tmp_path}/out")
    assert code == 0, said
    assert "With --check no archive is written." in said
    assert not (tmp_path / "out").exists()


def test_without_a_place_for_it_nothing_is_read(run):
    code, said = run()
    assert code != 0
    assert "vault_output_dir is not set, so there is no place for the archive." in " ".join(said.split())
    assert "Read what a node shows" not in said
