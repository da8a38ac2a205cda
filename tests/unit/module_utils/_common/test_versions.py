"""Texts that are versions, and what is none; lines and what came to them."""

from __future__ import annotations

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._common import versions
from hypothesis import given
from hypothesis import strategies as st

LINES = ((1, 19, 7), (1, 20, 1), (2, 0, 0))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1.21.1", (1, 21, 1)),
        ("2.0.0", (2, 0, 0)),
        ("1.21.1+ent", (1, 21, 1)),
        ("1.19.24+ent.hsm.fips1403", (1, 19, 24)),
        ("2.3.0-rc1", (2, 3, 0)),
        ("2.3.0-rc1+ent", (2, 3, 0)),
        ("2.10.0", (2, 10, 0)),
        ("10.0.0", (10, 0, 0)),
    ],
)
def test_a_version_is_its_three_numbers(text, number):
    assert versions.number(text) == number
    assert versions.is_one(text)
    assert versions.is_release(text) is (text.isascii() and set(text) <= set("0123456789."))


@pytest.mark.parametrize(
    "text",
    ["", "0", "1.21", "v1.21.1", "1.21.1.1", "1.21.x", "1.21.1\n", " 1.21.1", "1.21.1+", "1.٢1.1", "vault", "-1.2.3"],
)
def test_what_is_none_is_said_to_be_none(text):
    assert not versions.is_one(text)
    assert not versions.is_release(text)
    with pytest.raises(versions.NoVersionError, match="is no version"):
        versions.number(text)


@given(st.tuples(*[st.integers(0, 10**6)] * 3))
def test_text_and_number_are_each_other(number):
    assert versions.number(versions.text(number)) == number
    assert versions.is_release(versions.text(number))


def test_the_number_is_compared_as_one():
    assert versions.number("2.10.0") > versions.number("2.9.0")
    assert versions.number("10.0.0") > versions.number("9.9.9")


@pytest.mark.parametrize(
    ("version", "found"),
    [
        ("1.18.9", False),
        ("1.19.6", False),
        ("1.19.7", True),
        ("1.20.0", False),
        ("1.20.1", True),
        ("1.21.9", False),
        ("2.0.0", True),
        ("2.2.2", True),
        ("10.0.0", True),
    ],
)
def test_what_came_to_older_lines_too(version, found):
    assert versions.has(versions.number(version), LINES) is found
    assert not versions.has(versions.number(version), ())


@pytest.mark.parametrize(("text", "edition"), [("1.21.1", ""), ("1.21.1+ent", "ent"), ("2.0.0-rc1+ent.hsm", "ent.hsm")])
def test_the_edition_stands_behind_the_plus(text, edition):
    assert versions.edition(text) == edition
