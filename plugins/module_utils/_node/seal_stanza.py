# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Add a seal to a configuration that somebody else wrote, and leave the rest of it as it is.

The file as it was stays beside it, under a name that Vault does not read: to go back is to rename that file.
"""

from __future__ import annotations

import os
import stat
import typing as t

from .._common import files, hcl
from .._common.errors import Problem
from . import environment, installation, unit_file

BEGIN = "# The unseal key, added by vaultops.cluster (playbooks/adopt_seal.yml). The file as it was: "
BEFORE = ".before-seal"


class Place(t.NamedTuple):
    """What a node's configuration says of its seal. Pure."""

    path: str  # the file that the stanza stands in, or belongs into: the one with the storage
    written: bool


def place(texts: t.Mapping[str, str], stanza: str) -> Place:
    """Where the stanza is, or goes. *texts*: files of the configuration, by path."""
    storage, seals = [], {}
    for path, text in texts.items():
        names = _blocks(path, text)
        if set(names) & {"storage", "backend"}:
            storage.append(path)
        if "seal" in names:
            seals[path] = text
    for path, text in seals.items():
        if stanza in text:
            return Place(path, True)
        raise Problem(
            f"{path} has a seal of its own, which is another one than the inventory's",
            "Take it out of the file, if no node was restarted with it; else set vault_kms_key_alias, vault_aws_region and "
            "vault_seal_settings to what it says.",
        )
    if len(storage) != 1:
        named = ", ".join(storage or texts) or "there are none"
        raise Problem(
            f"of the files that Vault's unit names, {len(storage)} have a storage: {named}",
            "The unit 'vault' has to name the configuration with -config, and one file of it the storage.",
        )
    if hcl.is_json(texts[storage[0]]):
        raise Problem(
            f"{storage[0]} is JSON, to which nothing is added here",
            "Write the configuration as HCL, as Vault's documentation does, restart Vault with it, and run again.",
        )
    return Place(storage[0], False)


def with_stanza(path: str, text: str, stanza: str) -> str:
    return f"{text.rstrip()}\n\n{BEGIN}{path}{BEFORE}\n{stanza}"


def overridden(names: t.Iterable[str]) -> list[str]:
    """Variables that go before a seal's settings."""
    return sorted(name for name in names if environment.SETTINGS.get(name, "").startswith("seal"))


def credentials(names: t.Iterable[str]) -> list[str]:
    """Variables by which Vault would use the key as somebody else than the instance's role, which alone has proven it."""
    return sorted(environment.CREDENTIALS & set(names))


def read(service: str) -> dict[str, str]:
    """The files that the unit's command names, by path."""
    settings = [setting for text in _unit(service).values() for setting in unit_file.sections(text)]
    return {path: installation.text_of(path) for path in installation.named(settings)}


def require_nothing_before_it(service: str) -> None:
    """A variable of the unit would make Vault open by another key than the one that is written, or as somebody else than the
    instance's role. Only names are read of what may be a secret."""
    texts = _unit(service)
    of_files = installation.variables_of_files(texts).values()
    given = [*unit_file.variables(texts), *(one for found in of_files for one in found)]
    names = {one.name for one in given} | set(installation.manager_variables())
    if found := overridden(names):
        raise Problem(
            f"the unit gives Vault {', '.join(found)}, which goes before what its configuration says of the seal",
            _cure(service),
        )
    if found := credentials(names):
        raise Problem(
            f"the unit gives Vault {', '.join(found)}, so Vault would not use the key as the instance's role, which proves it",
            f"Allow the instance's role whatever else Vault does by these credentials. {_cure(service)}",
        )


def _cure(service: str) -> str:
    return (
        f"Take it out of the unit, its drop-ins or its EnvironmentFile ('systemctl cat {service}'), or out of systemd's own "
        "environment ('systemctl show-environment'), and run 'systemctl daemon-reload'."
    )


def write(path: str, text: str) -> None:
    """The file as it was is kept first."""
    there = os.stat(path)
    owner, mode = (there.st_uid, there.st_gid), stat.S_IMODE(there.st_mode)
    with open(path, "rb") as stream:
        files.write(path + BEFORE, stream.read(), mode, owner)
    files.write(path, text.encode(), mode, owner)


def _unit(service: str) -> dict[str, str]:
    unit, drop_ins = installation.unit_files(service)
    return {path: installation.text_of(path) for path in [*unit, *drop_ins]}


def _blocks(path: str, text: str) -> list[str]:
    """Names at the top of the file."""
    try:
        return hcl.top_names(text)
    except Problem as error:
        raise Problem(f"{path} can't be read as Vault's configuration: {error.cause}", error.cure) from error
