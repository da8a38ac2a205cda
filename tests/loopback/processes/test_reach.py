"""Before the first task on a node: nodes that boot are waited for, and one that can't be reached is named."""

from __future__ import annotations

import datetime as dt
import os
import re
import socket
import subprocess
import typing as t

import pytest
import yaml
from kit.paths import ROOT

NEVER_BOOTS = {"ansible_host": "127.0.0.1", "ansible_ssh_common_args": "-o BatchMode=yes"}
HERE = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}


def launched(**ago: float) -> str:
    return (dt.datetime.now(dt.timezone.utc) - dt.timedelta(**ago)).isoformat()


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture
def run(tmp_path):
    def run(
        hosts: dict[str, t.Any], *arguments: str, renews: bool = False, **more: t.Any
    ) -> subprocess.CompletedProcess[str]:
        """*renews*: as renew_nodes.yml comes to these plays; *more* inputs of the inventory."""
        inputs = {"vault_cluster_name": "prod", "vault_aws_region": "eu-central-1", "vault_version": "1.21.1", **more}
        inventory = {"all": {"children": {"vault": {"hosts": hosts}}, "vars": inputs}}
        (tmp_path / "hosts.yml").write_text(yaml.safe_dump(inventory))
        # As in site.yml, where it is not the first play: before that, Ansible has no variables of hosts.
        first = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": []}
        before, variables = by_renew_nodes() if renews else ([], {})
        book = [first, *before, {"import_playbook": str(ROOT / "playbooks/plays/reach.yml"), "vars": variables}]
        book.append({"name": "later", "hosts": "vault", "gather_facts": False, "tasks": []})
        (tmp_path / "book.yml").write_text(yaml.safe_dump(book))
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        command = ["ansible-playbook", "-i", str(tmp_path / "hosts.yml"), str(tmp_path / "book.yml")]
        return subprocess.run(
            [*command, "-e", "__vault_ec2_boot_seconds=3", *arguments],
            cwd=ROOT,
            env={**environment, "HOME": str(tmp_path), "ANSIBLE_FORCE_COLOR": "0"},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run


def by_renew_nodes() -> tuple[list[dict[str, t.Any]], dict[str, t.Any]]:
    """Its play that comes before replace_node.yml, and what it gives to that playbook, which begins with these plays."""
    book = yaml.safe_load((ROOT / "playbooks/renew_nodes.yml").read_text())
    imported = [play.get("ansible.builtin.import_playbook") for play in book]
    at = imported.index("replace_node.yml")
    assert imported[at - 1] is None and "vault_leaving" in book[at]["vars"]
    return [book[at - 1]], book[at]["vars"]


def tasks(done: subprocess.CompletedProcess[str]) -> list[str]:
    return re.findall(r"^TASK \[(.*?)\]", done.stdout, re.M)


def test_a_settled_cluster_is_not_asked(run):
    done = run({"vault-1": {**NEVER_BOOTS, "aws_launch_time": launched(hours=1)}, "vault-2": NEVER_BOOTS})
    assert (done.returncode, tasks(done)) == (0, []), done.stdout


@pytest.mark.parametrize("how", [(), ("--check",)])
def test_a_node_that_boots_is_waited_for_and_named_where_it_never_comes(run, closed_port, how):
    boots = {**NEVER_BOOTS, "ansible_port": closed_port, "aws_launch_time": launched(seconds=5)}
    up = {**HERE, "aws_launch_time": launched(seconds=5)}
    done = run({"vault-1": boots, "vault-2": up, "vault-3": HERE}, *how)
    assert done.returncode != 0
    said = " ".join(done.stdout.split())
    assert re.search("vault-1 was launched at .*, and does not answer within 3 s: timed out", said), said
    assert "vault-2 was launched" not in said
    assert "Nothing was changed on any node." in said
    # Only the two were asked, one of them answered, and none goes on to the plays that follow.
    assert re.search(r"^ok: \[vault-2\]", done.stdout, re.M) and "PLAY [later]" not in done.stdout
    assert "vault-3 " not in done.stdout.partition("PLAY RECAP")[2]


def test_sessions_want_the_plugin_of_aws_on_the_controller(run):
    session = {
        "ansible_connection": "amazon.aws.aws_ssm",
        "ansible_host": "i-0123456789abcdef0",
        "ansible_aws_ssm_plugin": "/nowhere/session-manager-plugin",
    }
    done = run({"vault-1": session})
    said = " ".join(done.stdout.split())
    assert done.returncode != 0 and "no session-manager-plugin (/nowhere/session-manager-plugin)" in said, said


def asks_nobody(done: subprocess.CompletedProcess[str]) -> bool:
    """Whether no play had a node."""
    return not re.search(r"^\w+: \[vault-", done.stdout, re.M)


@pytest.mark.parametrize(
    "dead",
    [{"ansible_host": "i-0123456789abcdef0"}, {"ansible_connection": "amazon.aws.aws_ssm"}],
    ids=["SSH", "session"],
)
def test_an_instance_that_was_replaced_may_be_dead(run, closed_port, dead):
    old = {**NEVER_BOOTS, **dead, "ansible_port": closed_port, "aws_launch_time": launched(seconds=5)}
    wanted = [
        {"subnet_id": "subnet-1", "name": "vault-4", "replaces": "vault-1"},
        {"subnet_id": "subnet-2", "name": "vault-2"},
        {"subnet_id": "subnet-3", "name": "vault-3"},
    ]
    hosts = {"vault-1": old, "vault-2": NEVER_BOOTS, "vault-3": NEVER_BOOTS, "vault-4": NEVER_BOOTS}
    done = run(hosts, renews=True, vault_ec2_instances=wanted)
    assert done.returncode == 0 and asks_nobody(done), done.stdout
    # Its replacement is not there yet, so it does not leave.
    del hosts["vault-4"]
    done = run(hosts, renews=True, vault_ec2_instances=wanted)
    assert done.returncode != 0 and not asks_nobody(done), done.stdout


# --- SSH through sessions, as docs/aws.md and the inventory have it

ID = "i-0123456789abcdef0"


def lines(start: str, text: str) -> dict[str, t.Any]:
    """The YAML of the indented, or commented, block that begins so."""
    _before, found, after = text.partition(start)
    assert found, start
    mark = re.search(r"[#\s]*$", text[: text.index(start)].rpartition("\n")[2])
    assert mark
    block = [found + after.partition("\n")[0]]
    for line in after.split("\n")[1:]:
        if not line.startswith(mark[0]) or not line[len(mark[0]) :].strip():
            break
        block.append(line[len(mark[0]) :])
    return yaml.safe_load("\n".join(block))


def test_ssh_through_a_session_asks_aws_for_it(tmp_path):
    documented = lines("ansible_ssh_pipelining: true", (ROOT / "docs/aws.md").read_text())
    assert (
        lines("ansible_ssh_pipelining: true", (ROOT / "inventories/ec2/group_vars/vault.yml").read_text()) == documented
    )
    # In the place of AWS's command line.
    command = tmp_path / "aws"
    command.write_text('#!/bin/sh\nprintf "%s\\n" "$@" >"$HOME/asked"\nexit 1\n')
    command.chmod(0o755)
    variables = {"vault_aws_region": "eu-central-1", "vault_cluster_name": "prod", **documented}
    hosts = {"vault-1": {"ansible_host": ID, "ansible_user": "admin", "ansible_connection": "ssh"}}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts, "vars": variables}}))
    done = subprocess.run(
        ["ansible", "-i", str(tmp_path / "hosts.yml"), "vault-1", "-m", "ansible.builtin.ping", "-vvv"],
        env={**os.environ, "HOME": str(tmp_path), "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode != 0
    asked = (tmp_path / "asked").read_text().split("\n")
    assert asked[:4] == ["ssm", "start-session", "--target", ID]
    assert asked[4:] == [
        "--document-name",
        "AWS-StartSSHSession",
        "--parameters",
        "portNumber=22",
        "--region",
        "eu-central-1",
        "",
    ]
    assert "UserKnownHostsFile=~/.ssh/known_hosts.vault-prod" in done.stdout
