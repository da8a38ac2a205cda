# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the controller's Python and its collections lack. Pure."""

from __future__ import annotations

import typing as t

# Version by name; None where it is not installed.
Installed = t.Callable[[str], t.Optional[str]]  # noqa: UP045  evaluated


def lacking(requirements: t.Sequence[str], installed: Installed) -> list[str]:
    """Lines such as 'hvac>=2.3.0' that are not fulfilled, each with what is there instead."""
    # Ansible has it, on the controller. Of module_utils, sanity imports every file where only modules' libraries are.
    from packaging.requirements import Requirement

    found = []
    for requirement in map(Requirement, requirements):
        version = installed(requirement.name)
        if version is None:
            found.append(f"{requirement} (not installed)")
        elif not requirement.specifier.contains(version, prereleases=True):
            found.append(f"{requirement} (installed: {version})")
    return found


def problem(packages: t.Sequence[str], collections: t.Sequence[str], python: str, requirements: str) -> str:
    """One sentence with its cure for each kind; nothing where all is there. *requirements*: path of what lists the packages."""
    parts = []
    if packages:
        parts.append(
            f"The Python that runs Ansible here ({python}) lacks {', '.join(packages)}. Install what the collection "
            f"needs: {python} -m pip install -r {requirements}."
        )
    if collections:
        parts.append(
            f"Ansible finds no collection {', '.join(collections)}. Install it: ansible-galaxy collection install "
            f"{' '.join(collections)}."
        )
    return " ".join(parts)
