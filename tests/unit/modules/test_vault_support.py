"""What leaves a node for somebody who helps, and what does not: secrets are planted wherever one was ever seen."""

from __future__ import annotations

import base64
import json
import secrets
import stat
import tarfile

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._node import redact, support
from ansible_collections.vaultops.cluster.plugins.modules import vault_support_bundle, vault_support_info

# In two pieces, for whoever looks for keys in the checkout.
KEY = "PRIVATE " + "KEY-----"
# Each of another kind, none of them a real one.
PLANTED = {
    "token": f"hvs.{secrets.token_urlsafe(24)}",
    "old token": f"s.{secrets.token_hex(12)}",
    "access key": "AKIA" + secrets.token_hex(8).upper(),
    "share": base64.b64encode(b"\x01\xf2" + secrets.token_bytes(31)).decode(),
    "hexadecimal share": secrets.token_hex(33),
    "password": f"pass-{secrets.token_hex(4)}",
    "in a comment": f"note-{secrets.token_hex(4)}",
    "in the environment": f"env-{secrets.token_hex(4)}",
    "in the process": f"proc-{secrets.token_hex(4)}",
    "in a block of its own": f"block-{secrets.token_hex(4)}",
    "in a continued line": f"more-{secrets.token_hex(4)}",
    "private key": secrets.token_hex(8),
    "in a URL": f"url-{secrets.token_hex(4)}",
    "in an audit entry": f"audit-{secrets.token_hex(4)}",
    "behind a setting": f"behind-{secrets.token_hex(4)}",
    "in a file of the environment": f"file-{secrets.token_hex(4)}&{secrets.token_hex(4)}",
    "on a command line": f"line-{secrets.token_hex(4)}",
}
CONFIG = f"""# Made by vaultops.cluster. {PLANTED["in a comment"]}
cluster_name = "prod"
api_addr = "https://10.0.1.10:8200"
listener "tcp" {{
  address = "0.0.0.0:8200" # {PLANTED["in a comment"]}
  tls_min_version = "tls13"
}}
seal "awskms" {{
  region = "eu-central-1", other = "{PLANTED["behind a setting"]}"
  access_key = "{PLANTED["access key"]}"
  secret_key = "{PLANTED["password"]}"
  endpoint = "https://user:{PLANTED["in a URL"]}@kms.example.com"
}}
storage "raft" {{
  path = "/opt/vault/data"
  retry_join {{ auto_join = "provider=aws secret_access_key={PLANTED["in a block of its own"]}" }}
}}
"""
UNIT = f"""# /etc/systemd/system/vault.service
[Service]
User=vault
Environment="VAULT_TOKEN={PLANTED["in the environment"]}" \\
; systemd takes this out before it puts the lines together
  OTHER={PLANTED["in a continued line"]}
# {PLANTED["in a comment"]}
EnvironmentFile=-FILE
ExecStartPre=/usr/bin/env TWO={PLANTED["on a command line"]} true
ExecStart=/usr/local/bin/vault server
"""
JOURNAL = [
    "core: vault is unsealed",
    f"the token {PLANTED['token']} and the older {PLANTED['old token']} were refused",
    f"share {PLANTED['share']} and {PLANTED['hexadecimal share']}",
    f"a panic shows {PLANTED['in the process']}, {PLANTED['in the environment']} and {PLANTED['password']}",
    f"and {PLANTED['behind a setting']}, {PLANTED['on a command line']}",
    json.dumps({"@message": "the URL is " + PLANTED["in a file of the environment"]}).replace("&", r"\u0026"),
    f"-----BEGIN EC {KEY} {PLANTED['private key']} -----END EC {KEY}",
    json.dumps({"@message": "x", "password": PLANTED["in a block of its own"]}),
    json.dumps({"type": "request", "request": {"path": PLANTED["in an audit entry"]}}),
]
HARMLESS = (
    "core: vault is unsealed",
    'cluster_name = "prod"',
    'address = "0.0.0.0:8200"',
    'path = "/opt/vault/data"',
    "ExecStart=/usr/local/bin/vault server",
)


