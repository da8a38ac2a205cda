# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The bucket. A snapshot whose manifest is there is complete; nothing is ever deleted: that is the bucket's lifecycle's.

The lifecycle only expires what is tagged as superseded, and a run tags what is older than the snapshot that it has just made,
of the same cluster id. So the last good one of each cluster stays, however long no other follows.

A node needs s3:PutObject, s3:AbortMultipartUpload, s3:GetObjectTagging and s3:PutObjectTagging below the prefix, and
s3:ListBucket (with the prefix) and s3:ListBucketMultipartUploads on the bucket; no s3:GetObject: what it has sent is compared
by the checksum in S3's own answer. It never writes over an object ("If-None-Match: *"), so the bucket may refuse that to all.

What PutObjectTagging is to whoever has taken a node: it can't be narrowed to older objects. With a condition on
s3:RequestObjectTag/vaultops-superseded it writes no other tag, and it still can mark the newest snapshot: the lifecycle then
expires that one when it is as old as the lifecycle says. Versions and the object lock bound what is lost.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import typing as t

from . import aws, choice, manifest
from .errors import Exit, Failure
from .settings import S3

PART_BYTES = 8 << 20
MOST_PARTS = 10_000
CHUNK_BYTES = 1 << 20
# A manifest has two or three KiB.
MANIFEST_BYTES = 1 << 20
# So many objects are looked at in any case, and then on until one has its tag: an earlier run may have been killed or refused.
LOOKED_AT = 8

_CURES = {
    "AccessDenied": "The role needs s3:PutObject and s3:AbortMultipartUpload below the prefix, and the use of the key that the "
    "bucket encrypts with.",
    "NoSuchBucket": "Create it (playbooks/provision.yml does), or name the right one and its region.",
    "NoSuchKey": "Look at the bucket, the prefix and the name.",
    "NotFound": "Look at the bucket, the prefix and the name.",
    "PreconditionFailed": "An object of that name is there, and was left as it is. If the connection broke while it was sent, it "
    "is this run's own.",
}
_ADD_CURES = {
    **_CURES,
    "AccessDenied": "The role needs s3:PutObject below the prefix, and kms:GenerateDataKey of the key that the bucket encrypts "
    "with; playbooks/provision.yml writes both.",
}
_READ_CURES = {
    **_CURES,
    "AccessDenied": "s3:GetObject below the prefix is needed, and the use of the key that the bucket encrypts with.",
}
_LIST_CURES = {**_CURES, "AccessDenied": "s3:ListBucket on the bucket is needed, with this prefix."}
_TAG_CURES = {
    **_CURES,
    "AccessDenied": "The role needs s3:GetObjectTagging and s3:PutObjectTagging below the prefix.",
}


