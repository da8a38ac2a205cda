# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is under way with recovery keys and root tokens, and what a run has to do about it. Pure."""

from __future__ import annotations

import base64
import datetime
import itertools
import typing as t
from dataclasses import dataclass, field

from ..._common import product
from ..._common.product import Flavour
from ..._custody.record import Keys, Record, Rekey, keys_of
from . import given as people

# A key that nobody has the other half of. New recovery keys that Vault encrypts to it are nobody's, and an attempt that Vault
# says was begun with it is one of a look into custody, whoever asks.
CHECK_KEY = (
    "mDMEawiP1xYJKwYBBAHaRw8BAQdAGb3/vkbPToGBkOZKrmLS1JJDSPqwjFliXIASiTL/C8C0HnZhdWx0b3BzLmNsdXN0ZXIgY3VzdG9keSBjaGVja4iQBBMW"
    "CAA4FiEEkGTnQElatEZ3wZA6APaH6FNYkUEFAmsIj9cCGwMFCwkIBwIGFQoJCAsCBBYCAwECHgECF4AACgkQAPaH6FNYkUEyLgEA3q1zRjravFvx7Bl35ABM"
    "zLZmjlsf61QzKq1gHIvBcqcA/353cE9aNrQ8xGRVUG6l31w9VpbW7OeVrATSeaTINAgJuDgEawiP1xIKKwYBBAGXVQEFAQEHQLb+5s30BTHN2GsBwa8UIoPl"
    "Mz0M7ljufg2lsSQLcNF+AwEIB4h4BBgWCAAgFiEEkGTnQElatEZ3wZA6APaH6FNYkUEFAmsIj9cCGwwACgkQAPaH6FNYkUGeFwEA0ZAihMqHfoe9DVp7cycQ"
    "Q0eG3jXf4kujX1e1doXRMkABAJ2a6vY5Jj2345D5bDNVz9iFizmuJrW1nWVm96o/QgsB"
)
CHECK_FINGERPRINT = "9064e740495ab44677c1903a00f687e853589141"

BY_HAND = "docs/recovery-keys.md says how that is done by hand."
# In how many ways as many keys as are needed are put together, until some open.
MOST_WAYS = 100
ROOT_PATH = "auth/token/root"
# Within which time of the note a root token was made: what the last call may take, and two clocks that round.
UNSEEN_SECONDS = 120


@dataclass(frozen=True)
class Maker:
    """What makes keys anew. Where *cancels_by_nonce* is false, it ends whatever is under way, whosever that is."""

    path: str
    cancel: str  # the command for people, with the nonce
    cancels_by_nonce: bool = True


RECOVERY_REKEY = Maker("/v1/sys/rekey-recovery-key", "vault operator rekey -target=recovery -cancel -nonce={nonce}")
# Of the keys that people unseal with, where no KMS key does.
UNSEAL_REKEY = Maker("/v1/sys/rekey", "vault operator rekey -cancel -nonce={nonce}")
RECOVERY_ROTATION = Maker("/v1/sys/rotate/recovery", "bao operator rotate-keys -target=recovery -cancel", False)
MAKERS: t.Mapping[Flavour, Maker] = {product.VAULT: RECOVERY_REKEY, product.OPENBAO: RECOVERY_ROTATION}


class Seal(t.TypedDict):
    shares: int
    threshold: int


class Attempt(t.TypedDict):
    """A rekey, or a generate-root, as Vault says that it stands."""

    nonce: str | None  # None: none is under way
    progress: int
    required: int
    shares: int  # of the keys that are to come
    threshold: int
    pgp_fingerprints: list[str]
    verifies: bool
    verification_nonce: str | None  # where new keys were given out, and wait to be verified
    otp_length: int
    cancel: str  # the command by which people end a rekey


class Given(t.TypedDict):
    """What Vault says to one share."""

    complete: bool
    recovery_keys: list[str]
    verification_nonce: str | None
    encoded_token: str | None


@dataclass(frozen=True)
class Wanted:
    shares: int
    threshold: int
    pgp_keys: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Plan:
    step: str
    lines: list[str] = field(default_factory=list)
    cause: str = ""
    cure: str = ""

    @property
    def changes(self) -> bool:
        return self.step not in ("nothing", "waits", "refuse")


