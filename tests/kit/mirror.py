"""A mirror that is not to be trusted."""

from __future__ import annotations

import functools
import http.server
import shutil
import threading
import typing as t
from pathlib import Path

from labkit.settings import cache, inventory_version

PROXY_PORT = 5001


MIRROR_PORT = 8081


def tampered_mirror(tamper: t.Callable[[Path], object], bench, folder: Path, request) -> dict[str, t.Any]:
    mirror = folder / "mirror"
    release = mirror / "vault" / inventory_version()
    shutil.copytree(cache() / "mirror", mirror, ignore=shutil.ignore_patterns("vault"))
    shutil.copytree(cache() / "mirror" / "vault" / release.name, release)
    tamper(release)
    handler = functools.partial(_Quiet, directory=str(mirror))
    server = http.server.ThreadingHTTPServer((bench.lab.gateway, MIRROR_PORT), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    request.addfinalizer(server.server_close)
    request.addfinalizer(server.shutdown)
    return {"vault_release_mirror": f"http://{bench.lab.gateway}:{MIRROR_PORT}"}


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format, *arguments):
        pass
