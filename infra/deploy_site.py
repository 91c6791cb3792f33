"""Deploy the site of a stack: its CDN, its files, and the stack's leave to be asked by it.

    python infra/deploy_site.py maskdrop --sam .venv-sam/bin/sam

v/{digest}/js, v/{digest}/components   kept by browsers for a year; other content, another name
index.html, config.json, …             looked for anew every minute, index.html written last

So a page sees one version of its scripts whole, whenever it was opened.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

INFRA = Path(__file__).parent
SITE = INFRA.parent / "site"
VERSIONED = ("components", "js")

_FOREVER = "public, max-age=31536000, immutable"
_A_MINUTE = "public, max-age=60"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class SiteFile:
    """One object of the site's bucket."""

    key: str
    body: bytes
    cache_control: str

    @property
    def content_type(self) -> str:
        """By the key's suffix."""
        return _TYPES[Path(self.key).suffix]


def site_files(folder: Path, api_url: str, kept_days: int | None = None) -> Iterator[SiteFile]:
    """Every file to publish, in the order to publish it; config.json names the API.

    kept_days: days until the bucket deletes an upload, as the page says; None: it does not.
    """
    bodies = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.suffix in _TYPES
    }
    versioned = {name: body for name, body in bodies.items() if name.startswith(VERSIONED)}
    prefix = f"v/{_digest(versioned)}/"
    for name, body in versioned.items():
        yield SiteFile(prefix + name, body, _FOREVER)
    index = bodies.pop("index.html").decode()
    config = json.loads(bodies.pop("config.json")) | {"api": f"{api_url.rstrip('/')}/"}
    if kept_days is not None:
        config["kept_days"] = kept_days
    for name in sorted(bodies.keys() - versioned.keys()):
        yield SiteFile(name, bodies[name], _A_MINUTE)
    yield SiteFile("config.json", json.dumps(config).encode(), _A_MINUTE)
    for each in VERSIONED:
        index = index.replace(f'="{each}/', f'="{prefix}{each}/')
    yield SiteFile("index.html", index.encode(), _A_MINUTE)


def publish(files: Iterable[SiteFile], s3: S3Client, bucket: str) -> list[str]:
    """Put files into the bucket; answers the paths of those that keep their names."""
    renewed = []
    for each in files:
        s3.put_object(
            Bucket=bucket,
            Key=each.key,
            Body=each.body,
            ContentType=each.content_type,
            CacheControl=each.cache_control,
        )
        if each.cache_control != _FOREVER:
            renewed.append(f"/{each.key}")
    return renewed


class Stacks:
    """CloudFormation's stacks of this account and region."""

    def __init__(self) -> None:
        self._client = boto3.client("cloudformation")

    def outputs(self, name: str) -> dict[str, str]:
        """Name -> value of every output of a stack."""
        stack = self._describe(name)
        return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", ())}

    def allow_origin(self, name: str, origin: str) -> bool:
        """Add to a stack's AllowedOrigins and wait; answers whether it was missing."""
        parameters = {
            each["ParameterKey"]: each["ParameterValue"]
            for each in self._describe(name)["Parameters"]
        }
        origins = parameters.pop("AllowedOrigins").split(",")
        if origin in origins:
            return False
        kept: list[Any] = [{"ParameterKey": each, "UsePreviousValue": True} for each in parameters]
        wider = ",".join([*origins, origin])
        self._client.update_stack(
            StackName=name,
            UsePreviousTemplate=True,
            Parameters=[*kept, {"ParameterKey": "AllowedOrigins", "ParameterValue": wider}],
            # The second for SAM's transform, which is made again.
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
        self._client.get_waiter("stack_update_complete").wait(StackName=name)
        return True

    def _describe(self, name: str) -> Any:
        return self._client.describe_stacks(StackName=name)["Stacks"][0]


def invalidate(distribution: str, paths: list[str]) -> None:
    """Have the CDN forget its copies of `paths`."""
    batch = {"Paths": {"Quantity": len(paths), "Items": paths}, "CallerReference": str(time.time())}
    boto3.client("cloudfront").create_invalidation(
        DistributionId=distribution, InvalidationBatch=batch
    )


def deploy_cdn(sam: str, stack: str, service: dict[str, str]) -> None:
    """Create or update `stack`, the site's; raises CalledProcessError."""
    origins = [f"ApiOrigin={service['ApiUrl']}", f"BucketOrigin={service['BucketOrigin']}"]
    template = ["--template-file", str(INFRA / "site.yaml"), "--stack-name", stack]
    command = [sam, "deploy", *template, "--parameter-overrides", *origins]
    subprocess.run(command, check=True)  # noqa: S603


def main() -> None:
    """Deploy the site of the stack that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("stack", help="the service's stack; the site's is called the same, -site")
    parser.add_argument("--sam", default="sam", help="SAM's command")
    arguments = parser.parse_args()
    stacks = Stacks()
    service = stacks.outputs(arguments.stack)
    deploy_cdn(arguments.sam, f"{arguments.stack}-site", service)
    site = stacks.outputs(f"{arguments.stack}-site")
    files = site_files(SITE, service["ApiUrl"], int(service["UploadDays"]))
    invalidate(site["Cdn"], ["/", *publish(files, boto3.client("s3"), site["SiteBucket"])])
    if stacks.allow_origin(arguments.stack, site["SiteUrl"]):
        print(f"{arguments.stack} now allows {site['SiteUrl']}.")
    print(f"The site is at {site['SiteUrl']}.")


def _digest(bodies: dict[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, body in bodies.items():
        digest.update(f"{name}\0{len(body)}\0".encode() + body)
    return digest.hexdigest()[:12]


if __name__ == "__main__":
    main()
