import pytest

from handler.bucket.objects import ObjectInfo
from handler.errors import QueueUnavailable
from handler.jobs.queue import Job, SQSJobQueue, sqs_client
from handler.schemas import Options

JOB = Job(key="inbox/två + katter.jpg", size=3, etag="e", options=Options(classes=("cat",)))


@pytest.fixture(autouse=True)
def credentials(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "any")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")


def test_job_arrives_as_it_was_put(moto_url):
    client = sqs_client("us-east-1", endpoint_url=moto_url)
    url = client.create_queue(QueueName="jobs")["QueueUrl"]
    SQSJobQueue(url, client).put(JOB)
    (message,) = client.receive_message(QueueUrl=url)["Messages"]
    assert Job.model_validate_json(message["Body"]) == JOB


def test_job_knows_its_object():
    assert JOB.info == ObjectInfo("inbox/två + katter.jpg", 3, "e", None)


def test_queue_that_is_not_there_is_unavailable(moto_url):
    client = sqs_client("us-east-1", endpoint_url=moto_url)
    with pytest.raises(QueueUnavailable, match="QueueDoesNotExist"):
        SQSJobQueue(f"{moto_url}/123456789012/nowhere", client).put(JOB)


def test_server_that_is_not_there_is_unavailable():
    client = sqs_client("us-east-1", endpoint_url="http://127.0.0.1:9")
    with pytest.raises(QueueUnavailable, match="EndpointConnectionError"):
        SQSJobQueue("http://127.0.0.1:9/1/jobs", client).put(JOB)
