"""What of Vault is on a machine, whoever put it there."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._node import here


@pytest.mark.parametrize(
    "text",
    [
        'storage "raft" {\n  path = "/srv/v"\n}',
        'storage "raft" { node_id = "n1", path = "/srv/v" }',
        'backend "raft" {\n  path = "/srv/v"\n}',
        '{"storage": {"raft": {"path": "/srv/v"}}}',
        'storage "raft" {\nretry_join {\n}\npath = "/srv/v"\n}',
    ],
)
def test_where_the_data_is_by_whatever_way_it_is_written(tmp_path, text):
    path = tmp_path / "vault.hcl"
    path.write_text(text)
    assert here.configured([str(path)], "# Made")["data"] == ["/srv/v"]


@pytest.mark.parametrize("trace", ["raft/raft.db", "raft/wal/x", "vault.db", "core/_keyring"])
def test_data_of_either_store(tmp_path, trace):
    assert not here.holds_data([str(tmp_path)])
    (tmp_path / trace).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / trace).write_text("")
    assert here.holds_data([str(tmp_path)])


def test_what_the_configuration_says_and_whose_it_is(tmp_path):
    path = tmp_path / "vault.hcl"
    path.write_text(
        '# Made by x.\ncluster_name = "prod"\nseal "awskms" {\n  kms_key_id = "alias/a"\n  region     = "r"\n}\n'
    )
    found = here.configured([str(path)], "# Made by x.")
    assert (found["ours"], found["cluster_name"], found["kms_key_id"], found["region"]) == (
        True,
        "prod",
        "alias/a",
        "r",
    )
    assert here.configured([str(path)], "# Made by y.")["ours"] is False
    assert here.configured([], "# Made by x.")["ours"] is False


def test_files_are_found_by_the_units_command_line(tmp_path):
    (tmp_path / "a.hcl").write_text("")
    (tmp_path / "b.txt").write_text("")
    line = "{ path=/usr/bin/vault ; argv[]=/usr/bin/vault server -config=%s -config /etc/x.hcl ; ignore_errors=no }"
    assert here.configuration_paths(line % tmp_path) == [str(tmp_path / "a.hcl"), "/etc/x.hcl"]
    assert here.configuration_paths("") == []


def test_servers_are_found_under_whichever_unit(tmp_path):
    for pid, command, group in (
        ("7", b"/usr/local/bin/vault\0server\0-config=x\0", "0::/system.slice/vault.service\n"),
        ("8", b"vault\0server\0-dev\0", "0::/user.slice\n"),
        ("9", b"vault\0agent\0", "0::/system.slice/agent.service\n"),
    ):
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "cmdline").write_bytes(command)
        (tmp_path / pid / "cgroup").write_text(group)
    (tmp_path / "self").mkdir()
    assert here.processes(str(tmp_path)) == [7, 8]
    assert here.outside([7, 8], "vault", str(tmp_path)) == [8]
    assert here.flavours("", str(tmp_path)) == ["vault"]


def test_whose_servers_are_here_is_told_by_process_and_unit(tmp_path):
    unit = "{ path=/usr/local/bin/%s ; argv[]=/usr/local/bin/%s server ; ignore_errors=no }"
    assert here.flavours(unit % ("bao", "bao"), str(tmp_path)) == ["openbao"]
    assert here.flavours(unit % ("true", "true"), str(tmp_path)) == []
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "cmdline").write_bytes(b"/opt/vault/releases/2.6.2/bao\0server\0")
    assert here.processes(str(tmp_path)) == [7]
    assert here.flavours("", str(tmp_path)) == ["openbao"]
    assert here.flavours(unit % ("vault", "vault"), str(tmp_path)) == ["vault", "openbao"]
