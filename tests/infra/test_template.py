"""What template.yaml promises, and the code counts on."""

from __future__ import annotations

import ast
import json
import re
from fnmatch import fnmatchcase
from typing import Any

import pytest
from cloudformation import ROOT, load_template, resources_of
from memory_store import MemoryObjectStore
from service import make_services, squares
from starlette.middleware.cors import CORSMiddleware

from handler.bucket import keys
from handler.doctor.stack import OUTPUTS
from handler.jobs.queue import MAX_RECEIVES
from handler.local.site import content_security_policy
from handler.schemas import Options
from handler.settings import Settings
from handler.telemetry.cloudwatch import EMFTelemetry
from handler.web.app import create_app

TEMPLATE = load_template("template.yaml")
SITE = load_template("infra/site.yaml")
RESOURCES = TEMPLATE["Resources"]
FUNCTIONS = resources_of(TEMPLATE, "AWS::Serverless::Function")
ALARMS = resources_of(TEMPLATE, "AWS::CloudWatch::Alarm")


def properties(name: str) -> dict[str, Any]:
    found: dict[str, Any] = RESOURCES[name]["Properties"]
    return found


def test_visibility_timeout_follows_aws_formula() -> None:
    jobs = properties("BatchFunction")["Events"]["Jobs"]["Properties"]
    timeout = properties("BatchFunction")["Timeout"]
    assert (
        properties("Queue")["VisibilityTimeout"]
        == 6 * timeout + jobs["MaximumBatchingWindowInSeconds"]
    )
    assert properties("QueueAgeAlarm")["Threshold"] > properties("Queue")["VisibilityTimeout"]


