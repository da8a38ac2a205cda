"""A new node is asked what it reaches, before anything is laid down on it."""

from __future__ import annotations

import os
import socket
import subprocess

import yaml
from kit.paths import ROOT


def test_a_node_that_can_not_reach_the_mirror_is_named_with_the_cure(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and does not listen
        open_, shut = (f"http://127.0.0.1:{one.getsockname()[1]}" for one in (server, bound))
        inputs = {
            "vault_cluster_name": "prod",
            "vault_aws_region": "eu-central-1",
            "vault_version": "1.21.1",
            "vault_join": "static",
            "ansible_connection": "local",
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        }
        hosts = {"vault-1": {"vault_release_mirror": open_}, "vault-2": {"vault_release_mirror": shut}}
        inventory = {"all": {"children": {"vault": {"hosts": hosts}}, "vars": inputs}}
        (tmp_path / "hosts.yml").write_text(yaml.safe_dump(inventory))
        asked = {"name": "vaultops.cluster.vault_site", "tasks_from": "endpoints", "rolespec_validate": False}
        play = {"hosts": "vault", "gather_facts": False, "tasks": [{"ansible.builtin.import_role": asked}]}
        (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
        done = subprocess.run(
            ["ansible-playbook", "-i", str(tmp_path / "hosts.yml"), str(tmp_path / "play.yml"), "--check"],
            cwd=ROOT,
            env={**os.environ, "no_proxy": "127.0.0.1", "ANSIBLE_FORCE_COLOR": "0"},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    said = " ".join(done.stdout.split())
    address = shut.removeprefix("http://")
    assert f"vault-2 can't reach the release mirror ({address}), which it needs to fetch Vault" in said, said
    assert "Check the subnet's way out" in said and "Nothing was changed on any node." in said
    assert "vault-1 can't" not in said
