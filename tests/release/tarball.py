"""The tarball that ansible-galaxy builds has the times of its building, and files in the order in which the disk gives them.
This one has neither: the same content is the same file, wherever and whenever it was built.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path

MANIFEST, FILES = "MANIFEST.json", "FILES.json"


def manifests(manifest: bytes, files: bytes) -> dict[str, bytes]:
    """Both of the collection's own lists, with the files by name. The one has the hash of the other."""
    listed = json.loads(files)
    listed["files"].sort(key=lambda entry: entry["name"])
    text = json.dumps(listed, indent=1).encode()
    whole = json.loads(manifest)
    whole["file_manifest_file"]["chksum_sha256"] = hashlib.sha256(text).hexdigest()
    return {MANIFEST: json.dumps(whole, indent=1).encode(), FILES: text}


def normalise(built: Path, target: Path, epoch: int) -> None:
    with tarfile.open(built) as source, target.open("wb") as raw:
        own = manifests(*(source.extractfile(name).read() for name in (MANIFEST, FILES)))
        # The lists come first: whoever installs reads them before the rest.
        members = sorted(source.getmembers(), key=lambda one: (one.name != MANIFEST, one.name != FILES, one.name))
        with (
            gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=epoch) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
        ):
            for member in members:
                content = own.get(member.name) or (source.extractfile(member).read() if member.isfile() else b"")
                entry = tarfile.TarInfo(member.name)
                entry.type, entry.linkname, entry.mode = member.type, member.linkname, member.mode
                entry.mtime, entry.size = epoch, len(content)
                archive.addfile(entry, io.BytesIO(content))


def manifest_of(tarball: Path) -> bytes:
    with tarfile.open(tarball) as archive:
        return archive.extractfile(MANIFEST).read()
