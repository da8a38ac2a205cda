"""Certificates change under clients that write: nobody notices, and what would not be accepted never goes into service."""

from __future__ import annotations

import json

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._tls.served import look
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from kit.ca import expired, published
from kit.certificates import issue, pem
from kit.changes import assert_nothing_lost, clients, inside, make_cluster
from kit.login import as_operator, identities

ROTATE = "playbooks/rotate_certificates.yml"
LONGEST_GAP_SECONDS = 0.5
PEM = serialization.Encoding.PEM


@pytest.fixture(scope="module")
def cluster(fresh_lab):
    return make_cluster(fresh_lab)


@pytest.fixture(autouse=True)
def whole_again(cluster):
    """What a test broke is mended by the playbook itself, as a person would."""
    yield
    code, output = cluster.play(playbook=ROTATE)
    assert code == 0, output


def change_ca(bench, stage: str) -> None:
    code, output = bench.play("-e", f"vault_tls_ca_change={stage}", playbook=ROTATE)
    assert code == 0, output


def served(bench) -> dict[str, x509.Certificate]:
    """What is on the wire of each node."""
    connection = as_operator(bench).connection
    return {name: x509.load_der_x509_certificate(look(connection, name)["der"]) for name in connection.nodes}


def on_the_disk(bench) -> dict[str, x509.Certificate]:
    texts = bench.on_nodes("cat /etc/vault.d/tls/vault.crt")
    names = [node.hostname for node in bench.lab.nodes]
    return {name: x509.load_pem_x509_certificate(text.encode()) for name, text in zip(names, texts, strict=True)}


def trusted_on_nodes(bench) -> list[list[x509.Certificate]]:
    return [x509.load_pem_x509_certificates(text.encode()) for text in bench.on_nodes("cat /etc/vault.d/tls/ca.crt")]


def parameter(bench) -> str:
    return f"/vaultops/{bench.lab.name}/ca"


def published_ca(bench) -> str:
    return published(bench.lab.aws_url, parameter(bench))


def problems(bench) -> list[str | None]:
    connection = as_operator(bench).connection
    return [look(connection, name)["problem"] for name in connection.nodes]


def processes(bench) -> list[str]:
    """Changes when one of them was restarted."""
    return bench.on_nodes("systemctl show vault -p MainPID -p ExecMainStartTimestampMonotonic")


def test_new_certificates_and_a_new_ca_cost_no_write_and_no_restart(cluster):
    before, active, running = served(cluster), as_operator(cluster).active(), processes(cluster)
    old_ca = trusted_on_nodes(cluster)[0]
    with clients(cluster) as probe:
        code, output = cluster.play(playbook=ROTATE)
    assert code == 0, output
    assert_nothing_lost(probe.report(), LONGEST_GAP_SECONDS)
    renewed = served(cluster)
    assert renewed == on_the_disk(cluster)
    assert all(before[name].public_key() != renewed[name].public_key() for name in before)

    change_ca(cluster, "begin")
    assert served(cluster) == renewed
    with clients(cluster) as probe:  # they have the bundle with both
        code, output = cluster.play("-e", "vault_tls_ca_change=finish", playbook=ROTATE)
        assert code != 0
        assert "still needed by vault-1, vault-2, vault-3. Issue their" in " ".join(output.split()), output
        change_ca(cluster, "switch")
        assert len({certificate.issuer for certificate in served(cluster).values()} - {old_ca[0].subject}) == 1
        assert all(len(trusted) == 2 for trusted in trusted_on_nodes(cluster))
        change_ca(cluster, "finish")
    assert_nothing_lost(probe.report(), LONGEST_GAP_SECONDS)

    assert served(cluster) == on_the_disk(cluster)
    assert all(trusted != old_ca and len(trusted) == 1 for trusted in trusted_on_nodes(cluster))
    assert problems(cluster) == [None] * 3
    assert as_operator(cluster).active() == active
    assert processes(cluster) == running
    code, output = cluster.play()
    assert code == 0, output
    assert output.count("changed=0") == 4, output


