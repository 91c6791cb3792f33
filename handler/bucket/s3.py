"""A bucket on Amazon S3, or on any server that speaks its protocol.

boto3 is imported when a client is made: deployments without S3 need no boto3.
"""

from __future__ import annotations

import hashlib
import logging
import random
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from handler.bucket.objects import ObjectInfo, PresignedPost, StoredObject
from handler.errors import (
    AccessDenied,
    ObjectNotFound,
    ObjectTooLarge,
    PreconditionFailed,
    StorageError,
    StorageUnavailable,
)

if TYPE_CHECKING:
    from botocore.config import Config
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import (
        GetObjectRequestTypeDef,
        HeadObjectRequestTypeDef,
        PutObjectRequestTypeDef,
    )

# DeleteObjects takes this many keys at most.
KEYS_PER_DELETE = 1000
# How often a body is read that breaks off or is not what was stored. boto3 retries requests, but
# not the body of an answer that began well.
READS = 4
# Before the second read, up to this many seconds at random; before each later one, twice as many.
READ_PAUSE_S = 0.2

_MD5 = re.compile("[0-9a-f]{32}")

_log = logging.getLogger(__name__)


class S3ObjectStore:
    """A bucket on Amazon S3, or on a server with S3's protocol."""

    def __init__(self, bucket: str, client: S3Client, presigner: S3Client | None = None) -> None:
        """Speak to `bucket` through `client`; `presigner` makes links, where they differ."""
        self._bucket = bucket
        self._client = client
        self._presigner = presigner or client

    @property
    def bucket(self) -> str:
        return self._bucket

    def get(
        self, key: str, *, max_bytes: int | None = None, version_id: str | None = None
    ) -> StoredObject:
        request: GetObjectRequestTypeDef = {"Bucket": self._bucket, "Key": key}
        if version_id is not None:
            request["VersionId"] = version_id
        wrong: bytes | None = None
        for attempt in range(READS):
            time.sleep(random.uniform(0, READ_PAUSE_S * 2**attempt) if attempt else 0)  # noqa: S311
            try:
                found, md5 = self._read(key, request, max_bytes)
            except _BrokenOff as error:
                _log.info("%s", error)
                continue
            digest = hashlib.md5(found.body, usedforsecurity=False).digest()
            # Some servers have etags that only look like an MD5. What is damaged on the way is
            # damaged differently each time; what comes twice alike is what is stored.
            if md5 is None or digest.hex() == md5 or digest == wrong:
                return found
            wrong = digest
        raise StorageUnavailable(
            f"Cannot read {self._where(key)}: its body came short or damaged {READS} times."
        )

    def _read(
        self, key: str, request: GetObjectRequestTypeDef, max_bytes: int | None
    ) -> tuple[StoredObject, str | None]:
        """Read an object once; answers it, and the MD5 that its body should have if that is known.

        boto3's own stream holds the body against its length and against the checksum that was
        stored with it. Raises _BrokenOff for a body that fails either.
        """
        with self._storage_errors("read", key):
            answer = self._client.get_object(**request)
        size, stream = answer["ContentLength"], answer["Body"]
        try:
            if max_bytes is not None and size > max_bytes:
                raise ObjectTooLarge(
                    f"{self._where(key)} has {size} bytes; the limit is {max_bytes}."
                )
            with self._storage_errors("read", key):
                body = stream.read()
        except StorageUnavailable as error:
            raise _BrokenOff(str(error)) from error
        finally:
            stream.close()
        return StoredObject(self._info(key, size, answer), body), self._md5(answer)

    def _md5(self, answer: Mapping[str, Any]) -> str | None:
        """The MD5 of an object, where its etag is that: not of parts, nor under a key of KMS."""
        etag, encryption = _unquoted(answer["ETag"]), answer.get("ServerSideEncryption", "AES256")
        plain = encryption == "AES256" and "SSECustomerAlgorithm" not in answer
        return etag if plain and _MD5.fullmatch(etag) else None

    def head(self, key: str, *, version_id: str | None = None) -> ObjectInfo:
        request: HeadObjectRequestTypeDef = {"Bucket": self._bucket, "Key": key}
        if version_id is not None:
            request["VersionId"] = version_id
        with self._storage_errors("read", key):
            answer = self._client.head_object(**request)
        return self._info(key, answer["ContentLength"], answer)

    def put(
        self,
        key: str,
        body: bytes,
        *,
        content_type: str,
        if_none_match: Literal["*"] | None = None,
        if_match: str | None = None,
    ) -> ObjectInfo:
        request: PutObjectRequestTypeDef = {
            "Bucket": self._bucket,
            "Key": key,
            "Body": body,
            "ContentType": content_type,
        }
        if if_none_match is not None:
            request["IfNoneMatch"] = if_none_match
        if if_match is not None:
            request["IfMatch"] = f'"{if_match}"'
        try:
            with self._storage_errors("write", key):
                answer = self._client.put_object(**request)
        except ObjectNotFound as error:
            # S3's answer to If-Match where there is nothing to match.
            raise PreconditionFailed(str(error)) from error
        return self._info(key, len(body), answer)

    def list_objects(self, prefix: str) -> Iterator[ObjectInfo]:
        pages = self._client.get_paginator("list_objects_v2")
        with self._storage_errors("list", prefix):
            for page in pages.paginate(Bucket=self._bucket, Prefix=prefix):
                for found in page.get("Contents", ()):
                    yield ObjectInfo(found["Key"], found["Size"], _unquoted(found["ETag"]))

    def delete(self, keys: Iterable[str]) -> None:
        doomed = list(keys)
        for start in range(0, len(doomed), KEYS_PER_DELETE):
            self._delete_some(doomed[start : start + KEYS_PER_DELETE])

    def _delete_some(self, keys: list[str]) -> None:
        with self._storage_errors("delete", keys[0]):
            answer = self._client.delete_objects(
                Bucket=self._bucket,
                Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True},
            )
        for refusal in answer.get("Errors", ()):
            what = f"Cannot delete {self._where(refusal.get('Key', keys[0]))}"
            raise _domain_error(refusal.get("Code", "unknown"), 200, what)

    def presign_get(self, key: str, *, expires_in: int) -> str:
        with self._storage_errors("sign a link to", key):
            return self._presigner.generate_presigned_url(
                "get_object", Params={"Bucket": self._bucket, "Key": key}, ExpiresIn=expires_in
            )

    def presign_post(
        self, key: str, *, content_type: str, max_bytes: int, expires_in: int
    ) -> PresignedPost:
        if "${filename}" in key:
            # S3 would put the uploader's file name there, so the key would not be exact.
            raise StorageError(f"{self._where(key)} cannot be signed: it holds ${{filename}}.")
        with self._storage_errors("sign an upload to", key):
            form = self._presigner.generate_presigned_post(
                Bucket=self._bucket,
                Key=key,
                Fields={"Content-Type": content_type},
                Conditions=[
                    {"Content-Type": content_type},
                    ["content-length-range", 1, max_bytes],
                ],
                ExpiresIn=expires_in,
            )
        return PresignedPost(form["url"], form["fields"])

    def _info(self, key: str, size: int, answer: Mapping[str, Any]) -> ObjectInfo:
        return ObjectInfo(key, size, _unquoted(answer["ETag"]), answer.get("VersionId"))

    def _where(self, key: str) -> str:
        return f"s3://{self._bucket}/{key}"

    @contextmanager
    def _storage_errors(self, action: str, key: str) -> Iterator[None]:
        """Turn boto3's errors into ours, which name bucket and key and hold no link."""
        from botocore.exceptions import BotoCoreError, ClientError
        from urllib3.exceptions import HTTPError

        what = f"Cannot {action} {self._where(key)}"
        try:
            yield
        except ClientError as error:
            code = error.response["Error"]["Code"]
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            raise _domain_error(code, status, what) from error
        except (BotoCoreError, HTTPError, OSError) as error:
            # The last two: a connection that fails in the middle of a body.
            raise StorageUnavailable(f"{what}: {type(error).__name__}.") from error


