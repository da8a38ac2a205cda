"""A mirror that is not to be trusted."""

from __future__ import annotations

import functools
import http.server
import shutil
import threading
import typing as t
from pathlib import Path

from labkit.settings import cache

PROXY_PORT = 5001


MIRROR_PORT = 8081


def tampered_mirror(tamper: t.Callable[[Path], object], bench, folder: Path, request) -> dict[str, t.Any]:
    mirror = folder / "mirror"
    shutil.copytree(cache() / "mirror", mirror, ignore=shutil.ignore_patterns("1.21.0", "1.19.0"))
    tamper(mirror / "vault" / "1.21.1")
    handler = functools.partial(_Quiet, directory=str(mirror))
    server = http.server.ThreadingHTTPServer((bench.lab.gateway, MIRROR_PORT), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    request.addfinalizer(server.server_close)
    request.addfinalizer(server.shutdown)
    return {"vault_release_mirror": f"http://{bench.lab.gateway}:{MIRROR_PORT}"}


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format, *arguments):
        pass
