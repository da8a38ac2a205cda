"""OpenBao's own archives, where somebody has given them; else a stand-in for its binary in archives of the same names."""

from __future__ import annotations

import hashlib
import io
import os
import re
import sys
import tarfile
import typing as t
from pathlib import Path

from ansible_collections.vaultops.cluster.plugins.module_utils._common import releases
from ansible_collections.vaultops.cluster.plugins.module_utils._node.release import ARCHITECTURES
from kit.paths import ROOT
from kit.signing import Key

STUBBED = "2.6.2"
# Whoever has it is let in by the stand-in.
TOKEN = "hvs.of-the-stand-in"
# It judges and serves as far as the tests of a node go: what its configuration declares, over TLS, and sealed by nobody.
BINARY = """#!{python}
import json, re, sys, types
from pathlib import Path

sys.path[:0] = {path!r}
from kit.backup_stage import SMALL, VaultStandIn, whole

config = Path(next(word for word in sys.argv if word.startswith("-config=")).partition("=")[2]).read_text()
if sys.argv[1:3] == ["operator", "diagnose"]:
    from ansible_collections.vaultops.cluster.plugins.module_utils._node.config_check import JUDGED, PARSED
    children = [{{"name": name, "status": "ok"}} for name in JUDGED]
    if "disable_mlock" in config:
        children = [{{"name": PARSED, "status": "fail", "message": "disable_mlock"}}]
    print(json.dumps({{"name": "Diagnose", "children": children}}))
    sys.exit()
of = lambda name: re.search(name + r'\\s*= "([^"]*)"', config)[1]
folder = Path(of("tls_cert_file")).parent
certificates = types.SimpleNamespace(path=lambda name: str(folder / name))
node = VaultStandIn(certificates, whole(SMALL), int(of("address").rpartition(":")[2]), flavour="openbao")
node.tokens.add({token!r})
for kind, path, options in re.findall(r'audit "(\\w+)" "(\\w+)" \\{{\\n  options \\{{\\n(.*?)  \\}}', config, re.DOTALL):
    node.kept["sys/audit/" + path] = {{"type": kind, "options": dict(re.findall(r'(\\w+) = "([^"]*)"', options))}}
node.serve()
"""


class Mirror(t.NamedTuple):
    url: str
    key: str


def given() -> dict[str, Path]:
    """By version, the directories of OPENBAO_ARCHIVES."""
    root = os.environ.get("OPENBAO_ARCHIVES")
    if not root:
        return {}
    found = {path.name[1:]: path for path in Path(root).iterdir() if re.fullmatch(r"v\d+\.\d+\.\d+", path.name)}
    assert found, f"OPENBAO_ARCHIVES is {root}, and no directory in it is named as a version, such as v2.6.2"
    return found


def kinds() -> list[str]:
    """What a test can run here, as its name says it."""
    return [f"official-{version}" for version in sorted(given())] or [f"stubbed-{STUBBED}"]


def publish(kind: str, folder: Path, key: Key) -> Mirror:
    if kind.startswith("official-"):
        shipped = ROOT / "roles" / "vault_install" / "files" / "openbao.asc"
        return Mirror(f"file://{os.environ['OPENBAO_ARCHIVES']}", shipped.read_text())
    layout = releases.layout("openbao", STUBBED, ARCHITECTURES[os.uname().machine])
    content = BINARY.format(python=sys.executable, path=sys.path, token=TOKEN).encode()
    place = folder / layout.folder
    place.mkdir(parents=True)
    with tarfile.open(place / layout.archive, "w:gz") as packed:
        member = tarfile.TarInfo("bao")
        member.size = len(content)
        packed.addfile(member, io.BytesIO(content))
    digest = hashlib.sha256((place / layout.archive).read_bytes()).hexdigest()
    (place / layout.sums).write_text(f"{digest}  {layout.archive}\n")
    key.gpg("--detach-sign", "-o", str(place / layout.signature), str(place / layout.sums))
    return Mirror(f"file://{folder}", key.text())
