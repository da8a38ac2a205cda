"""What is read of a node, and what of it is not in line: nothing that was not read may pass for being right."""

from __future__ import annotations

import hashlib
import os
import pathlib
import stat

import pytest
from ansible_collections.vaultops.cluster.plugins.filter import in_line as filters
from ansible_collections.vaultops.cluster.plugins.module_utils._common import product
from ansible_collections.vaultops.cluster.plugins.module_utils._node import installed, managed, reloads
from ansible_collections.vaultops.cluster.plugins.module_utils._node.files import Entry, look, put
from ansible_collections.vaultops.cluster.plugins.module_utils._node.files import difference as by_the_module
from ansible_collections.vaultops.cluster.plugins.module_utils._plan import in_line
from ansible_collections.vaultops.cluster.plugins.module_utils._snapshot import tool

OWNER = managed.look_at(["/"])["/"]["attributes"].partition(" ")[0]
USER, GROUP = OWNER.split(":")

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="owners are given away")


@pytest.fixture
def entries(tmp_path):
    found = [
        Entry(str(tmp_path / "etc"), USER, GROUP, 0o750),
        Entry(str(tmp_path / "etc" / "a.hcl"), USER, GROUP, 0o640, 'log_level = "info"\n'),
        Entry(str(tmp_path / "etc" / "key"), "nobody", GROUP, 0o400, "secret", secret=True),
    ]
    for entry in found:
        put(entry)
    return found


def seen(tmp_path):
    return {"paths": managed.look_at([str(tmp_path / "*"), str(tmp_path / "etc" / "*")])}


def test_what_was_put_there_is_in_line(tmp_path, entries):
    assert in_line.paths(seen(tmp_path), entries) == []


@pytest.mark.parametrize("observed", [{}, {"paths": {}}, {"paths": None}])
def test_what_was_not_looked_at_is_not(entries, observed):
    assert in_line.paths(observed, entries) == [entry.path for entry in entries]


def _longer(path):
    path.write_text(path.read_text() + "# more\n")


def _a_directory(path):
    path.unlink()
    path.mkdir()
    path.chmod(0o640)


CHANGES = {
    "content": _longer,
    "line ends": lambda path: path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n")),
    "mode": lambda path: path.chmod(0o644),
    "owner": lambda path: os.chown(path, 1, -1),
    "group": lambda path: os.chown(path, -1, 1),
    "gone": lambda path: path.unlink(),
    "a directory": _a_directory,
    "a link": lambda path: (path.rename(f"{path}.x"), path.symlink_to(f"{path}.x")),
}


@pytest.mark.parametrize("change", CHANGES)
def test_each_way_of_differing_is_seen_and_the_module_would_see_it_too(tmp_path, entries, change):
    CHANGES[change](tmp_path / "etc" / "a.hcl")
    assert in_line.paths(seen(tmp_path), entries) == [entries[1].path]
    if change not in ("a directory", "a link"):  # these the module refuses
        assert by_the_module(entries[1], look(entries[1])) is not None


def test_a_file_in_the_place_of_a_directory(tmp_path):
    (tmp_path / "etc").write_text("")
    (tmp_path / "etc").chmod(0o750)
    assert in_line.paths(seen(tmp_path), [Entry(str(tmp_path / "etc"), USER, GROUP, 0o750)]) != []


CERTIFICATE = [Entry("/x", USER, GROUP, 0o644, "pem")]


RUNS, STOPPED = {"service": {"main_pid": 7}}, {"service": {"main_pid": None}}


@pytest.mark.parametrize(
    ("seen", "found"),
    [
        ({**RUNS, "served": "aa"}, []),
        ({**RUNS, "served": "bb"}, ["the listener"]),
        ({**RUNS, "served": None}, ["the listener"]),  # it did not answer
        ({**STOPPED, "served": None}, []),
        ({"served": None}, ["the listener"]),
        ({}, ["the listener"]),
    ],
)
def test_what_the_listener_serves_counts_as_well(seen, found):
    looked = {"/x": {"kind": "file", "attributes": f"{OWNER} 0644", "sha256": "0" * 64}}
    assert in_line.certificate({"paths": looked, **seen}, [], "aa") == found
    assert in_line.certificate({"paths": looked, **seen}, CERTIFICATE, "aa") == ["/x", *found]