class Bucket:
    def __init__(self, settings: S3) -> None:
        self._settings = settings
        self._client = aws.client("s3", settings.region, settings.endpoint_url, settings.timeout_seconds)

    def where(self, name: str) -> str:
        return f"s3://{self._settings.bucket}/{self._key(name)}"

    def abort_unfinished(self, cluster_name: str, node_name: str, warn: t.Callable[[str], None]) -> None:
        """Uploads that a killed run of this node left. Another's may be under way, also that of another cluster's namesake."""
        bucket = self._settings.bucket
        try:
            with self._translate_errors(f"the unfinished uploads in {bucket} can't be listed"):
                pages = self._client.get_paginator("list_multipart_uploads").paginate(
                    Bucket=bucket, Prefix=self._key("")
                )
                uploads = [upload for page in pages for upload in page.get("Uploads", [])]
        except Failure as failure:
            if not aws.was_denied(failure):
                raise
            warn(f"{failure} It needs s3:ListBucketMultipartUploads; the bucket's lifecycle removes them too.")
            return
        for upload in uploads:
            if manifest.owner_of(upload["Key"][len(self._key("")) :]) == (cluster_name, node_name):
                self._abort(upload["Key"], upload["UploadId"])

    def upload(self, path: str, made: manifest.Manifest) -> None:
        """Send the file, prove that what the bucket holds is what the manifest says, and only then send the manifest."""
        where = self.where(made.name)
        with self._translate_errors(f"{where} could not be uploaded"):
            answer = self._client.create_multipart_upload(
                Bucket=self._settings.bucket, Key=self._key(made.name), ChecksumAlgorithm="SHA256"
            )
            try:
                parts, checksum = self._send_parts(path, made, answer["UploadId"])
                completed = self._unless_there(
                    self._client.complete_multipart_upload,
                    Key=self._key(made.name),
                    UploadId=answer["UploadId"],
                    MultipartUpload={"Parts": parts},
                )
            except BaseException:
                with contextlib.suppress(Failure):
                    self._abort(self._key(made.name), answer["UploadId"])
                raise
            self._compare(made, checksum, completed.get("ChecksumSHA256"))
            text = made.to_json().encode()
            self._unless_there(
                self._client.put_object,
                Key=self._key(made.name + manifest.MANIFEST_SUFFIX),
                Body=text,
                ContentType="application/json",
                ChecksumSHA256=_base64(hashlib.sha256(text).digest()),
            )

    def add(self, name: str, stream: t.BinaryIO) -> bool:
        """Send a file of any kind, in one request; False where an object of that name was there, which stays as it is.

        This wants s3:PutObject and nothing else.
        """
        digest = hashlib.sha256()
        stream.seek(0)
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)

        def put(**arguments: t.Any) -> dict[str, t.Any]:
            stream.seek(0)
            return self._client.put_object(Body=stream, **arguments)

        try:
            with self._translate_errors(f"{self.where(name)} could not be uploaded", _ADD_CURES):
                self._unless_there(put, Key=self._key(name), ChecksumSHA256=_base64(digest.digest()))
        except Failure as failure:
            if aws.code_of(failure.__cause__) != "PreconditionFailed":
                raise
            return False
        return True

    def _unless_there(self, call: t.Callable[..., dict[str, t.Any]], **arguments: t.Any) -> dict[str, t.Any]:
        """Never over an object that is there, but where the store says that it does not know such a condition."""
        try:
            return call(Bucket=self._settings.bucket, IfNoneMatch="*", **arguments)
        except Exception as error:
            if aws.code_of(error) != "NotImplemented":
                raise
        return call(Bucket=self._settings.bucket, **arguments)

    def _send_parts(self, path: str, made: manifest.Manifest, upload_id: str) -> tuple[list[dict[str, t.Any]], str]:
        """The parts, and what S3 then calls the checksum of the whole: that of the parts' checksums."""
        parts: list[dict[str, t.Any]] = []
        whole, of_parts = hashlib.sha256(), hashlib.sha256()
        for content in _parts(path, part_bytes(made.encrypted_bytes)):
            digest = hashlib.sha256(content).digest()
            whole.update(content)
            of_parts.update(digest)
            answer = self._client.upload_part(
                Bucket=self._settings.bucket,
                Key=self._key(made.name),
                UploadId=upload_id,
                PartNumber=len(parts) + 1,
                Body=content,
                ChecksumSHA256=_base64(digest),
            )
            parts.append({"PartNumber": len(parts) + 1, "ETag": answer["ETag"], "ChecksumSHA256": _base64(digest)})
        if whole.hexdigest() != made.encrypted_sha256:
            raise Failure(
                Exit.DISK, f"{path} is not what was written to it a moment ago", "Look at the disk: it loses data."
            )
        return parts, _base64(of_parts.digest())

    def _compare(self, made: manifest.Manifest, checksum: str, answered: str | None) -> None:
        # S3 appends the number of parts; some that speak its protocol don't.
        found = (answered or self._asked_checksum(made.name)).partition("-")[0]
        size = self._size(made.name)
        if (size, found) != (made.encrypted_bytes, checksum):
            raise Failure(
                Exit.S3,
                f"{self.where(made.name)} has {size} bytes and the checksum {found}, and not "
                f"{made.encrypted_bytes} and {checksum}",
                "It got no manifest, so it does not count.",
            )

    def _asked_checksum(self, name: str) -> str:
        """S3 tells it when it completes an upload. Where a store does not, this needs s3:GetObject."""
        head = self._client.head_object(Bucket=self._settings.bucket, Key=self._key(name), ChecksumMode="ENABLED")
        return str(head.get("ChecksumSHA256"))

    def _size(self, name: str) -> int | None:
        """By the listing, as to ask for the object itself needs the right to read it."""
        answer = self._client.list_objects_v2(Bucket=self._settings.bucket, Prefix=self._key(name), MaxKeys=1)
        return next((item["Size"] for item in answer.get("Contents", []) if item["Key"] == self._key(name)), None)

    def fetch_manifest(self, name: str) -> manifest.Manifest:
        where = self.where(name + manifest.MANIFEST_SUFFIX)
        with self._translate_errors(f"{where} can't be read", _READ_CURES):
            answer = self._client.get_object(
                Bucket=self._settings.bucket, Key=self._key(name + manifest.MANIFEST_SUFFIX)
            )
            text = answer["Body"].read(MANIFEST_BYTES)
        try:
            known = manifest.parse(text)
        except ValueError as error:
            raise Failure(Exit.SNAPSHOT, f"{where} is no manifest ({error})") from error
        require_name(known, name, where)
        return known

    def newest(self, cluster_name: str, now: float, cluster_id: str | None = None) -> str:
        """Name of the cluster's newest snapshot that is complete. What claims to be from the future is only taken by name."""
        whole = manifest.whole(self._names(cluster_name))
        believed = [name for name in whole if not manifest.is_future_dated(name, now)]
        if not believed:
            cure = "Look at the bucket, the prefix and the cluster's name."
            if whole:
                names = ", ".join(name[: -len(manifest.MANIFEST_SUFFIX)] for name in whole)
                cure = f"These claim to be from the future; look at the clocks, or name the one that is meant: {names}."
            raise Failure(Exit.S3, f"{self.where('')} holds no complete snapshot of the cluster {cluster_name}", cure)
        try:
            chosen = choice.newest(believed, self._told_ids(believed, cluster_id), cluster_id)
        except choice.NoChoice as no_choice:
            found = "; ".join(self._described(name) for name in no_choice.candidates) or "none"
            raise Failure(
                Exit.SNAPSHOT,
                f"which of the snapshots of {cluster_name} in {self.where('')} is the newest can't be told: {no_choice}",
                f"Say which cluster is meant (-e vault_restore_cluster_id=ID), or name the snapshot (-e vault_restore=NAME). The "
                f"newest of each: {found}.",
            ) from no_choice
        return chosen[: -len(manifest.MANIFEST_SUFFIX)]

    def _told_ids(self, names: list[str], cluster_id: str | None) -> dict[str, str]:
        """The short cluster id of those whose names don't tell it. Each has to be read, so only those that could matter."""
        wanted = manifest.short_id(cluster_id) if cluster_id else None
        told: dict[str, str] = {}
        for name in reversed(names):
            tells = manifest.id_of(name)
            if tells is None:
                known = self._readable(name)
                if known:
                    tells = told[name] = manifest.short_id(known.cluster_id)
            if tells and tells == wanted:
                break
        return told

    def _described(self, name: str) -> str:
        known = self._readable(name)
        bare = name[: -len(manifest.MANIFEST_SUFFIX)]
        return f"{bare} (cluster id {known.cluster_id})" if known else f"{bare} (its manifest is broken)"

    def _readable(self, name: str) -> manifest.Manifest | None:
        try:
            return self.fetch_manifest(name[: -len(manifest.MANIFEST_SUFFIX)])
        except Failure as failure:
            if failure.code != Exit.SNAPSHOT:
                raise
            return None

    def supersede(self, made: manifest.Manifest, known: t.Container[str] = ()) -> None:
        """Leave what is older than *made*, and of its cluster id, to the bucket's lifecycle, snapshots and manifests.

        *known*: names that tell no cluster id, and are known to be of this one. Of others, the last one stays for good.

        The oldest first, so that what a killed run leaves out is next to the newest, where the next one looks.
        """
        pending = []
        for number, name in enumerate(manifest.superseded(self._names(made.cluster_name), made, known)):
            tags = self._tags(name)
            if manifest.SUPERSEDED not in tags:
                pending.append((name, tags))
            elif number >= LOOKED_AT:
                break
        for name, tags in reversed(pending):
            self._tag(name, [tag for tag in tags if tag["Key"] != manifest.SUPERSEDED["Key"]])

    def _tags(self, name: str) -> list[dict[str, str]]:
        with self._translate_errors(f"the tags of {self.where(name)} can't be read", _TAG_CURES):
            answer = self._client.get_object_tagging(Bucket=self._settings.bucket, Key=self._key(name))
        return list(answer["TagSet"])

    def _tag(self, name: str, others: list[dict[str, str]]) -> None:
        """This replaces all tags, so the others are written again."""
        with self._translate_errors(f"{self.where(name)} could not be tagged as superseded", _TAG_CURES):
            self._client.put_object_tagging(
                Bucket=self._settings.bucket, Key=self._key(name), Tagging={"TagSet": [*others, manifest.SUPERSEDED]}
            )

    def _names(self, cluster_name: str) -> list[str]:
        """All that the bucket holds of this cluster, without the prefix."""
        start = len(self._key(""))
        with self._translate_errors(f"the snapshots in {self.where('')} can't be listed", _LIST_CURES):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._settings.bucket, Prefix=self._key(f"{cluster_name}_")
            )
            names = [item["Key"][start:] for page in pages for item in page.get("Contents", [])]
        return [name for name in names if "/" not in name]

    def fetch(self, name: str, write: t.Callable[[bytes], None]) -> None:
        with self._translate_errors(f"{self.where(name)} can't be read", _READ_CURES):
            answer = self._client.get_object(Bucket=self._settings.bucket, Key=self._key(name))
            for chunk in answer["Body"].iter_chunks(CHUNK_BYTES):
                write(chunk)

    def _abort(self, key: str, upload_id: str) -> None:
        with self._translate_errors(f"the unfinished upload of {key} could not be removed"):
            self._client.abort_multipart_upload(Bucket=self._settings.bucket, Key=key, UploadId=upload_id)

    def _key(self, name: str) -> str:
        return f"{self._settings.prefix}/{name}" if self._settings.prefix else name

    def _translate_errors(self, what: str, cures: dict[str, str] | None = None) -> t.ContextManager[None]:
        return aws.translate_errors(Exit.S3, what, _CURES if cures is None else cures)


def require_name(known: manifest.Manifest, name: str, where: str) -> None:
    """A manifest under another name than its own is a copy: an old snapshot would pass for a new one."""
    if known.name != name:
        raise Failure(
            Exit.SNAPSHOT,
            f"{where} is the manifest of {known.name}",
            "It was copied or renamed. Give it its own name, with its snapshot, or take another.",
        )


def part_bytes(size: int) -> int:
    """Small parts, so that memory stays flat; bigger ones where there would be more than S3 takes."""
    return max(PART_BYTES, -(-size // MOST_PARTS))


def _parts(path: str, size: int) -> t.Iterator[bytes]:
    with contextlib.ExitStack() as stack:
        try:
            stream = stack.enter_context(open(path, "rb"))
        except OSError as error:
            raise Failure(Exit.DISK, f"{path} can't be read ({error.strerror})") from error
        while True:
            try:
                content = stream.read(size)
            except OSError as error:
                raise Failure(Exit.DISK, f"{path} can't be read ({error.strerror})") from error
            if not content:
                return
            yield content


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
