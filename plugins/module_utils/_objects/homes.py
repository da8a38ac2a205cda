# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where one small thing is kept: an object in a bucket, a secret, or a file.

Whoever writes says what was there when it was read: nothing, or a version. Where something else is there by now, nothing is
written. So of two runs that both have read, one writes, and the other one knows that it did not.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import typing as t
from contextlib import suppress

from .._common.aws import REGION_TAG
from .._common.errors import Problem
from . import aws, files, secret

# In place of the bucket's own encryption, which asks for the use of the unseal key: who keeps something here need not have it.
ENCRYPTION = {"ServerSideEncryption": "AES256"}
OBJECT_NEEDS = (
    "Who runs this needs s3:GetObject, PutObject and DeleteObject on this object, and s3:ListBucket on its bucket."
)
SECRET_NEEDS = (
    "Who runs this needs secretsmanager:DescribeSecret, GetSecretValue, CreateSecret, TagResource, PutSecretValue and "
    "DeleteSecret on this secret."
)
NO_BUCKET: dict[str, t.Any] = {}


class Held(t.NamedTuple):
    data: bytes
    version: str


class Home(t.Protocol):
    where: str

    def read(self) -> Held | None:
        """None only where nothing is."""

    def write(self, data: bytes, version: str | None) -> str | None:
        """In the place of that version; None: where nothing is. Returns the new one, or None where it was not written."""

    def remove(self) -> None: ...


class Bucket:
    """Of S3, which may carry the tag of one cluster."""

    def __init__(self, name: str, options: t.Mapping[str, t.Any]) -> None:
        self.name = name
        self.region = str(options["region"])
        # In a second region bucket and objects may still be those of the cluster at home.
        self._regions = {self.region, options.get("home_region") or self.region}
        self._tags = options.get("tags") or {}
        self._client = aws.client("s3", options)
        self._is_known = self._says_region = False

    def call(self, action: str, key: str, answers: t.Mapping[str, t.Any], **arguments: t.Any) -> t.Any:
        """*key*: of an object, or empty."""
        where = f"s3://{self.name}/{key}" if key else f"bucket {self.name}"
        verb = getattr(self._client, action)
        own = {"Key": key} if key else {}
        name = f"s3:{action.title().replace('_', '')}"
        made = aws.call(
            where,
            name,
            lambda: verb(Bucket=self.name, **own, **arguments),
            OBJECT_NEEDS,
            {**answers, "NoSuchBucket": NO_BUCKET},
        )
        if made is NO_BUCKET:
            raise Problem(
                "there is no such bucket",
                "Create it (playbooks/provision.yml does), or name the right one (vault_snapshot_bucket).",
                where=where,
            )
        return made

    def require_own(self) -> None:
        """A bucket without a tag may be somebody's who keeps it for this cluster, and so may one whose tags are not shown."""
        if self._is_known:
            return
        found = self.call("get_bucket_tagging", "", {"NoSuchTagSet": {}, "AccessDenied": {}})
        tags = {tag["Key"]: tag["Value"] for tag in found.get("TagSet", [])}
        for key, value in self._tags.items():
            if tags.get(key, value) != str(value):
                raise Problem(
                    f"it carries the tag {key}={tags[key]}, and not {value}: it is another cluster's. Nothing of it is changed",
                    "Name another bucket (vault_snapshot_bucket).",
                    where=f"bucket {self.name}",
                )
        self._require_region(f"bucket {self.name}", tags)
        self._is_known, self._says_region = True, REGION_TAG in tags

    def require_region_of(self, where: str, metadata: t.Mapping[str, str]) -> None:
        """Of an object in it. Where the bucket itself is known to be this cluster's, what was copied into it is so, too."""
        if not self._says_region:
            self._require_region(where, metadata)

    def _require_region(self, where: str, marks: t.Mapping[str, str]) -> None:
        """What has none may be of an earlier release, or somebody's who keeps it for this cluster."""
        region = marks.get(REGION_TAG, self.region)
        if region not in self._regions:
            raise Problem(
                f"it is of the cluster of this name in {region} (by its {REGION_TAG}), and this run is about the one in "
                f"{self.region}. Nothing of it is changed",
                "Correct vault_aws_region, or give one of the two clusters another bucket (vault_snapshot_bucket) or another "
                "vault_cluster_name.",
                where=where,
            )

    def keys(self, start: str) -> list[str]:
        self.require_own()
        found: list[str] = []
        more: dict[str, str] = {}
        while True:
            page = self.call("list_objects_v2", "", {}, Prefix=start, **more)
            found += [one["Key"] for one in page.get("Contents", [])]
            if not page.get("IsTruncated"):
                return sorted(found)
            more = {"ContinuationToken": page["NextContinuationToken"]}