def test_a_file_that_a_service_writes_to_is_there_and_its_own(tmp_path):
    log = tmp_path / "audit.log"
    wanted = [{"path": str(log), "owner": USER}]
    assert in_line.written({}, wanted) == [str(log)]
    log.write_bytes(b"x" * (managed.SUMMED_BYTES + 1))
    looked = managed.look_at([str(log)])
    assert looked[str(log)]["sha256"] is None
    assert in_line.written({"paths": looked}, wanted) == []
    assert in_line.written({"paths": looked}, [{**wanted[0], "owner": "nobody"}]) == [str(log)]
    log.unlink()
    log.mkdir()
    assert in_line.written({"paths": managed.look_at([str(log)])}, wanted) == [str(log)]


def test_of_a_key_that_only_the_node_has_the_attributes_are_compared(tmp_path):
    (tmp_path / "ca.crt").write_text("ca")
    where = "/etc/vault.d/tls"

    def seen(**changes):
        looked = {
            where: {"kind": "directory", "attributes": "root:vault 0750", "sha256": None},
            f"{where}/ca.crt": {"kind": "file", "attributes": "root:root 0644", "sha256": sha256("ca")},
            f"{where}/vault.key": {"kind": "file", "attributes": "vault:vault 0400", "sha256": sha256("whatever")},
            f"{where}/vault.crt": {"kind": "file", "attributes": "root:root 0644", "sha256": sha256("own")},
        }
        for name, change in changes.items():
            looked[f"{where}/{name.replace('_', '.')}"].update(change)
        return {"paths": looked, "certificate": {"certificate": "own"}, "service": {"main_pid": None}}

    def out_of_line(observed):
        return filters.node_certificate_out_of_line(observed, str(tmp_path / "ca.crt"), where)

    assert out_of_line(seen()) == []
    assert out_of_line(seen(vault_key={"sha256": sha256("another")})) == []
    assert out_of_line(seen(vault_key={"attributes": "vault:vault 0444"})) == [f"{where}/vault.key"]
    assert out_of_line(seen(ca_crt={"sha256": sha256("old")})) == [f"{where}/ca.crt"]
    assert out_of_line({**seen(), "service": {"main_pid": 7}, "served": "of another"}) == ["the listener"]
    assert len(out_of_line({})) == 4, "what was not looked at is not in line"
    assert filters.node_certificate_out_of_line(seen(), str(tmp_path / "no.crt"), where) == [str(tmp_path / "no.crt")]


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def test_a_certificate_that_is_not_on_the_controller_is_on_no_node(tmp_path):
    local = {name: str(tmp_path / name) for name in ("certificate", "private_key", "ca")}
    assert filters.certificate_out_of_line({"served": None}, local, "/etc/vault.d/tls") == [local["certificate"]]


def test_users_by_what_is_asked_of_them():
    there = managed.users(["root", "not-here"])
    assert list(there) == ["root"]
    wanted = {"root": {"home": there["root"]["home"]}}
    assert in_line.users({"users": there}, wanted) == []
    assert in_line.users({"users": there}, {"root": {"home": "/elsewhere"}}) == ["root"]
    assert in_line.users({"users": there}, {"not-here": {"home": "/"}}) == ["not-here"]
    assert in_line.users({}, wanted) == ["root"]


TIMER = {"enabled": True, "active": True, "stale": False}


@pytest.mark.parametrize(
    ("timer", "service", "found"),
    [
        ({}, {}, []),
        ({"enabled": False}, {}, ["a.timer"]),
        ({"active": False}, {}, ["a.timer"]),
        ({"stale": True}, {}, ["a.timer"]),
        ({}, {"stale": True}, ["a.service"]),
    ],
)
def test_units_that_are_on_and_that_systemd_has_read(timer, service, found):
    there = {"a.timer": {**TIMER, **timer}, "a.service": {**TIMER, "enabled": False, "active": False, **service}}
    assert in_line.units({"units": there}, ["a.timer"], ["a.service"]) == found
    assert in_line.units({}, ["a.timer"], ["a.service"]) == ["a.timer", "a.service"]


@pytest.fixture
def release(tmp_path, monkeypatch):
    # The folders above are the test's own; what of them others may change is not what is asked here.
    monkeypatch.setattr(managed.guard, "refuse_foreign", lambda *_arguments: None)
    home = tmp_path / "home"
    folder = home / "releases" / "1.21.1"
    folder.mkdir(parents=True)
    (folder / "vault").write_text("binary")
    (folder / "vault").chmod(0o755)
    for path in (home, home / "releases", folder):
        path.chmod(0o755)
    installed.keep(str(folder / "vault"), "1.21.1", "sum-of-archive", installed.digest(str(folder / "vault")))
    link = tmp_path / "vault"
    link.symlink_to(folder / "vault")
    return home, folder, link


def proven(release, version="1.21.1"):
    home, _folder, link = release
    return managed.release_is_proven(version, str(home), str(home / "releases"), str(link))


