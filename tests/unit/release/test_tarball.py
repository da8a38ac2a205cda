"""One content is one tarball."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile

import pytest
from release import tarball

FILES = {"README.md": b"words\n", "plugins/a.py": b"a = 1\n", "run.sh": b"true\n"}


def built(path, names, time):
    """As ansible-galaxy does it: the files in some order, and the time of day."""
    listed = json.dumps({"files": [{"name": "."}, *({"name": name} for name in names)], "format": 1}).encode()
    manifest = {"collection_info": {"name": "cluster"}, "file_manifest_file": {"chksum_sha256": "?"}}
    own = {"MANIFEST.json": json.dumps(manifest).encode(), "FILES.json": listed}
    with tarfile.open(path, "w:gz") as archive:
        for name, content in {**own, **{name: FILES[name] for name in names}}.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.mode = len(content), time, 0o755 if name == "run.sh" else 0o644
            archive.addfile(entry, io.BytesIO(content))
        link = tarfile.TarInfo("link")
        link.type, link.linkname, link.mtime = tarfile.SYMTYPE, "README.md", time
        archive.addfile(link)
    return path


@pytest.fixture
def normal(tmp_path):
    def normal(names, time, epoch=1_700_000_000):
        target = tmp_path / f"{time}.tar.gz"
        tarball.normalise(built(tmp_path / "built.tar.gz", names, time), target, epoch)
        return target

    return normal


def test_neither_order_nor_time_of_the_build_is_in_it(normal):
    one, other = normal(list(FILES), 1), normal(list(reversed(FILES)), 99)
    assert one.read_bytes() == other.read_bytes()
    # gzip has a time of its own, in seconds: two builds of the same second would be equal by chance.
    assert int.from_bytes(one.read_bytes()[4:8], "little") == 1_700_000_000


def test_it_holds_what_was_built(normal):
    with tarfile.open(normal(list(FILES), 1)) as archive:
        assert {name: archive.extractfile(name).read() for name in FILES} == FILES
        assert archive.getmember("run.sh").mode == 0o755
        assert archive.getmember("README.md").mode == 0o644
        assert archive.getmember("link").linkname == "README.md"
        assert {member.mtime for member in archive} == {1_700_000_000}
        assert archive.getnames()[:2] == ["MANIFEST.json", "FILES.json"]


def test_the_manifest_has_the_sum_of_the_list(normal):
    path = normal(list(reversed(FILES)), 1)
    with tarfile.open(path) as archive:
        listed = archive.extractfile("FILES.json").read()
    manifest = json.loads(tarball.manifest_of(path))
    assert manifest["file_manifest_file"]["chksum_sha256"] == hashlib.sha256(listed).hexdigest()
    assert [one["name"] for one in json.loads(listed)["files"]] == [".", *sorted(FILES)]


def test_another_content_or_commit_is_another_tarball(normal):
    one = gzip.decompress(normal(list(FILES), 1).read_bytes())
    assert one != gzip.decompress(normal(list(FILES)[:2], 2).read_bytes())
    assert one != gzip.decompress(normal(list(FILES), 3, epoch=1_700_000_001).read_bytes())
