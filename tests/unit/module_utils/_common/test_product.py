"""What each version can do, at the versions where that changes."""

from __future__ import annotations

import datetime

import pytest
from ansible_collections.vaultops.cluster.plugins.module_utils._common import product
from ansible_collections.vaultops.cluster.plugins.module_utils._common.product import Fact, Product
from ansible_collections.vaultops.cluster.plugins.module_utils._common.versions import text

FACTS = {name: one for name, one in vars(product).items() if isinstance(one, Fact)}
RELOADED = {f"{stanza}.{name}": fact for stanza, names in product.RELOADED.items() for name, fact in names.items()}


@pytest.mark.parametrize(
    ("version", "guarded", "joins", "limits"),
    [
        ("1.19.0", False, True, False),
        ("1.19.4", False, True, False),
        ("1.19.5", False, False, False),
        ("1.19.8+ent", False, False, False),
        ("1.19.9+ent", False, True, True),
        ("1.20.0", False, False, False),
        ("1.20.2", False, False, False),
        ("1.20.3", False, True, True),
        ("1.21.0", False, True, True),
        ("1.21.14+ent", False, True, True),
        ("2.0.0-rc1", True, True, True),
        ("2.0.0", True, True, True),
        ("2.2.2", True, True, True),
        ("2.10.0", True, True, True),
        ("3.0.0", True, True, True),
        ("10.0.0", True, True, True),
    ],
)
def test_what_vault_does(version, guarded, joins, limits):
    server = Product.of(version)
    facts = (product.UNAUTHENTICATED_ACCESS, product.JOINS_BY_EC2_TAG, product.JSON_LIMITS)
    assert tuple(map(server.does, facts)) == (guarded, joins, limits)


@pytest.mark.parametrize(
    ("version", "stanza", "name", "taken"),
    [
        ("1.18.9", "raft", "trailing_logs", False),
        ("1.19.0", "raft", "trailing_logs", True),
        ("10.0.0", "raft", "trailing_logs", True),
        ("1.12.9", "server", "user_lockout", False),
        ("1.13.0", "server", "user_lockout", True),
        ("1.8.9", "listener", "custom_response_headers", False),
        ("2.2.2", "listener", "custom_response_headers", True),
        ("2.2.2", "server", "max_lease_ttl", False),
        ("2.2.2", "seal", "region", False),
    ],
)
def test_what_vault_takes_with_a_reload(version, stanza, name, taken):
    assert Product.of(version).reloads(stanza, name) is taken


@pytest.mark.parametrize("name", [*FACTS, *RELOADED])
def test_a_fact_is_in_words_and_has_a_source_and_what_has_come_stays(name):
    fact = {**FACTS, **RELOADED}[name]
    assert fact.what
    assert fact.source.startswith("https://")
    for firsts in (fact.vault, fact.openbao):
        assert list(firsts) == sorted(firsts)
        lines = [first[:2] for first in firsts]
        assert len(lines) == len(set(lines)), "a line has one first version"
    assert not fact.vault or Product(product.VAULT, (99, 0, 0)).does(fact)


def test_one_product_is_not_judged_by_the_others_numbers():
    bao = Product.of("2.5.0", product.OPENBAO)
    assert not bao.does(product.UNAUTHENTICATED_ACCESS)
    assert bao.does(Fact("x", "https://x", openbao=((2, 5, 0),)))
    assert not Product.of("2.4.9", product.OPENBAO).does(Fact("x", "https://x", openbao=((2, 5, 0),)))
    assert not Product.of("2.5.0").does(Fact("x", "https://x", openbao=((2, 5, 0),)))


@pytest.mark.parametrize("flavour", product.FLAVOURS)
def test_a_version_that_nobody_knows_yet_works_and_is_named(flavour):
    newest, date = product.NEWEST[flavour]
    assert datetime.date.fromisoformat(date)
    assert Product(flavour, newest).unknown is None
    later = text((newest[0], newest[1] + 7, 0))
    (said,) = product.notes([later, "1.0.0", later, None, ""], flavour)
    assert said == (
        f"{product.NAMES[flavour]} {later} is newer than any version that this release knows. What is known of "
        f"{product.NAMES[flavour]} {text(newest)} of {date} is assumed of it."
    )
    assert product.notes(["10.0.0+ent"], flavour)[0].startswith(f"{product.NAMES[flavour]} 10.0.0+ent is newer")


@pytest.mark.parametrize("version", [None, "", "vault", "1.21"])
def test_who_tells_no_version_is_nobody(version):
    assert product.told(version) is None


def test_who_tells_it_is_that():
    assert product.told("1.21.1+ent") == Product(product.VAULT, (1, 21, 1), "ent")
    assert product.told("2.6.2", product.OPENBAO) == Product(product.OPENBAO, (2, 6, 2))