def standing(attempt: Attempt, noted: Rekey | None) -> str:
    """Whose rekey is under way: none, check (a look into custody), ours, unnoted (ours, and cut short before custody noted it),
    others."""
    if attempt["nonce"] is None:
        return "none"
    if attempt["pgp_fingerprints"] == [CHECK_FINGERPRINT]:
        return "check"
    if noted and noted["nonce"] == attempt["nonce"]:
        return "ours"
    like = (attempt["shares"], attempt["threshold"], bool(attempt["pgp_fingerprints"]))
    if (
        noted
        and noted["nonce"] is None
        and attempt["progress"] == 0
        and attempt["verifies"]
        and like == (noted["recovery_shares"], noted["recovery_threshold"], noted["pgp"])
    ):
        return "unnoted"
    return "others"


def others_rekey(attempt: Attempt) -> tuple[str, str]:
    """Cause and cure."""
    return (
        f"somebody's rekey of the recovery keys is under way (nonce {attempt['nonce']}, {attempt['progress']} of "
        f"{attempt['required']} keys given). Nothing of it was touched",
        f"Let it end. If nobody is at it any more: '{attempt['cancel']}', and run again.",
    )


def ways(record: Record, given: t.Sequence[str] = (), needed: int = 0) -> list[list[str]]:
    """As many keys as are needed, of each set that custody has, the likeliest first: a snapshot that was restored brings back an
    older one, and one of the keys may be wrong. *given*: by people, of those that are encrypted to them, or that custody never
    had; of the latter as many as are *needed*, after all others."""
    those: list[Keys] = [keys_of(record), *([record["rekey"]] if record["rekey"] else []), *record["former"]]
    sets = [(given if one["pgp"] else one["recovery_keys"], one["recovery_threshold"]) for one in those]
    found: list[list[str]] = []
    for keys, threshold in [*sets, (given, needed)]:
        some = itertools.islice(itertools.combinations(list(dict.fromkeys(keys)), threshold), MOST_WAYS)
        found += [list(way) for way in some if way and list(way) not in found]
    return found


def others_root(attempt: Attempt) -> tuple[str, str]:
    """Cause and cure."""
    return (
        f"somebody's attempt to make a root token is under way (nonce {attempt['nonce']}, {attempt['progress']} of "
        f"{attempt['required']} keys given). Nothing of it was touched",
        f"Let it end. If nobody is at it any more: -e vault_regain_cancel={attempt['nonce']}",
    )


def not_in_custody(record: Record | None, where: str) -> tuple[str, str] | None:
    """Why there are no keys to work with: cause and cure."""
    if record is None:
        return (
            f"{where} holds no recovery keys of this cluster",
            "Where somebody else initialised the cluster, its keys are where they put them. playbooks/rekey.yml is given as many "
            f"as Vault needs, makes new ones, and puts these into custody. {BY_HAND}",
        )
    if record["status"] == "elsewhere":
        return (
            f"{where} holds no recovery keys that are known to count: a rekey with the keys of people, which {record['who']} "
            f"began at {record['since']}, has not finished",
            "Run playbooks/rekey.yml, which finishes it, or says which keys it needs.",
        )
    if record["status"] == "prepared":
        return f"{where} holds the reservation of an init that has not finished", "Run site.yml, which finishes it."
    return None


