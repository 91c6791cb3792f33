"""`maskdrop doctor --stack` on stacks that are broken in one thing each.

moto plays Lambda, SQS and S3's notifications. Its CloudFormation would install a dozen packages
for one call, which is answered here.
"""

from __future__ import annotations

import io
import itertools
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

import boto3
import pytest
from service import COLOUR_MODEL, make_services
from site_stack import serving
from typer.testing import CliRunner, Result

from handler.bucket.s3 import S3ObjectStore
from handler.commands.main import app
from handler.doctor.findings import CannotTell
from handler.doctor.functions import check_snapstart
from handler.local.seaweedfs import LocalS3, make_bucket

SITE = "https://site.example"
PREFIX = {"Key": {"FilterRules": [{"Name": "prefix", "Value": "inbox/"}]}}
_numbers = itertools.count(1)


@dataclass
class Account:
    """One AWS account, as moto plays it, with what a stack of ours has in it."""

    url: str
    api: str
    name: str
    stacks: dict[str, str]

    def client(self, service: str) -> Any:
        return boto3.client(service, region_name="us-east-1", endpoint_url=self.url)  # type: ignore[call-overload]

    def deploy(
        self,
        *,
        # The most that Lambda gives: this process may have TensorFlow in it.
        memory: int = 10240,
        variables: Mapping[str, str] | None = None,
        visibility: int = 720,
        filtered: bool = True,
        without: str = "",
        snapstart: str = "None",
    ) -> None:
        """Make a stack that is in order, but for what is asked otherwise."""
        dead = self._queue("dead")
        redrive = {"deadLetterTargetArn": self._arn(dead), "maxReceiveCount": 3}
        queue = self._queue(
            "jobs", VisibilityTimeout=str(visibility), RedrivePolicy=json.dumps(redrive)
        )
        outputs = {
            "ApiUrl": self.api,
            "Bucket": self._bucket(self._arn(queue), filtered),
            "QueueUrl": queue,
            "DeadLetterQueueUrl": dead,
            "ApiFunction": self._function("api", 29, memory, variables or {}),
            "BatchFunction": self._function("batch", 120, memory, variables or {}),
        }
        outputs.pop(without, None)
        self.stacks[self.name] = _members("Outputs", "Output", outputs) + _members(
            "Parameters", "Parameter", {"SnapStart": snapstart}
        )

    def lose(self, messages: int) -> None:
        """Have so many messages fail for good."""
        sqs = self.client("sqs")
        url = sqs.get_queue_url(QueueName=f"{self.name}-dead")["QueueUrl"]
        for _ in range(messages):
            sqs.send_message(QueueUrl=url, MessageBody="{}")

    def _queue(self, name: str, **attributes: str) -> str:
        sqs = self.client("sqs")
        url: str = sqs.create_queue(QueueName=f"{self.name}-{name}", Attributes=attributes)[
            "QueueUrl"
        ]
        return url

    def _arn(self, url: str) -> str:
        answer = self.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        arn: str = answer["Attributes"]["QueueArn"]
        return arn

    def _bucket(self, queue: str, filtered: bool) -> str:
        s3 = self.client("s3")
        s3.create_bucket(Bucket=self.name)
        rule = {"QueueArn": queue, "Events": ["s3:ObjectCreated:*"]}
        s3.put_bucket_notification_configuration(
            Bucket=self.name,
            NotificationConfiguration={
                "QueueConfigurations": [rule | ({"Filter": PREFIX} if filtered else {})]
            },
        )
        return self.name

    def _function(self, name: str, timeout: int, memory: int, variables: Mapping[str, str]) -> str:
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("entry.py", "def handler(event, context): pass")
        role = self.client("iam").create_role(
            RoleName=f"{self.name}-{name}", AssumeRolePolicyDocument="{}"
        )
        functions, name = self.client("lambda"), f"{self.name}-{name}"
        functions.create_function(
            FunctionName=name,
            Runtime="python3.12",
            Handler="entry.handler",
            Role=role["Role"]["Arn"],
            Code={"ZipFile": code.getvalue()},
            MemorySize=memory,
            Timeout=timeout,
            Publish=True,
            Environment={
                "Variables": {
                    "MASKDROP_MODEL": str(COLOUR_MODEL),
                    "MASKDROP_CORS_ORIGINS": f'["{SITE}"]',
                    **variables,
                }
            },
        )
        alias = functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
        arn: str = alias["AliasArn"]
        return arn


@pytest.fixture(scope="module")
def api(
    seaweedfs: LocalS3,
) -> Iterator[str]:
    """A running API, which the stacks say is theirs."""
    client = seaweedfs.client()
    make_bucket(client, "stacks", [SITE])
    services = make_services({"cors_origins": (SITE,)}, store=S3ObjectStore("stacks", client))
    services.model.detector()
    with serving(services) as url:
        yield url


