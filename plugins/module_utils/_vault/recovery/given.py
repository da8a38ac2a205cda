# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Recovery keys that people give to a run, since custody has none that count: after an adoption, above all. Pure.

Custody gets the new keys alone. The old ones stay with the people who have them: they may open snapshots of a time when people
unsealed the cluster, and nobody asked these people to leave them anywhere.
"""

from __future__ import annotations

from ..._custody.record import Record

ENVIRONMENT = "in the environment as VAULT_RECOVERY_KEYS, separated by commas"
PAGE = "docs/recovery-keys.md has the steps."


def with_people(record: Record | None) -> bool:
    """Whether the recovery keys that count are kept by people alone, as far as custody knows."""
    return record is None or record["status"] == "elsewhere"


def cut_short(record: Record | None) -> str:
    """What custody knows of a rekey with the keys of people, of which no new key got into custody."""
    noted = record["rekey"] if record else None
    if noted is None:
        return ""
    return (
        f"The rekey that {noted['who']} began at {noted['since']} was cut short before custody had a new key, so none of "
        "its new keys counts, and the keys of people do."
    )


def too_few(record: Record | None, where: str, count: int, threshold: int, shares: int) -> tuple[str, str] | None:
    """Cause and cure, where *count* different keys are not enough. *threshold*, *shares*: as Vault says."""
    if threshold < 1:
        return (
            f"{where} holds no recovery key, and Vault says that the cluster has none",
            "New ones are made with old ones alone. docs/emergencies.md has a section about recovery keys that don't work.",
        )
    if count >= threshold:
        return None
    told = f" {cut_short(record)}" if cut_short(record) else ""
    return (
        f"{where} holds no recovery key that counts. Vault wants {threshold} of the {shares} that people have, and {count} "
        f"different ones were given.{told} Nothing was changed",
        f"Let people give theirs {ENVIRONMENT}. After an adoption by playbooks/adopt_seal.yml these are the unseal keys of "
        f"before. {PAGE}",
    )


def lines(record: Record | None, where: str, count: int, threshold: int, new: str) -> list[str]:
    """What a run does with enough keys. *new*: the keys to come, in words."""
    told = cut_short(record)
    return [
        *([f"{told} It is begun anew."] if told else []),
        f"{where} holds no recovery key that counts. Vault is given {threshold} of the {count} keys in VAULT_RECOVERY_KEYS, and "
        f"says whether it takes them. Then it makes {new}.",
        "The new keys are put into custody and read back. Then they are given back to Vault: until then the keys of people are "
        "those that count, whatever happens.",
        "What is lost: the keys of people make no root token any more. Custody gets none of them, so people keep theirs for as "
        "long as a snapshot from before, which brings these keys back.",
    ]


def none_taken(record: Record, count: int, said: str) -> tuple[str, str]:
    """Cause and cure, where Vault takes no keys together, neither custody's nor *count* given ones. *said*: by Vault. Of the keys
    themselves nothing is told."""
    noted = record["rekey"]
    refused = [
        *(["the recovery keys in custody"] if not with_people(record) else []),
        *(["the new recovery keys in custody"] if with_people(record) and noted and noted["recovery_keys"] else []),
        *([f"the {count} keys in VAULT_RECOVERY_KEYS"] if count else []),
    ]
    cause = f"it takes none of {', and none of '.join(refused)}" + (f" ({said})" if said else "")
    kms = "that the nodes reach the unseal key in KMS, with which Vault looks whether a key is right."
    if not with_people(record):
        return cause, f"Nothing was changed. Run playbooks/custody_check.yml, and see {kms}"
    if count:
        wrong = "One of the keys is wrong, or of another cluster, or somebody has made new ones."
        return cause, f"Nothing was changed. {wrong} Give others, and see {kms}"
    return (
        f"{cause}, and the keys of people, which count then, were not given",
        f"Nothing was changed. Let people give theirs {ENVIRONMENT}, and see {kms}",
    )
