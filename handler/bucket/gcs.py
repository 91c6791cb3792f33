"""A bucket of Google Cloud Storage, through its XML API, which is S3's but for four things.

Conditions       it ignores If-None-Match and If-Match on a PUT, without an error; its own is
                 x-goog-if-generation-match, with 0 for "only where the key is free"
Headers          x-amz- and x-goog- in one request are refused, and the signature has x-amz- ones
Identity         an object's generation says which one it is; it takes the etag's place here
Checksums        those that boto3 adds unless told not to end in SignatureDoesNotMatch

Sources: cloud.google.com/storage/docs/request-preconditions, …/aws-simple-migration and
…/xml-api/reference-headers; boto/boto3#4400.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.auth import AUTH_TYPE_MAPS, S3SigV4Auth
from botocore.config import Config

from handler.bucket.objects import ObjectInfo
from handler.bucket.s3 import S3ObjectStore, s3_client

if TYPE_CHECKING:
    from botocore.awsrequest import AWSRequest
    from types_boto3_s3 import S3Client

ENDPOINT = "https://storage.googleapis.com"

_SIGNATURE = "maskdrop-google"


class GoogleAuth(S3SigV4Auth):
    """S3's signature; a conditional write is put into Google's words before it is signed."""

    def _modify_request_before_signing(self, request: AWSRequest) -> None:
        super()._modify_request_before_signing(request)  # type: ignore[misc]  # not in its stubs
        headers = request.headers
        generation = headers.get("If-Match", "").strip('"') or ("If-None-Match" in headers and "0")
        if request.method != "PUT" or not generation:
            return
        del headers["If-Match"], headers["If-None-Match"]
        for name in [each for each in headers if each.lower().startswith("x-amz-")]:
            value = headers[name]
            del headers[name]
            headers[f"x-goog-{name[len('x-amz-') :]}"] = value
        headers["x-goog-if-generation-match"] = generation


class GoogleObjectStore(S3ObjectStore):
    """A bucket whose etags are generations, but for those of listings."""

    def _info(self, key: str, size: int, answer: Mapping[str, Any]) -> ObjectInfo:
        generation = answer["ResponseMetadata"]["HTTPHeaders"]["x-goog-generation"]
        return ObjectInfo(key, size, generation)

    def _md5(self, answer: Mapping[str, Any]) -> str | None:
        """Out of `x-goog-hash: crc32c=…,md5=…`, in base64; composed objects have no MD5."""
        hashes = answer["ResponseMetadata"]["HTTPHeaders"].get("x-goog-hash", "")
        found = re.search(r"md5=([A-Za-z0-9+/]{22}==)", hashes)
        return b64decode(found[1]).hex() if found else None

    def _delete_some(self, keys: list[str]) -> None:
        # Its DeleteObjects asks for a checksum that boto3 no longer makes.
        for key in keys:
            with self._storage_errors("delete", key):
                self._client.delete_object(Bucket=self._bucket, Key=key)


def google_client(
    region: str,
    *,
    endpoint_url: str | None = None,
    access_key_id: str | None = None,
    secret_access_key: str | None = None,
) -> S3Client:
    """Build a client as `s3_client` does; the keys are an HMAC key's."""
    AUTH_TYPE_MAPS[_SIGNATURE] = GoogleAuth
    for links in ("query", "presign-post"):
        AUTH_TYPE_MAPS[f"{_SIGNATURE}-{links}"] = AUTH_TYPE_MAPS[f"s3v4-{links}"]
    return s3_client(
        region,
        endpoint_url=endpoint_url or ENDPOINT,
        access_key_id=access_key_id,
        secret_access_key=secret_access_key,
        changes=Config(
            signature_version=_SIGNATURE,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )
