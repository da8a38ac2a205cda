# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How every module that talks to Vault ends: with its result, or with the cause in words."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from .client import HVAC_IMPORT_ERROR
from .errors import VaultError


def answer(
    module: AnsibleModule,
    work: t.Callable[[], dict[str, t.Any]],
    *expected: type[Exception],
    libraries: t.Mapping[str, str | None] | None = None,
) -> None:
    """*expected*: what else than a VaultError *work* may raise with a message for people; *libraries*: what is needed
    besides hvac, with the traceback of the import where it failed."""
    for library, failure in {"hvac": HVAC_IMPORT_ERROR, **(libraries or {})}.items():
        if failure:
            module.fail_json(msg=missing_required_lib(library), exception=failure)
    told: tuple[type[Exception], ...] = (VaultError, *expected)
    try:
        module.exit_json(**work())
    except told as error:
        module.fail_json(msg=str(error))
