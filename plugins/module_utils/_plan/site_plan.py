# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run of site.yml has to do, in words, by what was read before anything is changed. Pure.

No line at all means that there is nothing to do, so a part that was not read has to be given as something to do.
"""

from __future__ import annotations

import typing as t

# What each standing of a node means for the run; a node that serves is only brought in line.
STANDINGS = {
    "empty": "Vault is installed, configured and started",
    "uninitialized": "what is there is brought in line, and the node joins or is initialised",
    "stopped": "what is there is brought in line, and Vault is started",
}


def lines(
    standings: t.Mapping[str, str], todo: t.Mapping[str, t.Iterable[str]], cluster: t.Mapping[str, bool]
) -> list[str]:
    """*standings* and *todo* by node; *cluster*: what may have to be done once for all, and whether it has to."""
    found = [f"{what[0].upper()}{what[1:]}." for what, wanted in cluster.items() if wanted]
    for name, standing in standings.items():
        parts = list(dict.fromkeys(todo.get(name, ())))
        if standing in STANDINGS:
            found.append(f"{name}: {STANDINGS[standing]}.")
        elif parts:
            found.append(f"{name}: {'; '.join(parts)}.")
    return found
