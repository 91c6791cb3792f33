"""Label Studio itself: started, signed in to, and asked for what a person asks by clicking."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

EMAIL, PASSWORD = "me@example.org", "no-secret-at-all"
# It takes 45 s on two cores that have nothing else to do.
PATIENCE_S = 400.0


@contextmanager
def running(program: Path, folder: Path, port: int) -> Iterator[str]:
    """Run Label Studio over `folder`, on loopback; yields its URL."""
    url = f"http://127.0.0.1:{port}"
    environment = os.environ | {
        "LABEL_STUDIO_BASE_DATA_DIR": str(folder),
        "LATEST_VERSION_CHECK": "False",
        "COLLECT_ANALYTICS": "False",
        # Or it connects to no backend on this machine.
        "USE_DEFAULT_BANNED_SUBNETS": "False",
    }
    command = [
        str(program), "start", "--no-browser", "--internal-host", "127.0.0.1",
        "--port", str(port), "--username", EMAIL, "--password", PASSWORD,
    ]  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            wait_for(url, process)
            yield url
        finally:
            process.terminate()
            process.wait(30)


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until it answers; fails when it ended."""
    give_up = time.monotonic() + PATIENCE_S
    while time.monotonic() < give_up:
        assert process.poll() is None, f"Label Studio ended with {process.returncode}."
        try:
            if httpx2.get(f"{url}/health", timeout=5).status_code == 200:
                return
        except httpx2.HTTPError:
            time.sleep(1)
    raise AssertionError(f"Label Studio did not answer within {PATIENCE_S:.0f} s.")


class LabelStudio:
    """One person, signed in."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx2.Client(base_url=url, timeout=120, follow_redirects=True)
        page = self.http.get("/user/login/").text
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert found, page[:500]
        form = {"email": EMAIL, "password": PASSWORD, "csrfmiddlewaretoken": found[1]}
        answer = self.http.post("/user/login/", data=form, headers={"Referer": url})
        assert "login" not in str(answer.url), answer.text[:500]

    @property
    def cookies(self) -> list[dict[str, str]]:
        """The session, as a browser takes it."""
        return [
            {"name": name, "value": value, "url": self.url}
            for name, value in self.http.cookies.items()
        ]

    def ask(self, method: str, path: str, **what: Any) -> Any:
        """One request to its API."""
        headers = {"X-CSRFToken": self.http.cookies.get("csrftoken") or "", "Referer": self.url}
        answer = self.http.request(method, path, headers=headers, **what)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text[:600]}"
        return answer.json() if answer.content else None

    def access_token(self) -> str:
        """A personal access token, as the owner makes one for the service."""
        found: str = self.ask("POST", "/api/token/")["token"]
        return found

    def project(self, title: str, config: str) -> int:
        """Make a project."""
        wanted = {"title": title, "label_config": config, "show_collab_predictions": True}
        found: int = self.ask("POST", "/api/projects", json=wanted)["id"]
        return found

    def upload(self, project: int, photo: Path) -> None:
        """Upload a photograph, which becomes a task."""
        files = {"file": (photo.name, photo.read_bytes(), "image/jpeg")}
        self.ask("POST", f"/api/projects/{project}/import", files=files)

    def add(self, project: int, image: str) -> None:
        """Make a task of an image elsewhere."""
        self.ask("POST", f"/api/projects/{project}/import", json=[{"data": {"image": image}}])

    def tasks(self, project: int) -> list[dict[str, Any]]:
        """The tasks and their predictions."""
        listed = self.ask("GET", f"/api/tasks?project={project}&fields=all")["tasks"]
        return [self.ask("GET", f"/api/tasks/{each['id']}") for each in listed]

    def connect(self, project: int, backend: str, password: str) -> dict[str, Any]:
        """Connect an ML backend; Label Studio asks its health and its setup."""
        wanted = {
            "project": project, "url": backend, "title": "Maskdrop",
            "auth_method": "BASIC_AUTH", "basic_auth_user": "maskdrop",
            "basic_auth_pass": password,
        }  # fmt: skip
        found: dict[str, Any] = self.ask("POST", "/api/ml", json=wanted)
        return found

    def predict(self, project: int, tasks: list[int]) -> None:
        """Ask for predictions, as the data manager does."""
        wanted = {"selectedItems": {"all": False, "included": tasks}}
        self.ask(
            "POST", f"/api/dm/actions?id=retrieve_tasks_predictions&project={project}", json=wanted
        )

    def annotate(self, task: int, result: list[dict[str, Any]]) -> None:
        """Submit an annotation."""
        self.ask("POST", f"/api/tasks/{task}/annotations", json={"result": result})

    def export(self, project: int) -> Any:
        """The JSON export."""
        return self.ask("GET", f"/api/projects/{project}/export?exportType=JSON")
