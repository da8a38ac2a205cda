"""Templates of the roles, beside what ansible.builtin.template makes of them."""

from __future__ import annotations

import json
import sys

import pytest
import yaml
from kit.paths import ROOT
from kit.playbook import run_play

TEMPLATES = sorted(ROOT.glob("roles/*/templates/*"))
OWN = {
    "vault_cluster_name": "prod",
    "vault_version": "1.21.1",
    "vault_aws_region": "eu-central-1",
    "vault_custody_sink": "pgp",
    "vault_snapshot_bucket": "snapshots",
    # What a look at a node found.
    "vault_backup_seen": {"python": "3.11", "machine": "x86_64"},
}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """By file, what each of both lookups renders, on each of two hosts."""
    folder = tmp_path_factory.mktemp("role_template")
    here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    hosts = {f"vault-{n}": {"vault_address": f"10.0.1.{9 + n}", **here} for n in (1, 2)}
    (folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"children": {"vault": {"hosts": hosts}}}}))
    roles = sorted({path.parts[-3] for path in TEMPLATES})
    files = [str(ROOT / "roles" / role / part / "main.yml") for part in ("defaults", "vars") for role in roles]
    both = {}
    for path in TEMPLATES:
        name = f"{path.parts[-3]}/{path.name}"
        both[str(path)] = {
            "usual": f"{{{{ lookup('ansible.builtin.template', '{path}') }}}}",
            "own": f"{{{{ lookup('vaultops.cluster.role_template', '{name}') }}}}",
            "twice": f"{{{{ query('vaultops.cluster.role_template', '{name}', '{name}') }}}}",
        }
    copy = {"content": "{{ both | to_json }}", "dest": f"{folder}/{{{{ inventory_hostname }}}}.json"}
    play = {
        "hosts": "vault",
        "gather_facts": False,
        "vars_files": [str(ROOT / "roles" / "vault_inputs" / "defaults" / "main.yml"), *files],
        "tasks": [
            {"ansible.builtin.copy": copy, "vars": {"both": both}},
            {
                "ansible.builtin.debug": {
                    "msg": "{{ lookup('vaultops.cluster.role_template', 'vault_server/none.j2') }}"
                },
                "register": "missing",
                "ignore_errors": True,
            },
            {"ansible.builtin.assert": {"that": "missing is failed and 'none.j2' in missing.msg"}},
        ],
    }
    done = run_play(folder, play, "-i", "hosts.yml", "-e", json.dumps(OWN))
    assert done.returncode == 0, done.stdout + done.stderr
    return {name: json.loads((folder / f"{name}.json").read_text()) for name in hosts}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: f"{path.parts[-3]}/{path.name}")
def test_a_template_is_rendered_as_ansible_renders_it(rendered, path):
    for host, found in rendered.items():
        one = found[str(path)]
        assert isinstance(one["own"], str) and one["own"].endswith("\n"), host
        assert one["own"] == one["usual"], host
        assert one["twice"] == [one["usual"]] * 2, host


def test_it_is_rendered_for_the_host_that_asks(rendered):
    path = str(ROOT / "roles" / "vault_server" / "templates" / "vault.hcl.j2")
    texts = {host: found[path]["own"] for host, found in rendered.items()}
    assert "10.0.1.10" in texts["vault-1"] and "10.0.1.11" in texts["vault-2"]
    assert texts["vault-1"] != texts["vault-2"]