def test_a_switch_to_a_new_ca_can_be_taken_back(cluster):
    old = served(cluster)["vault-1"].issuer
    for stage in ("begin", "switch"):
        change_ca(cluster, stage)
    assert served(cluster)["vault-1"].issuer != old
    change_ca(cluster, "begin")
    code, output = cluster.play(playbook=ROTATE)
    assert code == 0, output
    assert {certificate.issuer for certificate in served(cluster).values()} == {old}
    # As if it had never begun.
    cluster.aws("kms").delete_alias(AliasName=f"alias/vault-{cluster.lab.name}-ca-next")
    published = published_ca(cluster)
    pem_of_old = x509.load_pem_x509_certificates(published.encode())[0].public_bytes(PEM).decode()
    cluster.aws("ssm").put_parameter(Name=parameter(cluster), Value=pem_of_old, Type="String", Overwrite=True)


@pytest.mark.parametrize("state", ["active", "standby"])
def test_an_expired_certificate_is_repaired_without_a_leader_change(cluster, state):
    active = as_operator(cluster).active()
    node = next(node for node in cluster.lab.nodes if (node.hostname == active) == (state == "active"))
    texts = expired(cluster.lab.aws_url, cluster.lab.name, node.hostname, node.address)
    for name, text in texts.items():
        inside(node.container, f"cat >/etc/vault.d/tls/{name} <<'END'\n{text}END")
    inside(node.container, "systemctl reload vault")
    running = processes(cluster)
    assert [p for p in problems(cluster) if p] == ["certificate has expired"]

    code, output = cluster.play(playbook="site.yml")
    assert code != 0
    assert "playbooks/rotate_certificates.yml" in " ".join(output.split())
    code, output = cluster.play(playbook=ROTATE)
    assert code == 0, output
    assert f"{node.hostname}: expires" in output
    assert "certificate has expired" in output
    assert problems(cluster) == [None] * 3
    assert as_operator(cluster).active() == active
    assert processes(cluster) == running


def given(bench, folder, fault: str) -> dict[str, str]:
    """Certificates of a CA that is new to everybody, and one fault."""
    ca_key, ca = issue("a new CA", [], None, None)
    other_key, _other = issue("another", [], ca_key, ca)
    for node in bench.lab.nodes:
        names = [node.hostname, f"vault.{bench.lab.name}.internal", "localhost", "127.0.0.1", node.address]
        key, certificate = issue(node.hostname, names, ca_key, ca)
        if fault == "key" and node.hostname == "vault-2":
            key = other_key
        (folder / f"{node.hostname}.crt").write_bytes(certificate.public_bytes(PEM))
        (folder / f"{node.hostname}.key").write_bytes(pem(key))
    old = published_ca(bench).encode()
    (folder / "ca.crt").write_bytes(old + ca.public_bytes(PEM))
    clients_trust = folder / "clients.crt"
    clients_trust.write_bytes(old if fault == "clients" else old + ca.public_bytes(PEM))
    # Who logs in is somebody else's business here.
    tls = identities(bench.lab)
    own = {
        f"vault_{who}_{kind}_file": str(tls / f"vaultops-{who}.{end}")
        for who in ("operator", "admin", "status")
        for kind, end in (("certificate", "crt"), ("key", "key"))
    }
    own["vault_operator_ca_file"] = str(tls / "ca.crt")
    return {"vault_tls_source": "given", "vault_tls_dir": str(folder), "vault_ca_file": str(clients_trust), **own}


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("key", ("vault-2", "is not the key of", "Give the key that the certificate was made for")),
        ("clients", ("vault-1", "was not signed by", "clients.crt", "Give the CA that signed it")),
    ],
)
def test_what_would_not_be_accepted_stops_it_before_a_node_is_touched(cluster, tmp_path, fault, says):
    before, wire = cluster.fingerprint(), served(cluster)
    code, output = cluster.play("-e", json.dumps(given(cluster, tmp_path, fault)), playbook=ROTATE)
    assert code != 0
    said = " ".join(output.split())
    assert all(words in said for words in says), output
    assert cluster.fingerprint() == before
    assert served(cluster) == wire


