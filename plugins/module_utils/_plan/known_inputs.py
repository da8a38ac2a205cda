# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an inventory says, against what the roles know: names, types and choices. Pure. No value is ever part of what is said."""

from __future__ import annotations

import difflib
import fnmatch
import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

PREFIX = "vault_"
OTHERS = "vault_other_variables"

# Inputs of earlier releases, and what to do about them.
GONE = {
    "vault_controller_dir": "Nothing is kept on the controller: docs/moving.md says how a cluster moves.",
}

Spec = t.Mapping[str, t.Any]
# (variable, what is wrong with it) -> hosts
Found = dict[tuple[str, str], list[str]]


def problems(hosts: t.Mapping[str, t.Mapping[str, t.Any]], options: Spec, given: t.Collection[str]) -> list[str]:
    """*hosts*: variables by host, of which only those are read whose type says something about their value. *options*: every
    option of every role. *given*: names that a run gives itself."""
    found: Found = {}
    for host, own in hosts.items():
        others = _others(own)
        for name in own:
            if not name.startswith(PREFIX) or any(fnmatch.fnmatchcase(name, pattern) for pattern in others):
                continue
            wrong = _wrong(name, own, options, given)
            if wrong:
                found.setdefault((name, wrong), []).append(host)
    return [_sentence(name, wrong, owners, len(hosts)) for (name, wrong), owners in sorted(found.items())]


def no_hosts(wanted: t.Iterable[str], groups: t.Mapping[str, t.Sequence[str]], sources: t.Sequence[str]) -> str:
    """Ansible ends well where a play matches no host: a scheduled run would do nothing for ever, and nobody would know.

    *groups*: hosts by group; *sources*: what the inventory was read from.
    """
    bare = [name for name in wanted if not groups.get(name)]
    if not bare:
        return ""
    return (
        f"The inventory has no host in the group {', '.join(bare)}, so there is nothing to do, and that is taken for an error. "
        f"Inventory: {', '.join(sources) or 'none was given (-i)'}. An EC2 inventory is empty, too, where the AWS session has "
        "expired, where no instance carries the cluster's tag, or where the collection amazon.aws is missing: "
        "'ansible-inventory --graph' shows it."
    )


def _others(own: t.Mapping[str, t.Any]) -> list[str]:
    try:
        patterns = own.get(OTHERS, [])
        return [patterns] if isinstance(patterns, str) else [str(pattern) for pattern in patterns]
    except Exception:  # as below
        return []


def _wrong(name: str, own: t.Mapping[str, t.Any], options: Spec, given: t.Collection[str]) -> str:
    if name in options:
        return _bad_value(name, own, options[name])
    if name in given:
        return ""
    if name in GONE:
        return f"is no input any more. {GONE[name]}"
    # Without the prefix, which makes any two names alike.
    near = difflib.get_close_matches(name.removeprefix(PREFIX), [one.removeprefix(PREFIX) for one in options], n=1)
    cure = f"The nearest one is {PREFIX}{near[0]}: correct the name." if near else "docs/inputs.md has all of them."
    return f"is no input of this collection. {cure} If it belongs to something else, list its name in {OTHERS}."


def _bad_value(name: str, own: t.Mapping[str, t.Any], option: Spec) -> str:
    kind = option.get("type", "str")
    # Every value can be read as one of these, so it is not even looked at.
    if kind == "raw" or (kind in ("str", "path") and not option.get("choices")):
        return ""
    if not _is_wrong(name, own, {key: option[key] for key in ("type", "choices", "elements") if key in option}):
        return ""
    choices = ", ".join(str(choice) for choice in option.get("choices", []) if choice != "")
    if choices:
        return f"has a value that is none of its choices. Use one of {choices}."
    elements = f" of {option['elements']}" if "elements" in option else ""
    return f"has a value that can't be read as {kind}{elements}. Write {_EXAMPLES.get(kind, kind)}."


def _is_wrong(name: str, own: t.Mapping[str, t.Any], option: Spec) -> bool:
    try:
        value = own[name]
        # What is empty was not given: that is judged where the inputs are checked together.
        if value is None or value == "":
            return False
        # Below 2.19 a template that names what is not known yet is handed on as it is.
        if isinstance(value, str) and ("{{" in value or "{%" in value):
            return False
        return bool(ArgumentSpecValidator({name: dict(option)}).validate({name: value}).error_messages)
    except Exception:  # whatever somebody's template may raise, here where not all that it names is known
        return False


_EXAMPLES = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "list": "a list",
    "dict": "a mapping",
}


def _sentence(name: str, wrong: str, owners: list[str], count: int) -> str:
    who = "All hosts" if len(owners) == count > 1 else ", ".join(owners)
    return f"{who}: the variable {name} {wrong}"