def test_a_release_that_is_switched_on_and_what_was_laid_down(release):
    assert proven(release)
    assert not proven(release, "1.21.0")


RELEASE_CHANGES = {
    "another binary": lambda home, folder, link: (folder / "vault").write_text("other!"),
    "no sums": lambda home, folder, link: (folder / installed.RECORD).unlink(),
    "sums that others may write": lambda home, folder, link: (folder / installed.RECORD).chmod(0o666),
    "a folder of somebody else": lambda home, folder, link: os.chown(folder, 1, 1),
    "a home that others may write": lambda home, folder, link: home.chmod(0o777),
    "no link": lambda home, folder, link: link.unlink(),
    "a file in the link's place": lambda home, folder, link: (link.unlink(), link.write_text("")),
    "no release": lambda home, folder, link: (folder / "vault").unlink(),
}


@pytest.mark.parametrize("change", RELEASE_CHANGES)
def test_whatever_is_wrong_with_a_release_is_left_to_its_module(release, change):
    RELEASE_CHANGES[change](*release)
    assert not proven(release)


def test_the_tool_has_another_key_for_other_code_packages_python_and_processor(tmp_path):
    (tmp_path / "_backup").mkdir()
    for path in tool.SHARED:
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("")
    code, packages = tmp_path / "_backup" / "run.py", tmp_path / "requirements.txt"
    code.write_text("a")
    packages.write_text("b")
    keys = [tool.key(tmp_path, packages, "3.11", "x86_64"), tool.key(tmp_path, packages, "3.12", "x86_64")]
    keys.append(tool.key(tmp_path, packages, "3.11", "aarch64"))
    code.write_text("c")
    keys.append(tool.key(tmp_path, packages, "3.11", "x86_64"))
    packages.write_text("d")
    keys.append(tool.key(tmp_path, packages, "3.11", "x86_64"))
    assert len(set(keys)) == len(keys)
    assert filters.backup_tool_key(str(tmp_path), str(packages), "3.11", "x86_64") == keys[-1]
    assert all(pathlib.Path(path).suffix == ".py" for path in tool.files(tmp_path))


def test_a_special_file_is_neither(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert stat.S_ISFIFO(os.lstat(tmp_path / "pipe").st_mode)
    assert managed.look_at([str(tmp_path / "pipe")])[str(tmp_path / "pipe")]["kind"] == "other"


HCL = '# Made by vaultops.cluster.\ncluster_name = "prod"\nintrospection_endpoint = true\n'


@pytest.mark.parametrize(
    ("wanted", "running", "mode", "found"),
    [
        (HCL.replace("true", "false"), "1.21.1", 0o640, True),
        (HCL, "1.21.1", 0o600, False),  # nothing is to be read anew
        (HCL, "1.21.1", 0o640, False),
        (HCL.replace("prod", "other"), "1.21.1", 0o640, False),
        (HCL.replace("true", "false"), "1.12.0", 0o640, False),
        (HCL.replace("true", "false"), None, 0o640, False),
    ],
)
def test_what_a_reload_brings_into_effect_of_what_differs(tmp_path, wanted, running, mode, found):
    path = str(tmp_path / "vault.hcl")
    put(Entry(path, USER, GROUP, 0o640, HCL))
    looked = {
        "paths": managed.look_at([path]),
        "running": running,
        "restart_parts": reloads.digests({path: HCL}, product.told(running)),
    }
    options = {"path": path, "content": wanted, "owner": USER, "group": GROUP, "mode": f"{mode:04o}"}
    assert filters.paths_reloaded(looked, [options]) == ([path] if found else [])
    assert filters.paths_reloaded({}, [options]) == [], "nobody has looked"


@pytest.mark.parametrize(
    ("wanted", "more", "found"),
    [
        ({}, {}, False),
        ({"mode": "0600"}, {}, True),
        ({"owner": "nobody"}, {}, True),
        ({}, {"mislabelled": True}, True),
        ({"content": f"{HCL}ui = true\n"}, {"mislabelled": True}, False),
        ({"content": f"{HCL}ui = true\n"}, {}, False),
    ],
)
def test_of_which_files_the_attributes_alone_differ(tmp_path, wanted, more, found):
    path = str(tmp_path / "vault.hcl")
    put(Entry(path, USER, GROUP, 0o640, HCL))
    looked = {"paths": {path: {**managed.look_at([path])[path], **more}}}
    options = {"path": path, "content": HCL, "owner": USER, "group": GROUP, "mode": "0640", **wanted}
    assert filters.paths_mended_in_place(looked, [options]) == ([path] if found else [])
    assert filters.paths_mended_in_place({}, [options]) == [], "nobody has looked"
