# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What every fork of a run needs, imported once, in the process that forks.

Ansible forks for each task and host, and loads a plugin where it is first used: in the fork, which then ends. A run with nothing
to do spent a fifth of its time on importing the same modules again. An action plugin is loaded before the fork, so what it
imports is there in all that follow.
"""

from __future__ import annotations

import contextlib
import importlib

from ansible.plugins.loader import action_loader, filter_loader, lookup_loader, test_loader

BASE = "ansible_collections.vaultops.cluster.plugins."
NAMES = (
    "filter.aws",
    "filter.cluster",
    "filter.in_line",
    "filter.server",
    "action.on_controller",
    "modules.vault_cluster_info",
    "modules.kms_key",
)

for _name in NAMES:
    # Who needs it says what is missing, and how it is installed.
    with contextlib.suppress(ImportError):
        importlib.import_module(BASE + _name)

# Loaders keep what they have found.
for _loader in (filter_loader, test_loader):
    list(_loader.all())
filter_loader.get("vaultops.cluster.turns")
for _name in ("ansible.builtin.file", "ansible.builtin.env", "vaultops.cluster.role_template"):
    lookup_loader.get(_name, class_only=True)
for _name in ("set_fact", "assert", "normal", "debug"):
    action_loader.get(f"ansible.builtin.{_name}", class_only=True)