def test_failed_messages_alone_come_again_and_as_often_as_on_one_machine() -> None:
    jobs = properties("BatchFunction")["Events"]["Jobs"]["Properties"]
    assert jobs["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert properties("Queue")["RedrivePolicy"]["maxReceiveCount"] == MAX_RECEIVES


def test_api_answers_before_api_gateway_gives_up() -> None:
    assert Settings().detection_seconds < properties("ApiFunction")["Timeout"] < 30


def test_only_the_inbox_makes_events() -> None:
    notifications = properties("Bucket")["NotificationConfiguration"]
    # EventBridge's rule has a pattern of its own, below, and its target starts nothing.
    assert notifications.pop("EventBridgeConfiguration")["Fn::If"][0] == "TellsOfResults"
    assert list(notifications) == ["QueueConfigurations"]
    [only] = notifications["QueueConfigurations"]
    assert only["Filter"]["S3Key"]["Rules"] == [{"Name": "prefix", "Value": keys.INBOX}]
    assert not any(keys.INBOX.startswith(ours) for ours in keys.OURS)


def test_results_are_told_only_where_somebody_asked() -> None:
    assert TEMPLATE["Parameters"]["ResultEvents"]["Default"] == "false"
    theirs = {name for name, each in RESOURCES.items() if each.get("Condition") == "TellsOfResults"}
    assert theirs == {"ResultRule", "ResultQueue", "ResultQueuePolicy"}
    assert properties("ResultRule")["Targets"][0]["Arn"] == {"Fn::GetAtt": ["ResultQueue", "Arn"]}


@pytest.mark.parametrize(
    ("key", "told"),
    [
        (keys.manifest_key("a" * 52), True),
        (keys.status_key("a" * 52), False),
        (keys.output_key("a" * 52, "labels.png"), False),
        (f"{keys.NOTICES}0123.json", False),
        (keys.latest_key("inbox/manifest.json"), False),
        ("inbox/results/x/manifest.json", False),
    ],
)
def test_the_rule_picks_manifests(key: str, told: bool) -> None:
    """EventBridge's wildcard matches any characters, `/` too, as fnmatch's does."""
    detail = properties("ResultRule")["EventPattern"]["detail"]
    [pattern] = detail["object"]["key"]
    assert fnmatchcase(key, pattern["wildcard"]) == told


def test_queue_takes_events_of_the_bucket_by_the_name_that_it_gets() -> None:
    [events] = [
        each
        for each in properties("QueuePolicy")["PolicyDocument"]["Statement"]
        if each["Effect"] == "Allow"
    ]
    name = properties("Bucket")["BucketName"]["Fn::Sub"]
    source = events["Condition"]["ArnEquals"]["aws:SourceArn"]["Fn::Sub"]
    assert source.endswith(f":s3:::{name}")
    assert RESOURCES["Bucket"]["DependsOn"] == "QueuePolicy"


@pytest.mark.parametrize("queue", resources_of(TEMPLATE, "AWS::SQS::Queue"))
def test_queues_speak_tls_alone(queue: str) -> None:
    policies = resources_of(TEMPLATE, "AWS::SQS::QueuePolicy").values()
    [denied] = [
        statement
        for policy in policies
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Deny" and policy["Queues"] == [{"Ref": queue}]
    ]
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": False}}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_deployment_is_rolled_back_by_its_functions_alarm(name: str) -> None:
    deployment = FUNCTIONS[name]["DeploymentPreference"]
    assert deployment["Type"] == {"Ref": "Deployment"}
    assert TEMPLATE["Parameters"]["Deployment"]["Default"] != "AllAtOnce"
    alarms = [ALARMS[each["Ref"]] for each in deployment["Alarms"]]
    assert {each["MetricName"] for each in alarms} <= {"5xx", "Errors"}
    assert alarms


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_call_what_is_there(name: str) -> None:
    [command] = FUNCTIONS[name]["ImageConfig"]["Command"]
    module, function = command.rsplit(".", 1)
    source = (ROOT / module.replace(".", "/")).with_suffix(".py").read_text()
    defined = {each.name for each in ast.parse(source).body if isinstance(each, ast.FunctionDef)}
    assert function in defined


def test_both_functions_are_one_image_of_a_target_that_is_there() -> None:
    api, batch = (RESOURCES[name]["Metadata"] for name in FUNCTIONS)
    assert api == batch
    assert re.search(
        rf"^FROM .+ AS {api['DockerBuildTarget']}$", (ROOT / "Dockerfile").read_text(), re.MULTILINE
    )


def test_versions_serve_so_that_snapstart_does_something() -> None:
    everyone = TEMPLATE["Globals"]["Function"]
    assert everyone["SnapStart"] == {"ApplyOn": {"Ref": "SnapStart"}}
    assert TEMPLATE["Parameters"]["SnapStart"]["Default"] == "PublishedVersions"
    alias = everyone["AutoPublishAlias"]
    uri = properties("ApiIntegration")["IntegrationUri"]["Fn::Sub"]
    assert uri.endswith(f":function:${{ApiFunction}}:{alias}")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_variable_is_a_setting(name: str) -> None:
    own = FUNCTIONS[name].get("Environment", {"Variables": {}})["Variables"]
    variables = {*TEMPLATE["Globals"]["Function"]["Environment"]["Variables"], *own}
    assert variables <= {f"MASKDROP_{field.upper()}" for field in Settings.model_fields}


def test_origins_become_a_setting_that_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = properties("ApiFunction")["Environment"]["Variables"]
    text, values = variables["MASKDROP_CORS_ORIGINS"]["Fn::Sub"]
    comma, parameter = values["Origins"]["Fn::Join"]
    assert parameter == {"Ref": "AllowedOrigins"}
    origins = ("https://a.example", "https://b.example")
    monkeypatch.setenv("MASKDROP_CORS_ORIGINS", text.replace("${Origins}", comma.join(origins)))
    assert Settings().cors_origins == origins


def test_bucket_is_private_and_asked_by_tls_alone() -> None:
    for template, bucket, policy in (
        (TEMPLATE, "Bucket", "BucketPolicy"),
        (SITE, "SiteBucket", "SiteBucketPolicy"),
    ):
        found = template["Resources"][bucket]["Properties"]
        assert all(found["PublicAccessBlockConfiguration"].values())
        denied = template["Resources"][policy]["Properties"]["PolicyDocument"]["Statement"][-1]
        assert denied["Effect"] == "Deny"
        assert denied["Condition"] == {"Bool": {"aws:SecureTransport": False}}


def test_what_expires_is_what_maskdrop_writes() -> None:
    rules = properties("Bucket")["LifecycleConfiguration"]["Rules"]
    rules = [each.get("Fn::If", [None, each])[1] for each in rules]
    prefixes = {each.get("Prefix") for each in rules if "ExpirationInDays" in each}
    assert prefixes == {keys.UPLOADS, keys.RESULTS, keys.LATEST}


def test_api_gateway_lets_pages_send_what_the_application_does() -> None:
    gateway = properties("Api")["CorsConfiguration"]
    [application] = [
        each.kwargs
        for each in create_app(make_services()).user_middleware
        if each.cls is CORSMiddleware
    ]
    assert set(gateway["AllowMethods"]) == set(application["allow_methods"])
    for theirs, ours in (("AllowHeaders", "allow_headers"), ("ExposeHeaders", "expose_headers")):
        assert set(gateway[theirs]) == {name.lower() for name in application[ours]}


def test_tokens_are_asked_for_where_an_issuer_is_given_but_not_of_preflights() -> None:
    assert properties("ApiRoute")["AuthorizationType"] == {
        "Fn::If": ["AsksForTokens", "JWT", "NONE"]
    }
    assert properties("ApiPreflightRoute")["AuthorizationType"] == "NONE"
    assert properties("ApiPreflightRoute")["RouteKey"].startswith("OPTIONS ")


def test_access_log_is_json_without_what_opens_anything() -> None:
    entry = json.loads(properties("ApiStage")["AccessLogSettings"]["Format"])
    assert entry["requestId"] == "$context.requestId"
    assert not re.search(r"path|query|claims|header|token", " ".join(entry.values()), re.IGNORECASE)


@pytest.mark.parametrize(
    ("metric", "of"),
    [
        ("5xx", "Api"),
        ("Errors", "BatchFunction"),
        ("Throttles", "ApiFunction"),
        ("Throttles", "BatchFunction"),
        ("Duration", "ApiFunction"),
        ("Duration", "BatchFunction"),
        ("ApproximateAgeOfOldestMessage", "Queue"),
        ("ApproximateNumberOfMessagesVisible", "DeadLetterQueue"),
    ],
)
def test_somebody_hears_of(metric: str, of: str) -> None:
    [alarm] = [
        each
        for each in ALARMS.values()
        if each["MetricName"] == metric and _target(each["Dimensions"][0]["Value"]) == of
    ]
    assert alarm["AlarmActions"]["Fn::If"][:2] == ["SendsAlarms", [{"Ref": "AlarmTopic"}]]
    assert (metric == "Duration") == (alarm.get("ExtendedStatistic") == "p95")


def _target(value: dict[str, Any]) -> str:
    """The resource that a reference names."""
    return str(value["Ref"] if "Ref" in value else value["Fn::GetAtt"][0])


class RecordedMetrics(set[str]):
    """Powertools' Metrics, of which the names are kept."""

    def add_metric(self, name: str, **_: object) -> None:
        self.add(name)


def test_dashboard_shows_metrics_that_are_written() -> None:
    body = json.loads(properties("Dashboard")["DashboardBody"]["Fn::Sub"])
    metrics = [each for widget in body["widgets"] for each in widget["properties"]["metrics"]]
    ours = {name for namespace, name, *_ in metrics if namespace == "Maskdrop"}

    written = RecordedMetrics()
    telemetry = EMFTelemetry(written)  # type: ignore[arg-type]
    store = MemoryObjectStore()
    store.put("inbox/cat.png", squares("green"), content_type="image/png")
    stored = make_services(store=store, telemetry=telemetry).stored
    stored.detect_stored(stored.plan("inbox/cat.png", Options()))
    telemetry.failure("BrokenImage")
    assert ours
    assert ours <= written


def test_outputs_are_those_that_others_read() -> None:
    assert {*OUTPUTS, "BucketOrigin", "Region"} <= set(TEMPLATE["Outputs"])


def test_site_may_reach_api_and_bucket_as_the_local_one_does() -> None:
    headers = SITE["Resources"]["SecurityHeaders"]["Properties"]["ResponseHeadersPolicyConfig"]
    policy = headers["SecurityHeadersConfig"]["ContentSecurityPolicy"]["ContentSecurityPolicy"]
    local = content_security_policy("${BucketOrigin}")
    assert policy["Fn::Sub"] == local.replace(
        "connect-src 'self'", "connect-src 'self' ${ApiOrigin}"
    )
