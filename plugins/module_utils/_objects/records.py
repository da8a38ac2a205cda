# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is written down about a cluster for later runs: in its bucket, and as a copy for people in a directory.

Without a bucket the directory is all there is; without both, nothing is written down. In both it has the same name, so clusters
may share them.
"""

from __future__ import annotations

import os
import typing as t

from .._common import files as whole_files
from .._common.errors import Problem
from . import files, homes

SPEC: dict[str, t.Any] = {
    "bucket": {"type": "str"},
    "prefix": {"type": "str"},
    "directory": {"type": "path"},
    "region": {"type": "str"},
    "home_region": {"type": "str"},
    "endpoint_url": {"type": "str"},
    "tags": {"type": "dict"},
}


class Records:
    def __init__(self, options: t.Mapping[str, t.Any]) -> None:
        self._prefix = str(options.get("prefix") or "").strip("/")
        directory = options.get("directory")
        self._directory = os.path.abspath(os.path.join(directory, self._prefix)) if directory else ""
        self._bucket = homes.Bucket(options["bucket"], options) if options.get("bucket") else None
        self.in_bucket = self._bucket is not None
        self.are_kept = bool(self._bucket or self._directory)

    def where(self, name: str) -> str:
        return self.home(name).where

    def read(self, name: str) -> homes.Held | None:
        return self.home(name).read() if self.are_kept else None

    def write(self, name: str, data: bytes, version: str | None) -> str:
        """In the place of that version, as it was read; None: where nothing is. Returns the new one."""
        home = self.home(name)
        made = home.write(data, version)
        if made is None:
            raise Problem(
                "another run wrote it since it was read, and nothing was written over that",
                "Let the other run end, and run again.",
                where=home.where,
            )
        if self._bucket and self._directory:
            self._copy(name, data)
        return made

    def names(self, start: str) -> list[str]:
        """Of all that begin with *start*, which ends with a slash."""
        if self._bucket:
            skipped = len(self._key(""))
            return [key[skipped:] for key in self._bucket.keys(self._key(start))]
        if not self._directory:
            return []
        folder = os.path.join(self._directory, start)
        found = files.in_words(folder, lambda: os.listdir(folder) if os.path.isdir(folder) else [])
        return sorted(start + name for name in found if os.path.isfile(os.path.join(folder, name)))

    def home(self, name: str) -> homes.Home:
        if self._bucket:
            return homes.Object(self._bucket, self._key(name))
        if self._directory:
            return homes.File(os.path.join(self._directory, name))
        raise Problem(
            f"{name} has nowhere to be written down: there is no bucket and no directory",
            "Set vault_snapshot_bucket or vault_output_dir.",
        )

    def _key(self, name: str) -> str:
        return f"{self._prefix}/{name}" if self._prefix else name

    def _copy(self, name: str, data: bytes) -> None:
        path = os.path.join(self._directory, name)

        def put() -> None:
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            whole_files.write(path, data)

        files.in_words(path, put)
