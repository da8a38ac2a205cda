# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The options that say where a private CA's key is, of modules that look it up or sign with it. See doc_fragments/ca.py."""

from __future__ import annotations

import typing as t

# What signers.Keys.of() takes.
CA: dict[str, t.Any] = {
    "alias": {"type": "str", "required": True},
    "required_tags": {"type": "dict", "required": True},
    "move_from": {"type": "str", "default": ""},
}
SIGNS: dict[str, t.Any] = {**CA, "ca_file": {"type": "path", "required": True}}
