#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Add a seal to the configuration of a node that somebody else set up."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vault_seal_stanza
short_description: Add a seal to the configuration of a node that somebody else set up
version_added: 1.0.0
description:
  - Runs on the node. Looks for the files that Vault's unit names, and adds the stanza to the one that has the storage. The rest
    of the file stays as it is, and so do its owner and mode. The file as it was is kept beside it, under its name and
    C(.before-seal).
  - Refuses where another seal is configured, where the file is JSON, where a variable of the unit goes before the stanza, and
    where one gives Vault other credentials than those of the instance's role.
  - Restarts nothing. Only a restart brings the seal into effect.
  - "Needs nothing on the node but Python and systemd."
author: vaultops maintainers (@vaultops)
options:
  service:
    description: Name of the systemd service.
    type: str
    default: vault
  stanza:
    description: The stanza, as HCL.
    type: str
    required: true
extends_documentation_fragment:
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.change
attributes:
  diff_mode:
    support: full
    details: The diff is the stanza. The file around it may hold secrets.
"""

EXAMPLES = r"""
- name: The unseal key is in the configuration
  vaultops.cluster.vault_seal_stanza:
    stanza: |
      seal "awskms" {
        region     = "eu-central-1"
        kms_key_id = "alias/vault-unseal"
      }
"""

RETURN = r"""
file:
  description: The file that the stanza is in.
  returned: success
  type: str
written:
  description: Whether the stanza was there before.
  returned: success
  type: bool
before:
  description: Where the file as it was is kept.
  returned: success
  type: str
"""

import typing as t

from ..module_utils._common.module import run_module
from ..module_utils._node import seal_stanza


def run(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    stanza = f"{params['stanza'].strip()}\n"
    texts = seal_stanza.read(params["service"])
    place = seal_stanza.place(texts, stanza)
    seal_stanza.require_nothing_before_it(params["service"])
    if not place.written and not check_mode:
        seal_stanza.write(place.path, seal_stanza.with_stanza(place.path, texts[place.path], stanza))
    shown = {"before_header": place.path, "after_header": place.path}
    return {
        "changed": not place.written,
        "file": place.path,
        "written": place.written,
        "before": place.path + seal_stanza.BEFORE,
        "diff": {**shown, "before": stanza if place.written else "", "after": stanza},
    }


OPTIONS: dict[str, t.Any] = {
    "service": {"type": "str", "default": "vault"},
    "stanza": {"type": "str", "required": True},
}


def main() -> None:
    run_module(run, OPTIONS, OSError)


if __name__ == "__main__":
    main()