def test_given_certificates_of_a_new_ca_go_into_service_where_clients_trust_it(cluster, tmp_path):
    variables = json.dumps(given(cluster, tmp_path, "none"))
    code, output = cluster.play("-e", variables, playbook=ROTATE)
    assert code == 0, output
    assert {c.issuer.rfc4514_string() for c in served(cluster).values()} == {"CN=a new CA"}
    code, output = cluster.play("-e", variables, playbook=ROTATE)
    assert code == 0, output
    assert output.count("changed=0") == 4, output
    # The fixture's run, from the private CA, does not trust what is served now: it is told that nobody needs to.
    code, output = cluster.play("-e", "vault_tls_untrusted=true", playbook=ROTATE)
    assert code == 0, output


def test_a_listener_that_keeps_the_old_certificate_gets_its_files_back(cluster):
    """A reload that does nothing on the first node, as a Vault that could not read the new files would do."""
    active = as_operator(cluster).active()
    whose_turn_is_first = next(node for node in cluster.lab.nodes if node.hostname != active)
    first = whose_turn_is_first.container
    drop_in = "/run/systemd/system/vault.service.d"
    text = "[Service]\\nExecReload=\\nExecReload=/bin/true\\n"
    inside(first, f"mkdir -p {drop_in}; printf '{text}' >{drop_in}/deaf.conf; systemctl daemon-reload")
    before, disk = served(cluster), on_the_disk(cluster)
    keys = cluster.on_nodes("sha256sum /etc/vault.d/tls/vault.key")
    try:
        code, output = cluster.play(playbook=ROTATE)
    finally:
        inside(first, f"rm -r {drop_in}; systemctl daemon-reload")
    said = " ".join(output.split())
    assert code != 0
    assert whose_turn_is_first.hostname in said
    assert "still serves another certificate than the new one" in said, output
    assert "The old files were put back" in said
    assert served(cluster) == before
    assert on_the_disk(cluster) == disk
    assert cluster.on_nodes("sha256sum /etc/vault.d/tls/vault.key") == keys


def test_another_log_level_is_reloaded_and_nothing_restarted(cluster):
    running = processes(cluster)
    try:
        code, output = cluster.play("-e", "vault_server_log_level=debug")
        assert code == 0, output
        said = cluster.on_nodes("journalctl --unit vault --output cat --since -60s")
        assert all('"@level":"debug"' in text for text in said)
    finally:
        code, output = cluster.play()
    assert code == 0, output
    assert processes(cluster) == running
    code, output = cluster.play()
    assert output.count("changed=0") == 4, output


def test_no_private_key_shows(cluster):
    code, output = cluster.play("-vvv", "--diff", playbook=ROTATE)
    assert code == 0
    keys = cluster.on_nodes("cat /etc/vault.d/tls/vault.key")
    assert len(set(keys)) == 3
    for key in keys:
        secret = key.splitlines()[1]
        assert secret not in output


def test_a_key_never_leaves_its_node_and_one_that_was_left_waiting_is_used(cluster):
    """A run that was killed once the key was made, and another after the key was put in place without its certificate."""
    node = cluster.lab.nodes[1]
    tls = "/etc/vault.d/tls"
    inside(node.container, f"openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out {tls}/pending.key")
    waiting = inside(node.container, f"sha256sum <{tls}/pending.key")
    code, output = cluster.play(playbook=ROTATE)
    assert code == 0, output
    assert inside(node.container, f"sha256sum <{tls}/vault.key") == waiting
    assert inside(node.container, f"ls {tls}").split() == ["ca.crt", "replaced", "vault.crt", "vault.key"]

    inside(node.container, f"openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out {tls}/pending.key")
    inside(
        node.container, f"cp {tls}/pending.key {tls}/vault.key; chown vault {tls}/vault.key; chmod 0400 {tls}/vault.key"
    )
    before = served(cluster)
    code, output = cluster.play()
    assert code == 0, output
    after = served(cluster)
    changed = [name for name in after if after[name] != before[name]]
    assert changed == [node.hostname]
    assert after == on_the_disk(cluster)
    code, output = cluster.play()
    assert output.count("changed=0") == 4, output


def test_a_parameter_that_was_removed_is_published_again_from_the_nodes(cluster):
    before = published_ca(cluster)
    cluster.aws("ssm").delete_parameter(Name=parameter(cluster))
    code, output = cluster.play("--check")
    assert code == 0, output
    assert "are published" in output
    code, output = cluster.play()
    assert code == 0, output
    assert published_ca(cluster) == before
    code, output = cluster.play()
    assert output.count("changed=0") == 4, output
