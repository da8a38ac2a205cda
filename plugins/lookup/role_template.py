# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A template of one of this collection's roles, wherever it is asked for."""

from __future__ import annotations

DOCUMENTATION = r"""
name: role_template
short_description: Render a template of one of this collection's roles
version_added: 1.0.0
author: vaultops maintainers (@vaultops)
description:
  - Renders a template with the variables of the task, as P(ansible.builtin.template#lookup) does.
  - The file is found from outside of the role's tasks, too.
  - The variables are not copied for it, which would take longer than the rendering.
options:
  _terms:
    description: Role and file, such as V(vault_server/vault.hcl.j2).
    required: true
"""

EXAMPLES = r"""
- name: Show the configuration of this node
  ansible.builtin.debug:
    msg: "{{ lookup('vaultops.cluster.role_template', 'vault_server/vault.hcl.j2') }}"
"""

RETURN = r"""
_raw:
  description: The texts, one for each term.
  type: list
  elements: str
"""

import pathlib
import typing as t

from ansible.plugins.lookup import LookupBase

try:
    from ansible.template import trust_as_template
except ImportError:

    def trust_as_template(value: str) -> str:
        """Before ansible-core 2.19 every text is a template."""
        return value


ROLES = pathlib.Path(__file__).parents[2] / "roles"


class LookupModule(LookupBase):
    def run(self, terms: list[str], variables: dict[str, t.Any] | None = None, **_options: t.Any) -> list[str]:
        return [self._rendered(*term.split("/", 1)) for term in terms]

    def _rendered(self, role: str, name: str) -> str:
        text = (ROLES / role / "templates" / name).read_text(encoding="utf-8")
        return self._templar.template(trust_as_template(text))