@pytest.fixture(scope="module")
def cloudformation() -> Iterator[tuple[str, dict[str, str]]]:
    """DescribeStacks as AWS answers it, over the stacks that are put there; its URL."""
    stacks: dict[str, str] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            name = asked["StackName"][0]
            body = _described(name, stacks[name]) if name in stacks else _missing(name)
            self.send_response(200 if name in stacks else 400)
            self.send_header("Content-Type", "text/xml")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", stacks
    server.shutdown()
    server.server_close()


def _members(plural: str, kind: str, values: Mapping[str, str]) -> str:
    members = (
        f"<member><{kind}Key>{name}</{kind}Key><{kind}Value>{value}</{kind}Value></member>"
        for name, value in values.items()
    )
    return f"<{plural}>{''.join(members)}</{plural}>"


def _described(name: str, members: str) -> str:
    return (
        "<DescribeStacksResponse><DescribeStacksResult><Stacks><member>"
        f"<StackName>{name}</StackName><StackStatus>UPDATE_COMPLETE</StackStatus>{members}"
        "</member></Stacks></DescribeStacksResult></DescribeStacksResponse>"
    )


def _missing(name: str) -> str:
    return (
        "<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code>"
        f"<Message>Stack with id {name} does not exist</Message></Error></ErrorResponse>"
    )


@pytest.fixture
def account(
    moto_url: str,
    cloudformation: tuple[str, dict[str, str]],
    api: str,
    sign_in: Callable[[str, str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> Account:
    sign_in("any", "any")
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_url)
    url, stacks = cloudformation
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", url)
    return Account(moto_url, api, f"maskdrop-{next(_numbers)}", stacks)


def doctor(account: Account, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["doctor", "--stack", account.name, *arguments])


def reds(account: Account) -> dict[str, dict[str, str]]:
    """What is red, by check."""
    found = json.loads(doctor(account, "--json").stdout)
    return {each["check"].strip(): each for each in found if each["level"] == "red"}


def test_a_stack_in_order_has_nothing_red(account: Account) -> None:
    account.deploy()
    answer = doctor(account)
    assert answer.exit_code == 0, answer.stdout
    assert max(map(len, answer.stdout.splitlines())) <= 80


def test_a_stack_that_is_not_there_is_red(account: Account) -> None:
    found = reds(account)
    assert list(found) == ["Stack"]
    assert "does not exist" in found["Stack"]["says"]


def test_a_stack_of_something_else_is_red(account: Account) -> None:
    account.deploy(without="BatchFunction")
    assert reds(account)["Stack"]["says"] == f"Stack {account.name} has no output BatchFunction."


def test_a_function_with_too_little_memory_is_red(account: Account) -> None:
    account.deploy(memory=256)
    assert reds(account)["memory"]["cure"].startswith("Give it ")


def test_more_threads_than_the_memory_brings_processors_are_red(account: Account) -> None:
    account.deploy(memory=1769, variables={"MASKDROP_THREADS": "2"})
    assert reds(account)["threads"]["cure"] == "Unset MASKDROP_THREADS, or set it to 1."


def test_a_function_without_the_snapstart_that_is_wanted_is_red(account: Account) -> None:
    account.deploy(snapstart="PublishedVersions")
    assert "ApplyOn to PublishedVersions" in reds(account)["SnapStart"]["cure"]


def test_a_notification_without_a_filter_is_red(account: Account) -> None:
    account.deploy(filtered=False)
    assert reds(account)["Events"]["says"].startswith("A loop: events of objects created anywhere")


def test_messages_that_show_again_too_soon_are_red(account: Account) -> None:
    account.deploy(visibility=300)
    assert reds(account)["Queue"]["cure"] == "Set the queue's VisibilityTimeout to 720."


def test_dead_letters_are_red(account: Account) -> None:
    account.deploy()
    account.lose(2)
    assert reds(account)["Dead letters"]["says"] == "2 messages failed for good."


def test_a_site_that_the_bucket_does_not_allow_is_red(account: Account) -> None:
    account.deploy(variables={"MASKDROP_CORS_ORIGINS": '["https://other.example"]'})
    assert list(reds(account)) == ["CORS, API", "CORS, bucket"]


# moto knows no snapshots: these are configurations as Lambda's API documents them.
SNAPSHOT = {"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"}


def test_a_version_with_a_snapshot_is_in_order() -> None:
    assert check_snapstart({"SnapStart": SNAPSHOT, "Version": "7"}).startswith("Version 7 starts")


def test_a_snapshot_that_is_being_made_cannot_be_told_of_yet() -> None:
    making = SNAPSHOT | {"OptimizationStatus": "Off"}
    check = partial(check_snapstart, {"SnapStart": making, "Version": "7"})
    with pytest.raises(CannotTell, match="has no snapshot yet"):
        check()
