"""Whether an IAM policy allows something, as AWS decides it: actions, resources and conditions of Allow and Deny.

It knows the operators that this collection's policies use, and fails on any other.
"""

from __future__ import annotations

import re
import typing as t

from kit.aws_calls import Asked, Cluster, asked
from labkit.aws_requests import Request

Document = dict[str, t.Any]


def allows(documents: t.Iterable[Document], one: Asked) -> bool:
    """By at least one of the documents, and denied by none."""
    decided = [
        statement["Effect"] for document in documents for statement in document["Statement"] if meant(statement, one)
    ]
    return "Allow" in decided and "Deny" not in decided


def refused(documents: t.Sequence[Document], requests: t.Iterable[Request], cluster: Cluster) -> list[Asked]:
    """What is asked for and not allowed."""
    return [each for one in requests for each in asked(one, cluster) if not allows(documents, each)]


def meant(statement: Document, one: Asked) -> bool:
    return (
        any(_like(action.lower(), one.action.lower()) for action in _several(statement["Action"]))
        and any(_like(resource, one.resource) for resource in _several(statement["Resource"]))
        and all(
            _holds(operator, _several(wanted), one.context.get(key))
            for operator, conditions in statement.get("Condition", {}).items()
            for key, wanted in conditions.items()
        )
    )


def _holds(operator: str, wanted: list[str], given: t.Any) -> bool:
    if operator == "Null":
        return (given is None) == (wanted == ["true"])
    values = _several(given) if given is not None else []
    if operator == "ForAnyValue:StringEquals":
        return any(value in wanted for value in values)
    if operator == "Bool":
        return [str(value).lower() for value in values] == wanted
    matches = {"StringEquals": lambda one, value: one == value, "ArnEquals": _like, "StringLike": _like}[operator]
    return bool(values) and all(any(matches(one, value) for one in wanted) for value in values)


def _several(value: t.Any) -> list[t.Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _like(pattern: str, value: str) -> bool:
    parts = (".*" if one == "*" else "." if one == "?" else re.escape(one) for one in re.split(r"([*?])", pattern))
    return re.fullmatch("".join(parts), value, re.S) is not None