class Object:
    """In S3, where nobody writes over it, but in the place of what he has read."""

    def __init__(self, bucket: Bucket, key: str) -> None:
        self.bucket, self.key = bucket, key
        self.where = f"s3://{bucket.name}/{key}"

    def read(self) -> Held | None:
        self.bucket.require_own()
        found = self.bucket.call("get_object", self.key, {"NoSuchKey": None})
        if not found:
            return None
        self.bucket.require_region_of(self.where, found.get("Metadata") or {})
        return Held(found["Body"].read(), found["ETag"])

    def write(self, data: bytes, version: str | None) -> str | None:
        self.bucket.require_own()
        condition = {"IfMatch": version} if version else {"IfNoneMatch": "*"}
        # Of two at the same moment S3 refuses one for that alone.
        lost = dict.fromkeys(("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"))
        mark = {REGION_TAG: self.bucket.region}
        made = self.bucket.call("put_object", self.key, lost, Body=data, Metadata=mark, **condition, **ENCRYPTION)
        if made:
            return str(made["ETag"])
        # The answer of a request that was sent again may be about the one before it.
        there = self.read()
        return there.version if there and there.data == data else None

    def remove(self) -> None:
        self.bucket.call("delete_object", self.key, {})


class Secret:
    """In Secrets Manager, tagged as the cluster's."""

    def __init__(self, name: str, options: t.Mapping[str, t.Any]) -> None:
        self.name = name
        self._secret = secret.Stored(name, options, "SecretBinary", SECRET_NEEDS)
        self.where = self._secret.where

    def read(self) -> Held | None:
        return Held(*self._secret.content()) if self._secret.found() is not None else None

    def write(self, data: bytes, version: str | None) -> str | None:
        return self._secret.create(data) if version is None else self._secret.put(data, version)

    def remove(self) -> None:
        gone = {"ResourceNotFoundException": None}
        if self._secret.tag({secret.DONE_TAG: "true"}):
            self._secret.call("delete_secret", gone, SecretId=self.name, ForceDeleteWithoutRecovery=True)


class File:
    """On this machine. It keeps its room: what is written in its place needs no other name, and no more room than it had."""

    def __init__(self, path: str) -> None:
        self.path = os.path.abspath(path)
        self.where = f"file {self.path} on the controller"

    def read(self) -> Held | None:
        data = files.in_words(self.where, lambda: files.read(self.path))
        return None if data is None else Held(data, _version(data))

    def write(self, data: bytes, version: str | None) -> str | None:
        if version is None:
            written = files.in_words(self.where, lambda: files.create(self.path, data))
        else:
            written = files.in_words(self.where, lambda: self._put(data, version))
        return _version(data) if written else None

    def _put(self, data: bytes, version: str) -> bool:
        """Cut short by a loss of power, it is no worse off than what is written."""
        files.own_directory(os.path.dirname(self.path))
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_NOFOLLOW)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if _version(os.pread(handle, os.fstat(handle).st_size, 0)) != version:
                return False
            os.fchmod(handle, 0o600)
            written = 0
            while written < len(data):
                written += os.pwrite(handle, data[written:], written)
            os.ftruncate(handle, len(data))
            os.fsync(handle)
            return os.path.samestat(os.fstat(handle), os.stat(self.path))
        finally:
            os.close(handle)

    def remove(self) -> None:
        def unlink() -> None:
            with suppress(FileNotFoundError):
                os.unlink(self.path)

        files.in_words(self.where, unlink)


def _version(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
