# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The options that say where a private CA's key is."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  alias:
    description: Alias of the CA's KMS key. While the CA changes, the alias with C(-next) counts as well.
    type: str
    required: true
  required_tags:
    description: Tags that a key of KMS has to carry. One without them is somebody else's, and is not used.
    type: dict
    required: true
  move_from:
    description:
      - Directory of V(ca.crt) and V(ca.key) that an earlier release kept the CA in. Its key signs until the move to KMS is
        through.
    type: str
    default: ""
requirements:
  - cryptography >= 45.0.0
"""

    # What signs goes by the CA's certificate.
    SIGNS = r"""
options:
  ca_file:
    description: Path of the CA certificate(s), in PEM. The first one signs.
    type: path
    required: true
"""