class _BrokenOff(StorageUnavailable):
    """A body that was short or damaged, after an answer that began well."""


def s3_client(
    region: str,
    *,
    endpoint_url: str | None = None,
    access_key_id: str | None = None,
    secret_access_key: str | None = None,
    changes: Config | None = None,
) -> S3Client:
    """Build a client whose links are answered at once: a redirect would lose CORS headers.

    Without `endpoint_url` it is Amazon S3 with the bucket's name and region in the host;
    with one, a server that has a single name, so the bucket is the path's first part.
    Without keys, AWS's usual chain of credentials is asked. `changes` win over what is set here.
    """
    import boto3
    from botocore.config import Config

    addressing: Literal["virtual", "path"] = "virtual" if endpoint_url is None else "path"
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": addressing, "us_east_1_regional_endpoint": "regional"},
        retries={"mode": "standard", "total_max_attempts": 3},
        connect_timeout=3,
        read_timeout=20,
    )
    return boto3.client(
        "s3",
        region_name=region,
        endpoint_url=endpoint_url,
        aws_access_key_id=access_key_id,
        aws_secret_access_key=secret_access_key,
        config=config.merge(changes) if changes else config,
    )


def _unquoted(etag: str) -> str:
    return etag.strip('"')


# S3's error codes by what they mean to us. HEAD has no body, so its code is the status.
_ERRORS_BY_CODE: dict[str, tuple[type[StorageError], str]] = {
    "404": (ObjectNotFound, "no such object"),
    "NoSuchKey": (ObjectNotFound, "no such object"),
    "NoSuchVersion": (ObjectNotFound, "no such version"),
    "412": (PreconditionFailed, "another writer was first"),
    "PreconditionFailed": (PreconditionFailed, "another writer was first"),
    "ConditionalRequestConflict": (PreconditionFailed, "another writer is at it"),
    "403": (AccessDenied, "the bucket refuses"),
    "AccessDenied": (AccessDenied, "the bucket refuses"),
}


def _domain_error(code: str, status: int, what: str) -> StorageError:
    if code in _ERRORS_BY_CODE:
        error, reason = _ERRORS_BY_CODE[code]
        return error(f"{what}: {reason}.")
    if status == 403:
        return AccessDenied(f"{what}: the bucket refuses ({code}).")
    if status == 429 or status >= 500:
        return StorageUnavailable(f"{what}: the store says {code}.")
    return StorageError(f"{what}: the store says {code}.")
