# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an inventory says, against the specs of the roles."""

from __future__ import annotations

import pathlib
import typing as t

import yaml
from ansible_collections.vaultops.cluster.plugins.module_utils._plan import known_inputs

LOADER: t.Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
GROUPS = ("vault", "vault_drill")
# Sections of vault_inputs whose names a run gives itself.
NOT_SET = ("derived", "handed", "results")


def specs(roles: pathlib.Path) -> dict[str, dict[str, t.Any]]:
    """Options by role and entry point; those of vault_inputs by section."""
    found = {}
    for path in sorted([*roles.glob("*/meta/argument_specs.yml"), *roles.glob("*/meta/inputs.yml")]):
        points = yaml.load(path.read_text(encoding="utf-8"), Loader=LOADER)["argument_specs"]  # nosec B506  # is safe
        found[path.parts[-3]] = {point: spec["options"] for point, spec in points.items()}
    return found


def unknown_inputs(hostvars, groups, roles):
    """*roles*: the directory of the roles."""
    options: dict[str, t.Any] = {}
    results: set[str] = set()
    for points in specs(pathlib.Path(roles)).values():
        for point, own in points.items():
            if point in NOT_SET:
                results |= set(own)
            else:
                options |= own
    hosts = dict.fromkeys(host for group in GROUPS for host in groups.get(group, [])) or {"localhost": None}
    return known_inputs.problems({host: hostvars[host] for host in hosts}, options, results)
