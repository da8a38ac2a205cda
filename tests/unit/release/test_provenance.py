"""What a release's statement says. tests/loopback/test_release.py shows one to in-toto's own library."""

from __future__ import annotations

import hashlib

from kit.paths import ROOT
from release import make, provenance


def stated(tmp_path, **others):
    (tmp_path / "b.tar.gz").write_bytes(b"b")
    (tmp_path / "a.json").write_bytes(b"a")
    (tmp_path / "pins.txt").write_bytes(b"urllib3==2.8.0\n")
    options = {
        "repository": "https://example.com/c",
        "version": "1.0.0",
        "commit": "c" * 40,
        "builder": "https://example.com/builder",
        "tools": {"python": "3.11"},
        "subjects": [tmp_path / "b.tar.gz", tmp_path / "a.json"],
        "materials": [("folder/pins.txt", tmp_path / "pins.txt")],
    }
    return provenance.statement(**options | others)


def test_it_names_the_files_the_source_and_the_pins_by_their_digests(tmp_path):
    statement = stated(tmp_path)
    assert [one["name"] for one in statement["subject"]] == ["a.json", "b.tar.gz"]
    assert statement["subject"][0]["digest"] == {"sha256": hashlib.sha256(b"a").hexdigest()}
    source, pins = statement["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert source["uri"] == f"git+https://example.com/c@{'c' * 40}"
    assert source["digest"] == {"gitCommit": "c" * 40}
    assert pins["name"] == "folder/pins.txt"
    assert pins["digest"] == {"sha256": hashlib.sha256(b"urllib3==2.8.0\n").hexdigest()}
    assert statement["predicate"]["runDetails"]["builder"]["id"] == "https://example.com/builder"


def test_the_order_of_files_on_the_disk_is_not_in_it(tmp_path):
    turned = stated(tmp_path, subjects=[tmp_path / "a.json", tmp_path / "b.tar.gz"])
    assert provenance.text(stated(tmp_path)) == provenance.text(turned)


def test_every_material_is_there_and_every_file_of_pins_is_a_material():
    assert all((ROOT / name).exists() for name in make.MATERIALS)
    # What a release is made of, and made with. The tests' own pins are not.
    for folder in ("execution-environment", "meta", "roles/vault_backup/files", "tests/galaxy", "tests/release"):
        for path in (ROOT / folder).glob("requirements*.txt"):
            assert str(path.relative_to(ROOT)) in make.MATERIALS
