# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What every fork of a run needs, imported once, in the process that forks.

Ansible forks for each task and host, and loads a plugin where it is first used: in the fork, which then ends. A run with nothing
to do spent half of its time on loading the same plugins again. An action plugin is loaded before the fork, so whatever it loads
is there in all that follow.
"""

from __future__ import annotations

import contextlib
import gc
import importlib

from ansible.plugins import loader
from ansible_collections.vaultops.cluster.plugins.plugin_utils import aws_modules

BASE = "ansible_collections.vaultops.cluster.plugins."
MODULES = (
    "action.on_controller",
    "modules.vault_cluster_info",
    "modules.kms_key",
    "modules.vault_certificate_authority",
    "modules.vault_identity_issue",
)
# Loaders keep what they have loaded, and read of its documents. One filter by its name loads all of the collection's.
PLUGINS = (
    (loader.action_loader, ("assert", "debug", "normal", "set_fact")),
    (loader.connection_loader, ("local", "ssh", "community.docker.docker")),
    (loader.filter_loader, ("vaultops.cluster.turns",)),
    (loader.lookup_loader, ("env", "file", "vaultops.cluster.role_template")),
    (loader.shell_loader, ("sh",)),
)

for _name in MODULES:
    # Who needs it says what is missing, and how it is installed.
    with contextlib.suppress(ImportError):
        importlib.import_module(BASE + _name)
aws_modules.route()
for _loader, _names in PLUGINS:
    for _name in _names:
        # Of a collection that nobody has, a loader would warn.
        with contextlib.suppress(ImportError):
            if "." in _name:
                importlib.import_module(f"ansible_collections.{_name.rpartition('.')[0]}")
            _loader.get(_name, class_only=True)
for _loader in (loader.filter_loader, loader.test_loader):
    list(_loader.all())

# All of this stays: no fork has to look through it for garbage, and to copy for that what it would share.
gc.freeze()
