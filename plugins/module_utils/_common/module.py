# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How every module begins, and how it ends: with its result, or with the cause in words."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from .errors import Problem

# Name of a library, and the traceback of its import where that failed.
Libraries = t.Mapping[str, t.Optional[str]]  # noqa: UP045  evaluated, which Python 3.9 needs spelt out
Work = t.Callable[[dict[str, t.Any], bool], dict[str, t.Any]]


def run_module(
    work: Work, options: dict[str, t.Any], *also: type[Exception], libraries: Libraries | None = None, **rules: t.Any
) -> None:
    """Call *work* with the module's parameters and whether it is check mode, and exit with what it returns.

    *options*: the argument_spec; *rules*: what else AnsibleModule knows, such as required_together; *also*: which errors of
    *work*'s, besides a Problem, have a message for people.
    """
    module = AnsibleModule(argument_spec=options, supports_check_mode=True, **rules)
    for library, failure in (libraries or {}).items():
        if failure:
            module.fail_json(msg=missing_required_lib(library), exception=failure)
    told: tuple[type[Exception], ...] = (Problem, *also)
    try:
        found = work(module.params, module.check_mode)
        # As a result's they are deprecated.
        for warning in found.pop("warnings", []):
            module.warn(warning)
        module.exit_json(**found)
    except told as error:
        module.fail_json(msg=str(error))


def require(libraries: Libraries) -> None:
    """For a library that only some options need."""
    for library, failure in libraries.items():
        if failure:
            raise Problem(missing_required_lib(library))
