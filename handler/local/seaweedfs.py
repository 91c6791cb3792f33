"""The embedded stack's S3 server: SeaweedFS as a child process on loopback.

It checks signatures, expiry and upload policies as Amazon S3 does, and keeps its
data, its generated credentials and its log in one folder across restarts.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import logging
import secrets
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

from botocore.exceptions import BotoCoreError, ClientError

from handler.bucket.s3 import s3_client
from handler.errors import MaskdropError
from handler.local.child import Child

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

REGION = "us-east-1"
LOG = "seaweedfs.log"

_log = logging.getLogger(__name__)

# Measured: 3.5 to 8 s on two cores.
READY_WITHIN_S = 60.0

# What listens; each part has a port for HTTP and one for gRPC. Left alone the second
# is the first plus 10,000, which may be taken or past 65,535.
PARTS = ("master", "volume", "filer", "s3")


class LocalS3Failed(MaskdropError):
    """The S3 server did not start; the message says where its log is."""


@dataclass(frozen=True, slots=True)
class LocalS3:
    """A running S3 server and the keys that may do anything with it."""

    endpoint_url: str
    access_key_id: str
    secret_access_key: str
    child: Child | None = field(default=None, compare=False, repr=False)

    def check_ready(self) -> None:
        """Raise NotReady while the server is down."""
        if self.child is not None:
            self.child.check_ready()

    def client(self) -> S3Client:
        """Build a client with all rights."""
        return s3_client(
            REGION,
            endpoint_url=self.endpoint_url,
            access_key_id=self.access_key_id,
            secret_access_key=self.secret_access_key,
        )


@contextmanager
def local_s3(
    folder: Path,
    *,
    events_to: str | None = None,
    events_under: str = "",
    say: Callable[[str], None] = _log.warning,
) -> Iterator[LocalS3]:
    """Run the server over `folder` for as long as the context lasts.

    `events_to`: URL that is told, by POST, of every file changed `events_under` a path,
    bucket first. `say` is told when it ended by itself, and when it runs again. Raises
    LocalS3Failed when it ends early or is not ready within a minute.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _sole_use(folder):
        access_key_id, secret_access_key = _credentials(folder)
        _write_config(folder, events_to, events_under)
        ports = _free_ports(2 * len(PARTS))
        server = LocalS3(f"http://127.0.0.1:{ports[-2]}", access_key_id, secret_access_key)

        def start() -> subprocess.Popen[bytes]:
            _remove_sockets(ports)
            return _start(_command(ports), folder)

        def wait(process: subprocess.Popen[bytes]) -> None:
            _wait_until_ready(server, ports[0], process, folder / LOG)

        (folder / LOG).write_bytes(b"")
        child = Child("The S3 server", start, wait, say)
        try:
            with child.running():
                yield replace(server, child=child)
        finally:
            _remove_sockets(ports)


def make_bucket(client: S3Client, bucket: str, origins: Sequence[str]) -> None:
    """Create the bucket unless it exists, and let pages of `origins` read and upload."""
    if bucket not in (found["Name"] for found in client.list_buckets()["Buckets"]):
        client.create_bucket(Bucket=bucket)
    client.put_bucket_cors(
        Bucket=bucket,
        CORSConfiguration={
            "CORSRules": [
                {
                    "AllowedOrigins": list(origins),
                    "AllowedMethods": ["GET", "HEAD", "POST"],
                    "AllowedHeaders": ["*"],
                    "ExposeHeaders": ["ETag"],
                    "MaxAgeSeconds": 3600,
                }
            ]
        },
    )


@contextmanager
def _sole_use(folder: Path) -> Iterator[None]:
    """Hold a lock that the kernel lets go of when we end, however we end."""
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LocalS3Failed(f"Another S3 server is running over {folder}.") from error
        yield


def _start(command: Sequence[str], folder: Path) -> subprocess.Popen[bytes]:
    """Start a child that does not outlive us; its log goes on where it was."""
    with (folder / LOG).open("ab") as log:
        return subprocess.Popen(  # noqa: S603
            command,
            cwd=folder,
            stdout=log,
            stderr=log,
            # Ctrl-C in a terminal goes to the whole group; what needs the server ends first.
            process_group=0,
            preexec_fn=_die_with_parent(),
        )


