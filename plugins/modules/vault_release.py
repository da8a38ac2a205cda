#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Install a verified release of Vault on a node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_release
short_description: Install a verified release of Vault or OpenBao on a node
version_added: 1.0.0
description:
  - Downloads the archive from a mirror laid out as the publisher's, verifies the signature over the checksums and the
    checksum of the archive, and lays the binary down in a directory of its own version.
  - Nothing is left behind by a release that does not verify. A release that is installed already is not fetched again.
  - The release's directory keeps the SHA-256 of archive and binary. A binary that is not what the signed archive held is
    refused, and never switched on. Its content is read when it is switched on, and when its size or one of its times
    differs from what was seen last; a release that was installed without its sums is compared with the archive once.
  - The same is done for the release that is switched on, so that a way back is proven before it is needed.
  - Sizes, times and room are limited before the signature is known, and 512 MiB stay free on the file system.
  - Where others than root could replace what root runs, directories of this collection are made root's, and others are
    named in an error.
  - In check mode, signature and checksums are still verified; the archive itself is not downloaded.
  - Needs C(gpgv) or C(gpg) on the node.
author: vaultops maintainers (@vaultops)
options:
  version:
    description: Version to install, such as V(1.21.1).
    type: str
    required: true
  mirror:
    description: URL of the mirror. V(file://) URLs work for nodes without a way out. Without it, the publisher's own.
    type: str
  flavour:
    description: Whose releases these are; V(vault) or V(openbao).
    type: str
    choices: [vault, openbao]
    default: vault
  signing_key:
    description: ASCII-armoured PGP public key that signs the checksums.
    type: str
    required: true
  home:
    description: Directory of this collection on the node. It is root's; what is in it may be others'.
    type: path
    default: /opt/vault
  releases:
    description: Directory that holds one directory for each release.
    type: path
    default: /opt/vault/releases
  link:
    description: Symbolic link to the binary of the release that is switched on. For OpenBao, C(/usr/local/bin/bao).
    type: path
    default: /usr/local/bin/vault
  activate:
    description: Whether to point O(link) at this release. A process that runs is not touched.
    type: bool
    default: true
extends_documentation_fragment:
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.change
"""

EXAMPLES = r"""
- name: Install Vault 1.21.1 and switch it on
  vaultops.cluster.vault_release:
    version: 1.21.1
    signing_key: "{{ lookup('ansible.builtin.file', 'hashicorp.asc') }}"
"""

RETURN = r"""
path:
  description: The binary of this release.
  returned: success
  type: str
"""

import os
import typing as t

from ..module_utils._common import files, product, versions
from ..module_utils._common import releases as published
from ..module_utils._common.errors import Problem
from ..module_utils._common.module import run_module
from ..module_utils._node import guard, installed
from ..module_utils._node.release import Release


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    machine = os.uname().machine
    link, releases = params["link"], params["releases"]
    flavour: product.Flavour = params["flavour"]
    binary = published.BINARIES[flavour]
    mirror = params["mirror"] or published.MIRRORS[flavour]
    current = installed.switched_on(link)
    wanted = os.path.join(releases, params["version"], binary)
    versions = [params["version"], way_back(current, params, binary)]
    # All of them are fit names for a folder and a URL before anything else happens.
    sources = {version: Release(mirror, version, machine, flavour) for version in versions if version}
    places = {version: os.path.join(releases, version, binary) for version in sources}
    mended = owners(params, sources, binary, check_mode)
    before = {version: state(place, version) for version, place in places.items()}
    after = dict.fromkeys(sources, "proven")
    for version, source in reversed(sources.items()):
        activated = version == params["version"] and params["activate"] and current != wanted
        try:
            provide(source, places[version], params["signing_key"], activated, check_mode)
        except Problem as error:
            if version == params["version"]:
                raise
            raise Problem(
                f"{product.NAMES[flavour]} {version}, the way back, is switched on and can't be proven: {error}"
            ) from error
    target = wanted if params["activate"] else current
    if target != current and not check_mode:
        switch(link, wanted)
    return {
        "changed": before != after or target != current or bool(mended),
        "path": wanted,
        "diff": {
            "before": {"releases": before, "switched_on": current, "owners": mended},
            "after": {"releases": after, "switched_on": target, "owners": {}},
        },
    }


def owners(params: dict[str, t.Any], versions: t.Iterable[str], binary: str, check_mode: bool) -> dict[str, str]:
    """Make root's what is the collection's own, and refuse what is not. Returns what was, or would be, made root's."""
    home, releases = params["home"], params["releases"]
    own = installed.own_paths(home, releases, versions, binary)
    server = product.NAMES[params["flavour"]]
    guard.refuse_foreign([*own, params["link"]], own, server)
    mend = guard.to_mend(own)
    if home in mend and any(os.path.lexists(os.path.join(home, name)) for name in ("raft", "vault.db")):
        raise Problem(
            f"{home} {mend[home]}, and Raft's files are in it, so it can't be made root's: others than root could "
            f"replace the {server} that root runs",
            f"Give Raft a directory of its own in {home}, which is then root's.",
        )
    if not check_mode:
        guard.mend(mend)
    return mend


def state(binary: str, version: str) -> str:
    if not os.path.lexists(binary):
        return "absent"
    return "proven" if installed.kept(os.path.dirname(binary), version) else "installed, without its sums"


def provide(source: Release, binary: str, key: str, activated: bool, check_mode: bool) -> None:
    """Install what is absent; hold what is there against its sums, or against its signed archive where it has none."""
    folder = os.path.dirname(binary)
    sums = installed.kept(folder, source.version)
    if sums and os.path.lexists(binary):
        installed.verify(binary, sums, thorough=activated, may_write=not check_mode)
        return
    expected = source.expected_sum(key)
    if check_mode:
        return
    if os.path.lexists(binary):
        source.compare(expected, folder)
    else:
        source.unpack(expected, folder)


def way_back(current: str | None, params: dict[str, t.Any], binary: str) -> str | None:
    """The version that is switched on, where it is another one and was installed by this collection."""
    if not current or not os.path.isfile(current):
        return None
    folder = os.path.dirname(current)
    version = os.path.basename(folder)
    ours = current == os.path.join(params["releases"], version, binary) and versions.is_one(version)
    return version if ours and version != params["version"] else None


def switch(link: str, binary: str) -> None:
    """Replace the link in one step: there is always a binary on the path. A binary put there by hand is kept aside."""
    try:
        if os.path.exists(link) and not os.path.islink(link):
            os.replace(link, f"{link}.replaced")
        partial = f"{link}.vaultops"
        if os.path.lexists(partial):
            os.unlink(partial)
        os.symlink(binary, partial)
        os.rename(partial, link)
        files.sync_directory(os.path.dirname(link))
    except OSError as error:
        raise Problem(f"{link} can't be pointed at {binary} ({error})", "Is the module run as root?") from error


OPTIONS: dict[str, t.Any] = {
    "version": {"type": "str", "required": True},
    "mirror": {"type": "str"},
    "flavour": {"type": "str", "choices": list(product.FLAVOURS), "default": product.VAULT},
    "signing_key": {"type": "str", "required": True, "no_log": False},
    "home": {"type": "path", "default": "/opt/vault"},
    "releases": {"type": "path", "default": "/opt/vault/releases"},
    "link": {"type": "path", "default": "/usr/local/bin/vault"},
    "activate": {"type": "bool", "default": True},
}


def main() -> None:
    run_module(run, OPTIONS)


if __name__ == "__main__":
    main()
