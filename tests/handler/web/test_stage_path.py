import pytest
from fastapi import FastAPI, Request
from starlette.testclient import TestClient

from handler.web.stage_path import StagePath


def ask(path, stage, full=None):
    """What an application sees of a request through API Gateway: root path, and its own URL."""
    app = FastAPI()

    @app.get("/v1/models")
    def see(request: Request):
        return [request.scope["root_path"], request.url.path]

    context = {"stage": stage} | ({"path": full} if full else {})

    async def gateway(scope, receive, send):
        event = {"requestContext": context}
        await StagePath(app)(scope | {"aws.event": event}, receive, send)

    answer = TestClient(gateway).get(path)
    return answer.status_code, answer.json()


@pytest.mark.parametrize(
    ("path", "stage", "full", "seen"),
    [
        ("/v1/models", "$default", None, ["", "/v1/models"]),
        ("/prod/v1/models", "prod", None, ["/prod", "/prod/v1/models"]),
        ("/v1/models", "prod", "/prod/v1/models", ["/prod", "/prod/v1/models"]),
        ("/v1/models", "prod", "/v1/models", ["", "/v1/models"]),
        ("/v1/models", "v", None, ["", "/v1/models"]),
    ],
    ids=["no stage", "payload 2.0", "payload 1.0", "custom domain", "stage starts the path"],
)
def test_stage_becomes_the_root_path(path, stage, full, seen):
    assert ask(path, stage, full) == (200, seen)


def test_requests_from_elsewhere_pass_unchanged():
    app = FastAPI()
    assert TestClient(StagePath(app)).get("/docs").status_code == 200
