# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether Vault takes recovery keys, or the keys that people unseal it with, asked without a lasting effect.

A rekey that has to be verified gives new keys out when enough of the old ones were given, and changes nothing until the new
ones are given back: what it has made until then is in the active node's memory, and goes when it is cancelled, or when another
node becomes active (vault/rekey.go, RecoveryRekeyUpdate and RecoveryRekeyInit, and for unseal keys BarrierRekeyUpdate and
BarrierRekeyInit; vault/core.go, preSeal; as of 1.21.1). So such a rekey is begun, the keys are given, and it is cancelled by its
nonce. To generate a root token would prove the same, and leave a root token. The new keys are encrypted to a key that nobody has
the other half of, by which an attempt is known as one of these, whoever finds it.
"""

from __future__ import annotations

import itertools
import typing as t
from contextlib import contextmanager
from dataclasses import dataclass

from ..._common.wait import Wait
from ..client import Cluster
from ..errors import VaultError
from ..session import admin_login
from . import api
from .state import CHECK_KEY, MOST_WAYS, Attempt, Maker, standing

# A look into custody takes less. What stands still for that long is of a run that was killed.
CHECK_SECONDS = 15


@dataclass(frozen=True)
class Proof:
    taken: list[int]  # which keys Vault takes, by their places
    refused: list[int]
    said: str = ""  # by Vault, of those that were refused


@contextmanager
def doorway(cluster: Cluster, params: t.Mapping[str, t.Any], maker: Maker) -> t.Iterator[tuple[str, t.Any]]:
    """The active node, and a client that may work with recovery keys: with Vault until 2.0 that takes no login."""
    name = cluster.active()
    client = cluster.client(name)
    if _opens(name, client, maker):
        yield name, client
        return
    with admin_login(cluster.connection, params, name) as client:
        yield name, client


def _opens(name: str, client: t.Any, maker: Maker) -> bool:
    try:
        api.read_rekey(name, client, maker)
    except VaultError as error:
        if error.status == 403:
            return False
        raise
    return True


def without_checks(name: str, client: t.Any, maker: Maker) -> Attempt:
    """What is under way, when no look into custody is: another run's is waited for, and one that was cut short is cancelled."""
    wait, attempt = Wait(CHECK_SECONDS), api.read_rekey(name, client, maker)
    first = attempt["nonce"]
    while standing(attempt, None) == "check" and attempt["nonce"] == first and wait.again():
        attempt = api.read_rekey(name, client, maker)
    if standing(attempt, None) != "check":
        return attempt
    if attempt["nonce"] != first:
        raise VaultError(name, "another run is looking whether the keys work", "Let it end, and run again.")
    api.cancel_rekey(name, client, maker, str(first))
    return api.read_rekey(name, client, maker)


def accepts(name: str, client: t.Any, maker: Maker, keys: t.Sequence[str]) -> VaultError | None:
    """None where Vault takes these keys together, else its refusal. Nothing of the attempt stays."""
    begun = api.begin_rekey(name, client, maker, 1, 1, [CHECK_KEY])
    nonce = str(begun["nonce"])
    try:
        refusal = _give(name, client, maker, keys, nonce)
    except BaseException as first:
        try:
            api.cancel_rekey(name, client, maker, nonce)
        except VaultError as second:
            if isinstance(first, VaultError):
                first.also(second)
        raise
    api.cancel_rekey(name, client, maker, nonce)
    return refusal


def _give(name: str, client: t.Any, maker: Maker, keys: t.Sequence[str], nonce: str) -> VaultError | None:
    try:
        for key in keys:
            if api.give_rekey(name, client, maker, key, nonce)["complete"]:
                return None
    except VaultError as error:
        # Also where the attempt itself has gone, with the node that was active.
        if error.status in (400, 500) and api.read_rekey(name, client, maker)["nonce"] == nonce:
            return error
        raise
    return VaultError(name, f"{len(keys)} keys are not enough", status=400)


def prove(name: str, client: t.Any, maker: Maker, keys: t.Sequence[str], threshold: int) -> Proof:
    """Each key: some that open, and every other one together with them."""
    refusal: VaultError | None = None
    places = range(len(keys))
    for some in itertools.islice(itertools.combinations(places, threshold), MOST_WAYS):
        refusal = accepts(name, client, maker, [keys[place] for place in some])
        if refusal is None:
            break
    else:
        return Proof([], list(places), refusal.cause if refusal else "")
    taken, refused, said = list(some), [], ""
    for place in places:
        if place in some:
            continue
        # A key that is there twice would be refused as given already.
        others = [keys[one] for one in some if keys[one] != keys[place]][: threshold - 1]
        refusal = accepts(name, client, maker, [keys[place], *others])
        if refusal is None and keys[place] not in [keys[one] for one in taken]:
            taken.append(place)
        else:
            refused.append(place)
            said = refusal.cause if refusal else "it is the same as another one"
    return Proof(sorted(taken), refused, said)