@pytest.fixture
def node(node_with, tmp_path, run_module, monkeypatch):
    """Reads a node whose every corner holds a secret."""
    (tmp_path / "vault.hcl").write_text(CONFIG)
    (tmp_path / "environment").write_text(f"URL='{PLANTED['in a file of the environment']}'\n")
    (tmp_path / "unit").write_text(UNIT.replace("FILE", str(tmp_path / "environment")))
    lines = tmp_path / "lines"
    lines.write_text("".join(json.dumps({"_STREAM_ID": "a", "MESSAGE": said}) + "\n" for said in JOURNAL))
    (tmp_path / "4711").mkdir()
    (tmp_path / "4711" / "environ").write_text(f"PATH=/usr/bin\0SOME_NAME={PLANTED['in the process']}\0")
    node_with(
        journalctl=f"cat {lines}",
        systemctl=f'[ "$1" = cat ] && exec cat {tmp_path}/unit; echo MainPID=4711; echo ActiveState=active',
    )
    plain = support.collect
    monkeypatch.setattr(support, "collect", lambda *given: plain(*given, proc=str(tmp_path)))
    return lambda **options: run_module(
        vault_support_info, configs=[str(tmp_path / "vault.hcl"), str(tmp_path / "none.hcl")], folders=["/"], **options
    )


def test_no_secret_leaves_the_node_and_what_helps_does(node):
    said = node()
    everything = json.dumps(said["files"])
    assert {name for name, secret in PLANTED.items() if secret in everything} == set()
    shown = "".join(said["files"].values())
    assert [one for one in HARMLESS if one not in shown] == []
    assert said["changed"] is False


def test_what_can_not_be_read_is_there_with_the_reason(node):
    files = node()["files"]
    assert files["config/none.hcl"].startswith("It can't be read (No such file")
    assert {name.split("/")[0] for name in files} == {
        "config",
        "vault.unit",
        "vault.state",
        "vault.journal",
        "vault-backup.unit",
        "vault-backup.state",
        "vault-backup.journal",
        "machine",
        "disks",
    }
    assert "MiB free for Vault" in files["disks"] and "kernel: " in files["machine"]
    assert "\nSELinux: " in files["machine"]


def test_a_node_without_systemd_is_told_of(node, node_with):
    node_with(systemctl="exit 1", journalctl="exit 1")
    files = node()["files"]
    assert files["vault.unit"] == "It can't be read ('systemctl cat vault' ended with 1.).\n"
    assert "systemd does not answer" in files["vault.state"] and "can't be read" in files["vault.journal"]