def plan_rekey(
    record: Record | None,
    attempt: Attempt,
    seal: Seal,
    wanted: Wanted,
    where: str,
    given: int,
    now: str,
    age_hours: int,
) -> Plan:
    """*given*: how many different keys people have given for this run; *now* in ISO 8601; *age_hours*: keys that are younger,
    and as they are wanted, stay."""
    noted = record["rekey"] if record else None
    whose = standing(attempt, noted)
    if record and record["status"] == "prepared":
        return Plan("refuse", [], *(not_in_custody(record, where) or ("", "")))
    if whose == "others":
        return Plan("refuse", [], *others_rekey(attempt))
    if noted and noted["recovery_keys"]:
        return _plan_new_keys(noted, attempt, whose, where, bool(given), people.with_people(record))
    if record is None or people.with_people(record):
        return _plan_with_people(record, seal, wanted, where, given)
    if record["pgp"] and not given:
        return Plan(
            "refuse",
            [],
            f"the recovery keys in {where} are encrypted to people, and {record['recovery_threshold']} of them have to give "
            "their key",
            "Let them decrypt their keys, and give these in the environment as VAULT_RECOVERY_KEYS, separated by commas. "
            + BY_HAND,
        )
    if noted is None and _is_as_wanted(record, wanted) and is_younger(record["since"], now, age_hours):
        return Plan(
            "nothing",
            [
                f"Nothing to do: the recovery keys of {record['since']}, {_set(wanted)}, are in {where}, and are younger than "
                f"{age_hours} h. New ones all the same: -e vault_rekey_age_hours=0"
            ],
        )
    lines = [
        *(
            [f"A rekey that {noted['who']} began at {noted['since']} was cut short, and is begun anew."]
            if noted
            else []
        ),
        f"Vault makes {_set(wanted)}, and is given the recovery keys of {record['since']} from {where} for that.",
        "The new keys are put beside the old ones and read back. Then they are given back to Vault: until then the old keys are "
        "those that count, whatever happens.",
        "What is lost: the old keys make no root token any more, wherever else somebody keeps them. Custody keeps them, since a "
        "restored snapshot from before brings them back.",
        *(
            ["The keys in VAULT_RECOVERY_KEYS are given to Vault only where it takes none of those in custody."]
            if given and not record["pgp"]
            else []
        ),
    ]
    return Plan("begin", [*lines, *_second_run(wanted)])


def _plan_with_people(record: Record | None, seal: Seal, wanted: Wanted, where: str, given: int) -> Plan:
    lacking = people.too_few(record, where, given, seal["threshold"], seal["shares"])
    if lacking:
        return Plan("refuse", [], *lacking)
    lines = people.lines(record, where, given, seal["threshold"], _set(wanted))
    return Plan("begin", [*lines, *_second_run(wanted)])


def _second_run(wanted: Wanted) -> list[str]:
    said = "The new keys are encrypted to people: the run ends before they count, and a second one needs their keys, decrypted."
    return [said] if wanted.pgp_keys else []


def how_it_stands(record: Record, attempt: Attempt, where: str) -> list[str]:
    """After a run."""
    if record["rekey"]:
        alone = people.with_people(record)
        return _plan_new_keys(record["rekey"], attempt, standing(attempt, record["rekey"]), where, False, alone).lines
    return [
        f"{record['recovery_shares']} recovery keys of {record['since']}, of which {record['recovery_threshold']} are needed, "
        f"count from now on. They are in {where}. The old ones make no root token any more."
    ]


def _plan_new_keys(noted: Rekey, attempt: Attempt, whose: str, where: str, given: bool, alone: bool) -> Plan:
    """*alone*: whether the old keys are with people alone."""
    who = f"{noted['who']} began at {noted['since']}"
    if whose == "ours" and noted["pgp"] and not given:
        return Plan(
            "waits",
            [
                f"The new recovery keys of the rekey that {who} are in {where}, encrypted to people, and wait to be verified. "
                "The old ones count until then.",
                f"Let {noted['recovery_threshold']} of them decrypt their keys, and give these in the environment as "
                "VAULT_RECOVERY_KEYS, separated by commas, to one more run.",
                f"To give them up: '{attempt['cancel']}'.",
            ],
        )
    if whose == "ours":
        return Plan(
            "verify", [f"The new recovery keys of the rekey that {who} are in {where}. They are verified, and count."]
        )
    if noted["pgp"] and not given:
        return Plan(
            "refuse",
            [],
            f"the rekey that {who} is under way no more, and whether its keys were verified before can't be seen, since they "
            "are encrypted to people",
            f"Let {noted['recovery_threshold']} of them decrypt their new keys, and give these in the environment as "
            "VAULT_RECOVERY_KEYS, separated by commas, the same as before if they did so before: Vault says whether it takes "
            "them. If it does not, the old keys count: give those.",
        )
    return Plan(
        "settle",
        [
            f"The rekey that {who} was cut short. Custody holds {'the new keys' if alone else 'the old keys and the new ones'}: "
            "Vault is asked which keys it takes. If it is the new ones, the old ones go. Else the rekey is begun anew"
            f"{', which needs the keys of people in VAULT_RECOVERY_KEYS' if alone else ''}."
        ],
    )


def _set(wanted: Wanted) -> str:
    pgp = ", encrypted to people's PGP keys" if wanted.pgp_keys else ""
    return f"{wanted.shares} recovery keys of which {wanted.threshold} are needed{pgp}"


