#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Install a verified release of Vault on a node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_release
short_description: Install a verified release of Vault on a node
version_added: 1.0.0
description:
  - Downloads the archive from a mirror laid out as the publisher's, verifies the signature over the checksums and the
    checksum of the archive, and lays the binary down in a directory of its own version.
  - Nothing is left behind by a release that does not verify. A release that is laid down already is not fetched again.
  - In check mode, signature and checksums are still verified; the archive itself is not downloaded.
  - Needs C(gpgv) on the node.
author: vaultops maintainers (@vaultops)
options:
  version:
    description: Version to install, such as V(1.21.1).
    type: str
    required: true
  mirror:
    description: URL of the mirror. V(file://) URLs work for nodes without a way out.
    type: str
    default: https://releases.hashicorp.com
  signing_key:
    description: ASCII-armoured PGP public key that signs the checksums.
    type: str
    required: true
  releases:
    description: Directory that holds one directory for each release.
    type: path
    default: /opt/vault/releases
  link:
    description: Symbolic link to the binary of the release that is switched on.
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
- name: Lay down Vault 1.21.1 and switch it on
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

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._node.errors import NodeError
from ..module_utils._node.release import Release


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    release = Release(params["mirror"], params["version"], os.uname().machine)
    folder = os.path.join(params["releases"], params["version"])
    binary = os.path.join(folder, "vault")
    link = params["link"]
    before = state(folder, link)
    if not before["laid_down"]:
        expected = release.expected_sum(params["signing_key"])
        if not check_mode:
            release.unpack(expected, folder)
    target = binary if params["activate"] else before["switched_on"]
    if target != before["switched_on"] and not check_mode:
        switch(link, binary)
    after = {"laid_down": True, "switched_on": target}
    return {"changed": after != before, "path": binary, "diff": {"before": before, "after": after}}


def state(folder: str, link: str) -> dict[str, t.Any]:
    return {
        "laid_down": os.path.isfile(os.path.join(folder, "vault")),
        "switched_on": os.readlink(link) if os.path.islink(link) else None,
    }


def switch(link: str, binary: str) -> None:
    """Replace the link in one step: there is always a vault on the path. A binary put there by hand is kept aside."""
    if os.path.exists(link) and not os.path.islink(link):
        os.replace(link, f"{link}.replaced")
    partial = f"{link}.vaultops"
    if os.path.lexists(partial):
        os.unlink(partial)
    os.symlink(binary, partial)
    os.rename(partial, link)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "version": {"type": "str", "required": True},
            "mirror": {"type": "str", "default": "https://releases.hashicorp.com"},
            "signing_key": {"type": "str", "required": True, "no_log": False},
            "releases": {"type": "path", "default": "/opt/vault/releases"},
            "link": {"type": "path", "default": "/usr/local/bin/vault"},
            "activate": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(**run(module.params, module.check_mode))
    except NodeError as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