def test_the_archive_is_its_owners_and_holds_no_secret_either(node, run_module, tmp_path):
    path = tmp_path / "out" / "support" / "prod.tar.gz"
    nodes = {
        "vault-1": node(),
        "vault-2": {"unreachable": True, "msg": f"no way, and {PLANTED['token']}"},
        "vault-3": {},
    }
    options = {"path": str(path), "nodes": nodes, "files": {"status.txt": f"well {PLANTED['share']}\n"}}
    looked = run_module(vault_support_bundle, True, **options)
    assert (looked["changed"], path.exists()) == (False, False)
    said = run_module(vault_support_bundle, **options)
    assert said["changed"] and said["names"] == looked["names"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    with tarfile.open(path) as tar:
        read = {entry.name: tar.extractfile(entry).read().decode() for entry in tar}
    assert sorted(read) == [f"prod/{name}" for name in said["names"]]
    everything = "".join(read.values())
    assert {name for name, secret in PLANTED.items() if secret in everything} == set()
    assert read["prod/vault-2/unread"] == "no way, and (not shown)\n"
    assert read["prod/vault-3/unread"] == "nobody looked\n"
    assert "core: vault is unsealed" in read["prod/vault-1/vault.journal"]


def test_an_archive_that_can_not_be_written_is_said(run_module, tmp_path):
    (tmp_path / "support").write_text("")
    said = run_module(vault_support_bundle, path=str(tmp_path / "support" / "a.tar.gz"), nodes={})
    assert said["failed"] and "could not be written" in said["msg"]


@pytest.mark.parametrize(
    "said",
    [
        "arn:aws:kms:eu-central-1:111122223333:key/1f0e6c5a-0000-4000-8000-5c1d5f0b8c11",
        "2026-11-26T21:03:10.207068Z [INFO]  core: acquired lock, enabling active operation",
        "/etc/systemd/system/vault.service.d/10-proxy.conf",
        "loaded 3 keys; token expired? no: 12 leases",
        "joined https://10.0.1.11:8200 as vault-2, cluster id 7f0c1f9e-0000-4000-8000-000000000001",
        '2026-11-26T21:03:10Z [INFO]  core: successfully mounted: type=token version="v1.21.1+builtin.vault" path=token/',
        "passed=3; systemctl --user status, docker run -u vault; the request is unauthenticated",
    ],
)
def test_what_is_no_secret_stays(said):
    assert redact.text(said) == said


@pytest.mark.parametrize(
    ("said", "secret"),
    [
        ('{"client_token": "short"}', "short"),
        ("X-Vault-Token: abcdef", "abcdef"),
        ("Authorization: Bearer abc.def", "abc.def"),
        ("password=hunter22 next", "hunter22"),
        ("VAULT_RECOVERY_KEY='a b c'", "a b c"),
        (f"-----BEGIN {KEY}\nabc\n(cut off)", "abc"),
        ("https://me:{}@example.com/x".format("mine"), "mine"),
        (f"-----BEGIN PGP {KEY} BLOCK".replace("----- BLOCK", " BLOCK-----") + "\nabcd\n", "abcd"),
        # An error about a URL shows it because of what is in it.
        ('parse "postgres://me:{}@db:5432/x": invalid port'.format("my/secret@word"), "word"),
        (r'{"@message": "sent {\"password\":\"two words\"}"}', "words"),
        ("password => 'mine'", "mine"),
        ('Password:="mine"', "mine"),
        ('{"tokens": ["short", "second"]}', "second"),
        ("password=semi;colon,comma&more", "more"),
        ("PGPASS=mine", "mine"),
        ("DB_PASS: mine", "mine"),
        ("MYSQL_PWD=mine", "mine"),
        ("Cookie: session=mine", "mine"),
        ("<password>mine</password>", "mine"),
        ('<json:string name="password">mine</json:string>', "mine"),
        ("vault login -password mine", "mine"),
        ("curl -u me:mine https://example.com", "mine"),
        (f"key_{'0f' * 16}", "0f0f"),
        (f"the seed {'JBSWY3DPEHPK3PXP' * 2}", "JBSW"),
    ],
)
def test_what_a_name_or_a_place_calls_a_secret_goes(said, secret):
    assert secret not in redact.text(said)


@pytest.mark.parametrize(
    "said",
    [
        'address = "0.0.0.0:8200" # SECRET',
        'address = "0.0.0.0:8200" // SECRET',
        'address = "0.0.0.0:8200" /* SECRET */',
        'address = "0.0.0.0:8200", other = "SECRET"',
        'address = ["0.0.0.0:8200", "SECRET"]',
        'endpoint = "https://kms.example.com/?sig=SECRET"',
        "path = <<EOT\nSECRET\nEOT",
        'other = <<-EOT\npath = "SECRET"\n  EOT',
        '/* before\npath = "SECRET"\n*/',
    ],
)
def test_a_harmless_setting_shows_its_value_and_nothing_more(said):
    shown, hidden = redact.configuration(f'{said}\npath = "/opt/*"\nui = true\n')
    assert "SECRET" not in shown
    assert shown.endswith('path = "/opt/*"\nui = true\n')
    # Plain words of a comment are not looked for in everything else.
    assert ("SECRET" in hidden) == all(mark not in said for mark in ("# ", "// ", "/*"))
