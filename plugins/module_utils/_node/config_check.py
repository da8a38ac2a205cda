# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Let the server itself judge a vault.hcl before the file is put in place."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
import typing as t

from .._common import product, releases
from .._common.errors import Problem
from .._common.product import Product
from . import service
from .files import Entry

# What the listener's own files decide. In check mode they may not have been installed yet.
LISTENER = "Check Listener TLS"
# The whole verdict of 'vault operator diagnose' is never "ok" in the open-source server, and its storage and port
# checks only tell whether a server runs already. These are the children that say something about the file, in the order in
# which they come: from the core on, what can't be made ends the report, and no child that follows is in it.
PARSED = "Parse Configuration"
JUDGED = (
    PARSED,
    "Create Vault Server Configuration Seals",
    "Determine Redirect Address",
    "Check Cluster Address",
    "Check Core Creation",
    LISTENER,
    "Check Autounseal Encryption",
)
TIMEOUT_SECONDS = 60
_PLUGINS = re.compile(r'^plugin_directory\s*=\s*("[^"\n]*")', re.MULTILINE)


def check(
    binary: str,
    config: Entry,
    files: list[Entry],
    data_path: str,
    without: tuple[str, ...] = (),
    planned: bool = False,
) -> None:
    """Judge *config* as it will be beside the other *files*, but for the checks *without*. Problem has the server's own words.

    *planned*: in check mode, where a directory for plugins that the run would make is not there yet.
    """
    flavour = releases.flavour_of(binary) or product.VAULT
    diagnose = f"'{releases.BINARIES[flavour]} operator diagnose'"
    with tempfile.TemporaryDirectory() as folder:
        # Diagnose opens the storage, which may be in use, and reads files that may not be in place yet.
        stand_ins = {data_path: os.path.join(folder, "data")}
        os.mkdir(stand_ins[data_path], mode=0o700)
        for number, entry in enumerate(entry for entry in files if entry.content is not None and entry != config):
            stand_ins[entry.path] = os.path.join(folder, str(number))
            _write(stand_ins[entry.path], str(entry.content))
        content = str(config.content)
        plugins = _PLUGINS.search(content)
        if planned and plugins and not os.path.isdir(json.loads(plugins[1])):
            stand_ins[json.loads(plugins[1])] = os.path.join(folder, "plugins")
            os.mkdir(os.path.join(folder, "plugins"))
        for path, stand_in in stand_ins.items():
            content = content.replace(json.dumps(path), json.dumps(stand_in))
        scratch = os.path.join(folder, "vault.hcl")
        _write(scratch, content)
        command = [binary, "operator", "diagnose", f"-config={scratch}", "-format=json", "-skip=storage"]
        environment = {**os.environ, **_beside_the_seal(service.linked_server(binary))}
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False, env=environment
            )
        except OSError as error:
            raise Problem(f"{binary} can't be run ({error.strerror})", "Install the release again.") from error
        except subprocess.TimeoutExpired as error:
            raise Problem(
                f"{diagnose} had no verdict on the configuration after {TIMEOUT_SECONDS} s",
                "It asks KMS: check that this node reaches it.",
            ) from error
    try:
        report = json.loads(done.stdout)
        if not isinstance(report, dict):
            raise ValueError("not an object")
    except ValueError as error:
        raise Problem(f"{diagnose} failed: {(done.stderr or done.stdout).strip()[-500:]}") from error
    found = problems(report, without)
    if found:
        raise Problem(
            f"{product.named(flavour)} rejects the new configuration: " + "; ".join(found), "Nothing was put in place."
        )


def problems(report: dict[str, t.Any], without: tuple[str, ...] = ()) -> list[str]:
    """What the judged children complain about. An unknown field is only a warning to Vault; here it is a mistake."""
    children = list(_walk(report))
    judged = [name for name in JUDGED if name not in without]
    found: list[str] = []
    for child in children:
        name = child.get("name")
        if name in judged and child.get("status") == "fail":
            found.append(f"{name}: {child.get('message')}")
        if name == PARSED:
            found += child.get("warnings") or []
    # What no child says is not said to be right.
    reported = {child.get("name") for child in children}
    return found or [f"{name}: no verdict in the report" for name in judged if name not in reported][:1]


def _beside_the_seal(server: Product | None) -> dict[str, str]:
    """What has everything judged but the seal, where nothing could be judged with it. KMS itself is asked by vault_seal_check."""
    return {"BAO_SEAL_TYPE": "shamir"} if server and server.does(product.SEAL_ENDS_DIAGNOSE) else {}


def _write(path: str, content: str) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
        stream.write(content)


def _walk(node: dict[str, t.Any]) -> t.Iterator[dict[str, t.Any]]:
    yield node
    for child in node.get("children") or []:
        yield from _walk(child)
