"""What leaves a real node for somebody who helps: secrets are planted where a node has them, and none of them comes out."""

from __future__ import annotations

import base64
import json
import re
import secrets
import stat
import tarfile

import pytest
from kit.changes import inside, make_cluster
from kit.login import as_operator

BUNDLE = "playbooks/support_bundle.yml"
# Of a unit: the process, whoever starts before it, and a file that only root may read.
DROP_IN = "/etc/systemd/system/vault.service.d/90-planted.conf"
PLANTED = {
    name: f"{word}{secrets.token_hex(5)}"
    for name, word in {
        "setting": "setting-",
        "comment": "comment-",
        "behind a setting": "behind-",
        "environment": "environment-",
        "environment in a second line": "continued-",
        "file of the environment": "file&",
        "command line": "line-",
        "password in the journal": "Journal/",
        "password in a URL": "u@r/l",
        "password in escaped JSON": "two words ",
        "audit entry": "audit-",
    }.items()
}
PLANTED |= {
    "token": f"hvs.{secrets.token_urlsafe(24)}",
    "old token": f"s.{secrets.token_hex(12)}",
    "share": base64.b64encode(secrets.token_bytes(33)).decode(),
    "seed": base64.b32encode(secrets.token_bytes(20)).decode(),
}
CONFIG = f"""
# {PLANTED["comment"]}
cluster_name = "prod" # {PLANTED["comment"]}
ui = true, other = "{PLANTED["behind a setting"]}"
seal "transit" {{
  token = "{PLANTED["setting"]}"
}}
"""
SAID = [
    f"password={PLANTED['password in the journal']}",
    f'parse "postgres://vault:{PLANTED["password in a URL"]}@db.example.com:5432/x": invalid port',
    json.dumps({"@message": json.dumps({"password": PLANTED["password in escaped JSON"]})}),
    json.dumps({"type": "request", "request": {"data": {"x": PLANTED["audit entry"]}}}),
    *(f"said {PLANTED[name]}" for name in ("token", "old token", "share", "seed", "setting", "behind a setting")),
    *(f"said {value} again" for name, value in PLANTED.items() if "environment" in name),
]
UNIT = f"""[Service]
# {PLANTED["comment"]}
Environment="PLANTED={PLANTED["environment"]}" \\
# systemd takes this line out
  CONTINUED={PLANTED["environment in a second line"]}
EnvironmentFile=/root/planted.env
ExecStartPost=+/usr/bin/env WORD={PLANTED["command line"]} /bin/cat /root/planted.txt
"""


def put(container: str, path: str, text: str, how: str = ">") -> None:
    coded = base64.b64encode(text.encode()).decode()
    inside(container, f"mkdir -p $(dirname {path}); echo {coded} | base64 -d {how}{path}")


@pytest.fixture(scope="module")
def planted(fresh_lab):
    """One standby has secrets in every corner; its Vault runs with them."""
    make_cluster(fresh_lab)
    leader = as_operator(fresh_lab).active()
    node = next(node for node in fresh_lab.lab.nodes if node.hostname != leader)
    put(node.container, "/root/planted.txt", "".join(f"{line}\n" for line in SAID))
    put(node.container, "/root/planted.env", f"FILED='{PLANTED['file of the environment']}'\n")
    put(node.container, DROP_IN, UNIT)
    inside(node.container, "systemctl daemon-reload; systemctl restart vault; cp -a /etc/vault.d/vault.hcl /root/")
    # Later than Vault reads it.
    put(node.container, "/etc/vault.d/vault.hcl", CONFIG, ">>")
    yield fresh_lab, node
    inside(
        node.container,
        f"rm {DROP_IN} /root/planted.*; cp -a /root/vault.hcl /etc/vault.d/; systemctl daemon-reload; systemctl restart vault",
    )


def kept(bench) -> list[str]:
    """The secrets that the cluster has in fact."""
    record = json.loads(bench.aws("secretsmanager").get_secret_value(SecretId=bench.secret)["SecretString"])
    keys = "".join(bench.on_nodes("cat /etc/vault.d/tls/vault.key")).splitlines()
    return [*record["recovery_keys"], *(line for line in keys if line and "KEY" not in line)]


@pytest.mark.parametrize("running", [True, False])
def test_no_secret_of_a_node_comes_out(planted, running):
    bench, node = planted
    if not running:
        # What its processes had is in no process any more.
        inside(node.container, "systemctl stop vault")
    code, said = bench.play("-vvv", playbook=BUNDLE)
    assert code == 0, said
    path = max((bench.output / "support").iterdir())
    assert str(path) in said and stat.S_IMODE(path.stat().st_mode) == 0o600
    with tarfile.open(path) as tar:
        read = {entry.name.partition("/")[2]: tar.extractfile(entry).read().decode() for entry in tar}
    everything = "".join(read.values()) + said
    assert {name for name, secret in PLANTED.items() if secret in everything} == set()
    # Nor in the form that Go gives to what is a text in JSON.
    assert PLANTED["file of the environment"].replace("&", r"\u0026") not in everything
    assert [secret for secret in kept(bench) if secret in everything] == []
    # What helps is there: the node's own words, its settings, its unit.
    assert "ExecStart=" in read[f"{node.hostname}/vault.unit"] and DROP_IN in read[f"{node.hostname}/vault.unit"]
    assert re.search(r'path += "/opt/vault/data"', read[f"{node.hostname}/config/vault.hcl"])
    assert "vault is unsealed" in read[f"{node.hostname}/vault.journal"]
    assert "said (not shown)" in read[f"{node.hostname}/vault.journal"]
    other = next(one for one in bench.lab.nodes if one.hostname != node.hostname)
    assert "said (not shown)" not in read[f"{other.hostname}/vault.journal"]
    assert json.loads(read["status.json"])["cluster"]["name"] == bench.lab.name
