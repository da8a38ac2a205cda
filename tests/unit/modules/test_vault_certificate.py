"""A certificate goes into service on a node, with a listener on loopback in Vault's place and a stand-in for systemctl."""

from __future__ import annotations

import datetime
import grp
import hashlib
import json
import os
import pwd
import shutil
import ssl
import stat
import subprocess
import sys

import pytest
from ansible_collections.vaultops.cluster.plugins.modules import (
    vault_certificate,
    vault_certificate_request,
    vault_node_info,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from kit.certificates import identified

NAME = "vault.prod.internal"
FILES = ["ca.crt", "vault.crt", "vault.key"]

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the files are root's")


def name_of(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Authority:
    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.pem = self._signed("ca", self.key.public_key(), None, 30)

    def pair(self, dns=NAME, days=30):
        """Certificate and key, in PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        pkcs8, no_password = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        text = key.private_bytes(serialization.Encoding.PEM, pkcs8, no_password).decode()
        return self._signed(dns, key.public_key(), dns, days), text

    def sign(self, request, days=30):
        """A certificate of the key in the request."""
        found = x509.load_pem_x509_csr(request.encode())
        assert found.is_signature_valid
        return self._signed(NAME, found.public_key(), NAME, days)

    def _signed(self, name, public_key, dns, days):
        now, day = datetime.datetime.now(datetime.timezone.utc), datetime.timedelta(days=1)
        builder = x509.CertificateBuilder(name_of("ca"), name_of(name), public_key, x509.random_serial_number())
        builder = builder.not_valid_before(now - 9 * day).not_valid_after(now + days * day)
        builder = builder.add_extension(x509.BasicConstraints(ca=dns is None, path_length=None), critical=True)
        if dns:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(dns)]), critical=False)
        builder = identified(builder, public_key, self.key.public_key(), dns is None)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def sha256(certificate):
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate)).hexdigest()


@pytest.fixture
def ca():
    return Authority()


@pytest.fixture
def user_vault(monkeypatch):
    """The user and group that the nodes have, and this machine need not."""
    user = pwd.struct_passwd(("vault", "x", 64200, 64200, "", "/", "/usr/sbin/nologin"))
    group = grp.struct_group(("vault", "x", 64200, []))
    known = {
        "getpwnam": ("vault", user),
        "getpwuid": (64200, user),
        "getgrnam": ("vault", group),
        "getgrgid": (64200, group),
    }
    for function, (asked, found) in known.items():
        module = pwd if "pw" in function else grp

        real = getattr(module, function)
        monkeypatch.setattr(
            module,
            function,
            lambda which, asked=asked, found=found, real=real: found if which == asked else real(which),
        )


@pytest.fixture
def node(tmp_path, ca, node_with, run_module, user_vault, listening):
    serving = tmp_path / "serving"

    def in_memory():
        """What lay in *serving* when it was last reloaded."""
        if not serving.exists():
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(serving / "vault.crt", serving / "vault.key")
        return context

    class Node:
        folder, log = tmp_path / "tls", tmp_path / "log"
        address = listening(in_memory)

        def runs(self, reload="takes"):
            """*reload*: what it does with what lies on the disk. One that breaks serves a third certificate from then on."""
            takes = f"cp {self.folder}/vault.crt {self.folder}/vault.key {serving}"
            reloads = {
                "takes": takes,
                "keeps": "true",
                "fails": "echo 'Job for vault.service failed.' >&2; exit 1",
                "breaks": f"cp {tmp_path}/third/* {serving}",
            }
            show = "LoadState=loaded\\nActiveState=active\\nMainPID=1\\n"
            node_with(
                systemctl=f"""[ "$1" = show ] && {{ printf '{show}'; exit; }}\necho "$*" >>{self.log}\n{reloads[reload]}"""
            )

        def stands(self):
            """It is not running."""
            node_with(
                systemctl=f"""[ "$1" = show ] && printf 'LoadState=loaded\\nMainPID=0\\n' || echo "$*" >>{self.log}"""
            )

        def has(self, certificate, key):
            """Serves it, and has it on its disk."""
            self.bring((certificate, key))
            serving.mkdir(exist_ok=True)
            shutil.copy(self.folder / "vault.crt", serving)
            shutil.copy(self.folder / "vault.key", serving)
            self.log.unlink(missing_ok=True)

        def bring(self, pair, check=False, **more):
            options = {"certificate": pair[0], "private_key": pair[1], "ca": ca.pem, "server_name": NAME}
            places = {"directory": str(self.folder), "listener": self.address, "timeout": 5}
            return run_module(vault_certificate, check, **{**options, **places, **more})

        def bring_own(self, certificate=None, check=False, **more):
            """With the key that the node has, or that waits there."""
            options = {"certificate": certificate, "ca": ca.pem, "server_name": NAME}
            places = {"directory": str(self.folder), "listener": self.address, "timeout": 5}
            return run_module(vault_certificate, check, **{**options, **places, **more})

        def requests(self, check=False):
            """The key that waits, in PEM, and a certificate of it by the CA."""
            said = run_module(vault_certificate_request, check, common_name="vault-1", directory=str(self.folder))
            assert not said.get("failed"), said
            return said["request"]

        def told(self):
            return self.log.read_text().splitlines() if self.log.exists() else []

        def content(self):
            return {path.name: path.read_text() for path in sorted(self.folder.glob("*")) if path.is_file()}

        def replaced(self):
            return [path.read_text() for path in sorted(self.folder.glob("replaced/*"))]

    return Node()


@pytest.fixture
def old(ca):
    return ca.pair()


@pytest.fixture
def new(ca):
    return ca.pair()


def test_a_new_certificate_is_served_after_a_reload(node, old, new, ca):
    node.runs()
    node.has(*old)
    said = node.bring(new)
    assert (said["changed"], said["reloaded"], said["sha256"]) == (True, True, sha256(new[0]))
    assert said["paths"] == [str(node.folder / "vault.key"), str(node.folder / "vault.crt")], "the key comes first"
    assert node.told() == ["reload vault"]
    assert node.content() == {"ca.crt": ca.pem, "vault.crt": new[0], "vault.key": new[1]}


def test_who_may_read_what(node, new):
    node.runs()
    node.has(*new)
    found = {path.name: path.stat() for path in [node.folder, *node.folder.glob("*")]}
    assert {name: (one.st_uid, one.st_gid, f"{stat.S_IMODE(one.st_mode):o}") for name, one in found.items()} == {
        "tls": (0, 64200, "750"),
        "ca.crt": (0, 0, "644"),
        "vault.crt": (0, 0, "644"),
        "vault.key": (64200, 64200, "400"),
    }


def test_a_second_run_changes_nothing_and_reloads_nothing(node, old, new):
    node.runs()
    node.has(*old)
    node.bring(new)
    node.log.unlink()
    said = node.bring(new)
    assert (said["changed"], said["reloaded"], said["paths"], said["diff"]) == (False, False, [], [])
    assert said["sha256"] == sha256(new[0])
    assert node.told() == []


def test_check_mode_lays_down_nothing_and_says_what_a_run_does(node, old, new):
    node.runs()
    node.has(*old)
    before = node.content()
    said = node.bring(new, check=True)
    assert node.content() == before
    assert node.told() == []
    done = node.bring(new)
    same = ("changed", "reloaded", "paths", "sha256", "diff")
    assert {name: said[name] for name in same} == {name: done[name] for name in same}
    assert set(said) == set(done)


def test_where_vault_does_not_run_the_files_are_laid_down_and_nothing_is_reloaded(node, new):
    node.stands()
    said = node.bring(new)
    assert (said["changed"], said["reloaded"]) == (True, False)
    assert said["paths"] == [
        str(node.folder),
        *(str(node.folder / name) for name in ("ca.crt", "vault.key", "vault.crt")),
    ]
    assert sorted(node.content()) == FILES
    assert node.told() == []


def test_what_lies_there_and_is_not_served_is_reloaded(node, old, new):
    """A run that was killed before its reload."""
    node.runs()
    node.has(*old)
    for name, text in (("vault.crt", new[0]), ("vault.key", new[1])):
        (node.folder / name).write_text(text)
    said = node.bring(new)
    assert (said["changed"], said["reloaded"], said["paths"]) == (True, True, [])
    assert node.told() == ["reload vault"]


def test_the_private_key_is_in_no_result(node, old, new):
    node.runs()
    node.has(*old)
    for said in (node.bring(new, check=True), node.bring(new)):
        shown = json.dumps(said)
        for key in (old[1], new[1]):
            assert key.splitlines()[1] not in shown
        assert "(secret content, not shown)" in shown


def test_a_vault_that_keeps_the_old_certificate_gets_its_files_back(node, old, new):
    node.runs("keeps")
    node.has(*old)
    before = node.content()
    said = node.bring(new, timeout=0)
    assert said["msg"].startswith(
        "After a reload the listener still serves another certificate than the new one (waited 0 s)."
    )
    assert "The old files were put back. Look at 'journalctl -u vault', then run again." in said["msg"]
    assert node.content() == before, "a restart finds a pair that belongs together"
    assert node.told() == ["reload vault", "reload vault"]


def test_a_vault_that_does_not_take_its_old_files_back_is_told_apart(node, ca, old, new, tmp_path):
    third = tmp_path / "third"
    third.mkdir()
    for name, text in zip(("vault.crt", "vault.key"), ca.pair(), strict=True):
        (third / name).write_text(text)
    node.runs("breaks")
    node.has(*old)
    said = node.bring(new, timeout=0)
    assert said["msg"] == (
        "After a reload the listener does not serve the new certificate, and with the old files back not the old one. "
        "Look at 'journalctl -u vault'."
    )
    assert node.content()["vault.crt"] == old[0]


def test_without_files_of_before_there_is_nothing_to_put_back(node, old, new):
    node.runs("keeps")
    node.has(*old)
    shutil.rmtree(node.folder)
    said = node.bring(new, timeout=0)
    assert "still serves another certificate than the new one" in said["msg"]
    assert "put back" not in said["msg"]
    assert node.content()["vault.crt"] == new[0]


def test_a_reload_that_fails_is_told_in_systemds_words(node, old, new):
    node.runs("fails")
    node.has(*old)
    said = node.bring(new, service="vault")
    assert said["msg"] == "The service vault can't be reloaded (Job for vault.service failed.)."


# --- a key that never leaves the node


def test_a_node_makes_a_key_and_puts_it_into_service_with_its_certificate(node, ca):
    node.stands()
    certificate = ca.sign(node.requests())
    waiting = (node.folder / "pending.key").stat()
    assert (waiting.st_uid, stat.S_IMODE(waiting.st_mode)) == (0, 0o600)
    key = node.content()["pending.key"]
    said = node.bring_own(certificate)
    assert said["changed"] and said["sha256"] == sha256(certificate)
    assert node.content() == {"ca.crt": ca.pem, "vault.crt": certificate, "vault.key": key}
    assert node.replaced() == []
    for again in (node.bring_own(certificate), node.bring_own()):
        assert (again["changed"], again["paths"]) == (False, [])


def test_what_is_replaced_is_kept_until_it_has_expired(node, ca, old):
    node.runs()
    node.has(*old)
    first = ca.sign(node.requests())
    assert node.bring_own(first)["reloaded"]
    assert node.replaced() == [old[0]]
    expired = ca.pair(days=-1)[0]
    (node.folder / "replaced/expired.crt").write_text(expired)
    assert node.bring_own(ca.sign(node.requests()))["changed"]
    assert sorted(node.replaced()) == sorted([old[0], first])


def test_a_request_is_for_the_key_that_waits_and_check_mode_makes_none(node):
    node.stands()
    assert node.requests(check=True) == "" and not node.folder.exists()
    first, second = node.requests(), node.requests()
    keys = [x509.load_pem_x509_csr(one.encode()).public_key() for one in (first, second)]
    assert keys[0] == keys[1] and keys[0].curve.name == "secp256r1"
    assert "PRIVATE" not in first


def test_two_requests_at_once_are_for_one_key(node):
    """A module that Ansible repeats after its connection was cut, while the first still runs."""
    node.stands()
    program = (
        "import sys; from ansible_collections.vaultops.cluster.plugins.module_utils._node import certificate;"
        "sys.stdout.write(certificate.request(sys.argv[1], 'vault-1'))"
    )
    command = [sys.executable, "-c", program, str(node.folder)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _number in range(6)]
    requests = [process.communicate(timeout=60)[0] for process in running]
    assert len({x509.load_pem_x509_csr(one.encode()).public_key().public_numbers() for one in requests}) == 1


def test_a_key_that_was_put_in_place_without_its_certificate_is_seen_and_mended(node, ca, old, run_module):
    """A run that was killed between the two."""
    node.runs()
    node.has(*old)
    node.requests()
    shutil.copy(node.folder / "pending.key", node.folder / "vault.key")

    def seen():
        return vault_node_info.certificate.look(str(node.folder))

    assert seen() == {"certificate": old[0], "ca": ca.pem, "key_fits": False, "replaced": []}
    said = node.bring_own()
    assert said["failed"] and "is the key of the certificate (there: vault.key, pending.key). Run again" in said["msg"]
    certificate = ca.sign(node.requests())
    assert not node.bring_own(certificate).get("failed")
    assert seen() == {"certificate": certificate, "ca": ca.pem, "key_fits": True, "replaced": [old[0]]}
    assert "pending.key" not in node.content()


def test_a_vault_that_keeps_the_old_certificate_gets_its_own_key_back(node, ca, old):
    node.runs("keeps")
    node.has(*old)
    certificate = ca.sign(node.requests())
    before = node.content()
    assert "The old files were put back." in node.bring_own(certificate, timeout=0)["msg"]
    assert node.content() == before and node.replaced() == []


def test_no_key_is_in_a_result(node, ca, old):
    node.runs()
    node.has(*old)
    certificate = ca.sign(node.requests())
    keys = [node.content()[name].splitlines()[1] for name in ("vault.key", "pending.key")]
    shown = json.dumps([node.bring_own(certificate, check=True), node.bring_own(certificate)])
    assert not any(key in shown for key in keys)


def test_a_node_without_a_certificate_or_openssl_is_told_so(node, node_with):
    node.stands()
    assert "There is no certificate in" in node.bring_own()["msg"]
    node_with(openssl="exit 127")
    with pytest.raises(AssertionError, match="openssl genpkey failed on the node"):
        node.requests()


# --- what is refused before anything is installed


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        ("another key", "The private key is not the certificate's. Give the key that the certificate was made for."),
        ("no key", "Certificate or private key can't be used ("),
        ("no certificate", "Certificate or private key can't be used ("),
        ("another ca", "Clients would not accept the certificate ("),
        ("no ca", "The CA can't be used ("),
        ("another name", "Clients would not accept the certificate (Hostname mismatch"),
        (
            "expired",
            "Clients would not accept the certificate (certificate has expired). It must be signed by a CA in",
        ),
    ],
)
@pytest.mark.parametrize("check", [False, True])
def test_what_no_client_would_accept_never_reaches_the_node(node, ca, old, spoil, says, check):
    node.runs()
    node.has(*old)
    before = node.content()
    (certificate, key), other = ca.pair(), ca.pair()
    spoilt = {
        "another key": {"private_key": other[1]},
        "no key": {"private_key": "none"},
        "no certificate": {"certificate": "none"},
        "another ca": {"ca": Authority().pem},
        "no ca": {"ca": "none"},
        "another name": {"server_name": "vault.test.internal"},
        "expired": dict(zip(("certificate", "private_key"), ca.pair(days=-1), strict=True)),
    }
    said = node.bring((certificate, key), check, **spoilt[spoil])
    assert said["failed"]
    assert said["msg"].startswith(says), said["msg"]
    assert node.content() == before
    assert node.told() == []
    assert key.splitlines()[1] not in json.dumps(said)


def test_something_else_in_the_place_of_the_directory_is_named(node, new, tmp_path):
    node.stands()
    (tmp_path / "tls").write_text("")
    said = node.bring(new)
    assert said["msg"] == (
        f"{tmp_path / 'tls'} is not a directory. Something else put it there. Move it away, then run again."
    )


def test_a_node_without_systemd_is_told_what_nodes_need(node, new, node_with):
    node_with(systemctl="echo 'System has not been booted with systemd' >&2; exit 1")
    said = node.bring(new)
    assert (
        said["msg"] == "systemd does not answer: System has not been booted with systemd. The nodes must run systemd."
    )
    assert not node.folder.exists()