def _is_as_wanted(record: Record, wanted: Wanted) -> bool:
    found = (record["recovery_shares"], record["recovery_threshold"], record["pgp"])
    return found == (wanted.shares, wanted.threshold, bool(wanted.pgp_keys))


def is_younger(since: str, now: str, hours: int) -> bool:
    age = datetime.datetime.fromisoformat(now) - datetime.datetime.fromisoformat(since)
    return age < datetime.timedelta(hours=hours)


def plan_root(
    record: Record | None,
    attempt: Attempt | None,
    admin: str | None,
    whoever: str | None,
    where: str,
    cancel: str = "",
) -> Plan:
    """*attempt*: None where Vault wants a token to say; *admin*: which administrator's login works, in words; *whoever*: who of
    this controller would be one afterwards, in words; *cancel*: the nonce of an attempt that is nobody's any more."""
    noted = record["generate_root"] if record else None
    mine = bool(attempt and attempt["nonce"] and noted and noted["nonce"] == attempt["nonce"])
    if admin:
        left = [
            *(["the attempt to make a root token that a killed run has left"] if mine else []),
            *(
                ["the root token in custody"]
                if record and record["root_token"] and not record["root_token_pgp"]
                else []
            ),
            *(["a root token that a killed run may have made"] if noted and noted["unseen"] else []),
            *(["what custody notes of that run"] if noted and not noted["unseen"] and not mine else []),
        ]
        if left:
            return Plan("tidy", [f"{admin} There is nothing to regain. What goes: {', and '.join(left)}."])
        return Plan("nothing", [f"Nothing to do: {admin} There is nothing to regain."])
    missing = not_in_custody(record, where)
    if missing or record is None:
        return Plan("refuse", [], *(missing or ("", "")))
    if whoever is None:
        return Plan(
            "refuse",
            [],
            "nobody here could show afterwards that an administrator logs in: neither this controller's principal is one of "
            "vault_admins, nor is there an administrator's certificate",
            "Set vault_admins in the inventory so that it names who you are ('aws sts get-caller-identity'), and run again.",
        )
    if record["pgp"]:
        return Plan(
            "refuse",
            [],
            f"the recovery keys in {where} are encrypted to people, and what lies beside them must hold no root token",
            BY_HAND,
        )
    if attempt and attempt["nonce"] and not mine and attempt["nonce"] != cancel:
        return Plan("refuse", [], *others_root(attempt))
    lines = [
        "No administrator can log in from here. "
        + (
            "Custody holds the root token of a run that was cut short, and it is used."
            if record["root_token"]
            else f"Vault makes a root token with {record['recovery_threshold']} of the recovery keys in {where}. The token goes "
            "there, encrypted, and nowhere else."
        ),
        *(
            [
                "This Vault makes one only for who has a token. So enable_unauthenticated_access is set for generate-root on "
                "every node, brought into effect by a reload, and taken back at the end. Meanwhile whoever reaches the API may "
                "begin such an attempt, or end one. Without the recovery keys nobody completes it."
            ]
            if attempt is None
            else []
        ),
        f"Policies, logins and identities are set up as the inventory has them, {whoever} logs in as administrator, and the root "
        "token is revoked.",
        "What is lost: what somebody else has changed of these policies and logins. Secrets, and whoever reads them, are not "
        "touched.",
    ]
    return Plan("make", lines)


def decoded(encoded: str, otp: str) -> str:
    sealed = base64.b64decode(encoded + "=" * (-len(encoded) % 4))
    return bytes(one ^ other for one, other in zip(sealed, otp.encode())).decode()  # noqa: B905  3.9


def is_unseen(token: t.Mapping[str, t.Any], since: t.Iterable[int]) -> bool:
    """Whether a token, as Vault describes it, is one that a run has made and never held. Nobody else can have made it: an
    attempt keeps every other one out."""
    made = int(token.get("creation_time") or 0)
    return (
        token.get("path") == ROOT_PATH
        and token.get("policies") == ["root"]
        and any(start <= made <= start + UNSEEN_SECONDS for start in since)
    )


# --- what a look into custody says


