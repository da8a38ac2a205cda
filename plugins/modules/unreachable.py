#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""End a run as unreachable."""

from __future__ import annotations

DOCUMENTATION = r"""
module: unreachable
short_description: End a run because the cluster can't be seen
version_added: 1.0.0
description:
  - Ends the host's run as Ansible does for an unreachable host, so that C(ansible-playbook) exits with 4. A failure exits with 2.
    So a scheduler can tell an outage from an unknown state.
author: vaultops maintainers (@vaultops)
options:
  msg:
    description: What can't be seen, why, and what to do.
    type: str
    required: true
extends_documentation_fragment:
  - vaultops.cluster.attributes
  - vaultops.cluster.attributes.info
"""

EXAMPLES = r"""
- name: The cluster can be seen from here
  vaultops.cluster.unreachable:
    msg: This controller can't see the cluster. Mend the way to its nodes.
  when: false
"""

RETURN = r"""
msg:
  description: What was given.
  returned: always
  type: str
"""

from ansible.module_utils.basic import AnsibleModule


def main() -> None:
    module = AnsibleModule(argument_spec={"msg": {"type": "str", "required": True}}, supports_check_mode=True)
    module.exit_json(changed=False, unreachable=True, msg=module.params["msg"])


if __name__ == "__main__":
    main()
