"""By what tasks decide."""

from __future__ import annotations

import re
import typing as t

import pytest
import yaml
from kit.paths import ROOT

CONDITIONS = ("when", "until", "failed_when", "changed_when")
WORDS = re.compile(r"\.(?:msg|message|exception)\b(?! is (?:not )?defined)")


def conditions(node: t.Any) -> t.Iterator[str]:
    if isinstance(node, list):
        for item in node:
            yield from conditions(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key in CONDITIONS:
                yield from (str(one) for one in (value if isinstance(value, list) else [value]))
            else:
                yield from conditions(value)


def by_words(tasks: t.Any) -> list[str]:
    return [condition for condition in conditions(tasks) if WORDS.search(condition)]


TASKS = sorted([*ROOT.glob("roles/*/tasks/*.yml"), *ROOT.glob("playbooks/**/*.yml")])


def test_nothing_is_decided_by_the_wording_of_a_message():
    found = {str(path.relative_to(ROOT)): by_words(yaml.safe_load(path.read_text())) for path in TASKS}
    assert {path: said for path, said in found.items() if said} == {}


@pytest.mark.parametrize(
    ("task", "wrong"),
    [
        ({"until": "made is not failed or 'no' not in made.msg"}, True),
        ({"block": [{"when": ["ours", "(made.error | default({})).message is search('x')"]}]}, True),
        ({"when": "made.msg is defined"}, False),
        ({"until": "made.error.code | default('') != 'Odd'"}, False),
        ({"ansible.builtin.fail": {"msg": "{{ made.msg }}"}}, False),
    ],
)
def test_a_decision_by_the_wording_is_found(task, wrong):
    assert bool(by_words([task])) is wrong