def held_problem(record: Record, seal: Seal, where: str) -> tuple[str, str] | None:
    """What can be seen without giving a key: cause and cure."""
    held = len(record["recovery_keys"])
    if held < record["recovery_threshold"] or held != record["recovery_shares"]:
        return (
            f"{where} holds {held} recovery keys, and its record speaks of {record['recovery_shares']}, of which "
            f"{record['recovery_threshold']} are needed",
            _MAKE_NEW,
        )
    known = [(one["recovery_shares"], one["recovery_threshold"]) for one in (keys_of(record), *record["former"])]
    coming = record["rekey"]
    if coming:
        known.append((coming["recovery_shares"], coming["recovery_threshold"]))
    if (seal["shares"], seal["threshold"]) not in known:
        return (
            f"Vault says that {seal['threshold']} of {seal['shares']} recovery keys are needed, and {where} holds keys of which "
            f"{record['recovery_threshold']} of {record['recovery_shares']} are needed: these are not the cluster's",
            f"Somebody else has made new ones, or a snapshot was restored. {_PUT_THERE}",
        )
    return None


_MAKE_NEW = "While enough of them work, playbooks/rekey.yml makes new ones."
_PUT_THERE = (
    "Find the keys that the cluster has now, and give as many as Vault needs to playbooks/rekey.yml -e vault_rekey_age_hours=0, "
    f"{people.ENVIRONMENT}: it makes new ones with them, and puts these into custody."
)


def others_in_custody(record: Record) -> list[Keys]:
    """Sets that Vault may take where it does not take the record's own, as far as they can be tried."""
    those: list[Keys] = [*([record["rekey"]] if record["rekey"] else []), *record["former"]]
    return [one for one in those if one["recovery_keys"] and not one["pgp"]]


def not_taken(record: Record, instead: Keys | None, where: str, said: str) -> tuple[str, str]:
    """*instead*: the set in custody that Vault takes."""
    cause = f"it takes none of the recovery keys of {record['since']} in {where} ({said})"
    if instead is not None and instead in record["former"]:
        return (
            f"{cause}, and it takes those of {instead['since']}, which custody keeps as former ones: a snapshot from their time "
            "was restored",
            "Run playbooks/rekey.yml, which makes new ones with them.",
        )
    if instead is not None:
        return (
            f"{cause}, and it takes the new ones of {instead['since']}: a rekey was cut short after they were verified",
            "Run playbooks/rekey.yml, which finishes it.",
        )
    return (
        cause,
        "See that the nodes reach the unseal key in KMS, with which Vault looks whether a key is right. Else somebody has made "
        f"new ones, or a snapshot was restored. {_PUT_THERE}",
    )


def some_refused(taken: t.Sequence[int], refused: t.Sequence[int], where: str, said: str) -> tuple[str, str]:
    places = ", ".join(str(place + 1) for place in refused)
    return (
        f"of the recovery keys in {where} it takes {len(taken)}, and refuses number {places} ({said})",
        _MAKE_NEW,
    )


def under_way(record: Record, rekey: Attempt, root: Attempt | None) -> list[str]:
    """What somebody should look after."""
    said = []
    if record["rekey"]:
        said.append(
            f"A rekey that {record['rekey']['who']} began at {record['rekey']['since']} has not finished. Run "
            "playbooks/rekey.yml, which finishes it."
        )
    if root and root["nonce"]:
        said.append(
            f"Somebody's attempt to make a root token is under way (nonce {root['nonce']}, {root['progress']} of "
            f"{root['required']} keys given). Nothing of it was touched."
        )
    if record["generate_root"]:
        said.append(
            "A run of playbooks/regain_admin.yml has not finished, or an administrator has not tidied up after it. Run it again."
        )
    return said


def checked(record: Record, where: str, proven: int, check_mode: bool) -> list[str]:
    held = f"{where} holds {len(record['recovery_keys'])} recovery keys of {record['since']}, as many as Vault says there are"
    if proven:
        return [
            f"{where} holds {len(record['recovery_keys'])} recovery keys of {record['since']}, of which "
            f"{record['recovery_threshold']} are needed. Vault has taken {proven} of them."
        ]
    if record["pgp"]:
        return [
            f"{held}. They are encrypted to people, so that only these can show that they work: let "
            f"{record['recovery_threshold']} of them give theirs, decrypted, in the environment as VAULT_RECOVERY_KEYS."
        ]
    if check_mode:
        return [f"{held}. Nothing was given to Vault."]
    return [f"{held}. They were not tried, since a rekey is under way."]
