# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A secret in AWS Secrets Manager: what holds for it, whatever is kept in it."""

from __future__ import annotations

import hashlib
import typing as t

from .._common.errors import Problem
from . import aws

# By this tag a secret that goes away is told from one that somebody has removed.
DONE_TAG = "vaultops-done"


class Stored:
    """One secret, which may carry the tag of one cluster. *field*: where in it the content is."""

    def __init__(self, name: str, options: t.Mapping[str, t.Any], field: str, needs: str) -> None:
        self.name = name
        self.where = f"AWS Secrets Manager, secret {name} in {options['region']}"
        self.tags = {key: str(value) for key, value in (options.get("tags") or {}).items()}
        # Of a new one besides: nobody is told by these.
        self._more = {key: str(value) for key, value in (options.get("more_tags") or {}).items()}
        self._field, self._needs = field, needs
        self._key = {"KmsKeyId": options["kms_key_id"]} if options.get("kms_key_id") else {}
        self._client = aws.client("secretsmanager", options)

    def call(self, action: str, answers: t.Mapping[str, t.Any] | None = None, **arguments: t.Any) -> t.Any:
        verb = getattr(self._client, action)
        name = f"secretsmanager:{action.title().replace('_', '')}"
        return aws.call(self.where, name, lambda: verb(**arguments), self._needs, answers)

    def found(self, untagged: bool = False) -> dict[str, str] | None:
        """Its tags; None where nothing is. *untagged*: whether it may be the cluster's without its tag."""
        described = self.call("describe_secret", {"ResourceNotFoundException": None}, SecretId=self.name)
        if described is None:
            return None
        tags = {tag["Key"]: tag["Value"] for tag in described.get("Tags") or []}
        if described.get("DeletedDate"):
            # AWS takes its time to remove what somebody was done with.
            if DONE_TAG in tags:
                return None
            raise Problem(
                "it is scheduled for deletion, and may hold what is not kept elsewhere",
                f"'aws secretsmanager restore-secret --secret-id {self.name}', and run again; or name another secret "
                "(vault_custody_secret).",
                where=self.where,
            )
        for key, value in self.tags.items():
            if tags.get(key, value if untagged else None) != value:
                has = (
                    f"carries the tag {key}={tags[key]}, and not {value}"
                    if key in tags
                    else f"has no tag {key}={value}"
                )
                raise Problem(
                    f"it {has}: it is not this cluster's. Nothing of it is changed",
                    "Name another secret (vault_custody_secret).",
                    where=self.where,
                )
        return tags

    def content(self) -> tuple[t.Any, str]:
        """What is in it, and its version."""
        held = self.call("get_secret_value", {"ResourceNotFoundException": None}, SecretId=self.name)
        if held is None or self._field not in held:
            raise Problem(
                "the secret is there, and holds nothing of ours",
                "Remove it, or name another secret (vault_custody_secret).",
                where=self.where,
            )
        return held[self._field], str(held["VersionId"])

    def create(self, data: str | bytes, **more: str) -> str | None:
        """Its version, or None where there is one already."""
        every = {**self._more, **self.tags}
        tags = {"Tags": self._tag_list(every)} if every else {}
        own = {self._field: data, **tags, **self._key, **more}
        made = self.call("create_secret", {"ResourceExistsException": None}, Name=self.name, **own)
        return str(made["VersionId"]) if made else None

    def put(self, data: str | bytes, version: str) -> str | None:
        """In the place of that version, and of no other one. The new one, or None where it was not written."""
        lost = dict.fromkeys(("ResourceExistsException", "ResourceNotFoundException"))
        token = next_token(version)
        own = {self._field: data, "ClientRequestToken": token}
        made = self.call("put_secret_value", lost, SecretId=self.name, **own)
        return str(made["VersionId"]) if made else None

    def tag(self, tags: t.Mapping[str, str]) -> bool:
        """False where it is gone."""
        gone = {"ResourceNotFoundException": None}
        return self.call("tag_resource", gone, SecretId=self.name, Tags=self._tag_list(tags)) is not None

    @staticmethod
    def _tag_list(tags: t.Mapping[str, str]) -> list[dict[str, str]]:
        return [{"Key": key, "Value": value} for key, value in tags.items()]


def next_token(version: str) -> str:
    """The id of the version that follows *version*. A version is made once: of two who follow the same one, the second is
    refused."""
    return hashlib.sha256(version.encode()).hexdigest()