def _credentials(folder: Path) -> tuple[str, str]:
    """Read the access key and its secret, or make them at the first start."""
    path = folder / "s3.json"
    if not path.exists():
        keys = {"accessKey": secrets.token_hex(10).upper(), "secretKey": secrets.token_hex(20)}
        actions = ["Admin", "Read", "Write", "List", "Tagging"]
        identity = {"name": "maskdrop", "credentials": [keys], "actions": actions}
        path.touch(mode=0o600)
        path.write_text(json.dumps({"identities": [identity]}))
    keys = json.loads(path.read_text())["identities"][0]["credentials"][0]
    return keys["accessKey"], keys["secretKey"]


def _write_config(folder: Path, events_to: str | None, events_under: str) -> None:
    """Write the three files that SeaweedFS looks for in its working directory first.

    A volume at a time: on a disk of 2 GB, the default of several is enough for 5 buckets, one
    for 31. One worker: several would tell of two writes of one file in any order.
    """
    (folder / "security.toml").write_text("")
    (folder / "master.toml").write_text("[master.volume_growth]\ncopy_1 = 1\n")
    settings = {
        "enabled": events_to is not None,
        "endpoint": events_to or "",
        "event_types": ["create", "update"],
        "path_prefixes": [f"/buckets/{events_under}"],
        "workers": 1,
    }
    # A JSON value on one line is a TOML value too.
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    (folder / "notification.toml").write_text("\n".join(["[notification.webhook]", *lines, ""]))


def _command(ports: Sequence[int]) -> list[str]:
    listeners = [
        option
        for part, http, grpc in zip(PARTS, ports[::2], ports[1::2], strict=True)
        for option in (f"-{part}.port={http}", f"-{part}.port.grpc={grpc}")
    ]
    return [
        str(Path(sysconfig.get_path("scripts")) / "weed"),
        "-logtostderr=true",
        "server",
        "-dir=.",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        # On by default; nobody asked for it.
        "-master.telemetry=false",
        "-master.volumeSizeLimitMB=64",
        # As many volumes as the disk has room for; every bucket takes one, and more when full.
        "-volume.max=0",
        # Its files over HTTP would be a door without a lock; the S3 part asks by gRPC.
        "-filer.disableHttp",
        "-filer.localSocket=filer.sock",
        "-s3",
        "-s3.config=s3.json",
        "-s3.iam=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-s3.localSocket=s3.sock",
        *listeners,
    ]


def _free_ports(count: int) -> list[int]:
    """`count` different ports of loopback that nobody listens on now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


def _remove_sockets(ports: Sequence[int]) -> None:
    """Remove what a server that was killed leaves in /tmp."""
    for port in ports:
        for path in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):  # noqa: S108
            path.unlink(missing_ok=True)


def _die_with_parent() -> Callable[[], None] | None:
    """Have the kernel kill the child when we die without a chance to; Linux alone can.

    It does so when the thread ends that started the child.
    """
    if not sys.platform.startswith("linux"):
        return None
    prctl, set_parent_death_signal = ctypes.CDLL(None).prctl, 1
    return lambda: prctl(set_parent_death_signal, signal.SIGKILL)


def _wait_until_ready(
    server: LocalS3, master_port: int, process: subprocess.Popen[bytes], log: Path
) -> None:
    """Wait until it can read and write, which is up to four seconds after it first answers."""
    give_up = time.monotonic() + READY_WITHIN_S
    while not (_has_volumes(master_port) and _answers(server)):
        if process.poll() is not None:
            raise LocalS3Failed(
                f"The S3 server ended with code {process.returncode}; its log is {log}."
            )
        if time.monotonic() > give_up:
            raise LocalS3Failed(
                f"The S3 server was not ready in {READY_WITHIN_S:.0f} s; see {log}."
            )
        time.sleep(0.1)


def _has_volumes(master_port: int) -> bool:
    """Whether the server that holds the bytes has told the master that it is there."""
    url = f"http://127.0.0.1:{master_port}/dir/status"
    try:
        with urlopen(url, timeout=1) as answer:
            return bool(json.load(answer)["Topology"]["Max"] > 0)
    except (OSError, ValueError, KeyError):
        return False


def _answers(server: LocalS3) -> bool:
    """Whether it answers a signed request."""
    try:
        server.client().list_buckets()
    except (BotoCoreError, ClientError):
        return False
    return True
