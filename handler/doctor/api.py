"""A running API, as a browser and a client meet it: one photograph all the way, then deleted."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import httpx2

from handler.client.api_client import ApiClient, done
from handler.client.smoke import OPTIONS, check_files, check_gone
from handler.doctor.findings import CannotTell, Finding, Trouble, examine
from handler.doctor.web import check_clock, check_preflight, check_region, object_url
from handler.web.messages import DetectionReport, Upload
from model.runtime.errors import ManifestError
from model.runtime.manifest import ModelManifest
from model.runtime.versions import DEFAULT_MODEL, find_model

_NAME = "doctor.jpg"
_LOOK = "The API function's log says why."


class ApiExamination:
    """Checks in an order in which later ones use what earlier ones got."""

    def __init__(
        self,
        url: str,
        http: httpx2.Client,
        *,
        origins: tuple[str, ...] = (),
        region: str | None = None,
        token: str | None = None,
    ) -> None:
        """Examine the service at `url`, called by pages of `origins`, its bucket in `region`."""
        self._api = ApiClient(url, token=token, pauses=(1.0, 4.0))
        self._http = http
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._origins = origins
        self._region = region
        self._health: httpx2.Response | None = None
        self._form: Upload | None = None
        # Of the photograph, once the bucket has it.
        self._key: str | None = None
        self._report: DetectionReport | None = None
        self._photo = _golden_photo()

    def findings(self) -> Iterator[Finding]:
        """Check everything, one after the other."""
        yield examine("Alive", self._check_alive, f"Is the URL right? {_LOOK}")
        yield examine("Ready", self._check_ready, _LOOK)
        yield examine("Clock", lambda: check_clock(self._require_answers()), "")
        yield examine(
            "Upload form", self._check_form, f"Set MASKDROP_BUCKET for the API function. {_LOOK}"
        )
        if self._region:
            yield examine("Region", partial(self._check_region, self._region), "")
        yield examine(
            "Upload",
            self._check_upload,
            "Allow the API's role s3:PutObject on uploads/*; its links are signed with that.",
        )
        yield from self._examine_cors()
        yield examine("Detection", self._check_detection, _LOOK)
        yield examine("Links", self._check_links, "Allow the API's role s3:GetObject on results/*.")
        yield examine(
            "Deletion",
            self._check_deletion,
            "Allow the API's role s3:DeleteObject on uploads/*, results/* and latest/*.",
        )

    def _examine_cors(self) -> Iterator[Finding]:
        if not self._origins:
            yield Finding("CORS", "yellow", "No site is known: --origin https://… names it.")
        for origin in self._origins:
            yield examine(
                "CORS, API",
                partial(self._check_cors_of_api, origin),
                f"Put {origin} into MASKDROP_CORS_ORIGINS (the stack's AllowedOrigins).",
            )
            yield examine(
                "CORS, bucket",
                partial(self._check_cors_of_bucket, origin),
                f"Allow {origin} GET, HEAD and POST with any header in the bucket's CORS rules.",
            )

    def _check_alive(self) -> str:
        answer = self._get("/healthz")
        if answer.status_code in (401, 403):
            raise Trouble(f"It answers {answer.status_code}.", "Give it a token: --token.")
        if answer.status_code != 200:
            raise Trouble(f"/healthz answers {answer.status_code}.")
        self._health = answer
        return f"{self._api.url} answers."

    def _check_ready(self) -> str:
        self._require_answers()
        answer = self._get("/readyz")
        if answer.status_code != 200:
            raise Trouble(_detail(answer))
        return "The model is loaded, its golden image is detected correctly."

    def _check_form(self) -> str:
        self._require_answers()
        self._form = self._api.request_upload(_NAME, self._photo)
        return "The API signs uploads."

    def _check_region(self, region: str) -> str:
        return check_region(self._http.head(self._given_form.url), region)

    def _check_upload(self) -> str:
        self._api.send(self._given_form, _NAME, self._photo)
        self._key = self._given_form.key
        return f"The bucket takes a photograph of {len(self._photo) / 1000:.0f} kB."

    def _check_cors_of_api(self, origin: str) -> str:
        return check_preflight(self._http, f"{self._api.url}/v1/uploads", origin)

    def _check_cors_of_bucket(self, origin: str) -> str:
        form = self._given_form
        return check_preflight(self._http, object_url(form.url, form.key), origin)

    def _check_detection(self) -> str:
        if self._key is None:
            raise CannotTell("Nothing was uploaded.")
        self._report = self._api.detect(self._key, OPTIONS)
        receipt = done(self._report).receipt
        seconds = sum(receipt.milliseconds.values()) / 1000
        price = f", about ${receipt.cost.usd:.7f}" if receipt.cost else ""
        return f"{len(done(self._report).detections)} found in {seconds:.2f} s{price}."

    def _check_links(self) -> str:
        files = dict(self._api.read_outputs(self._detected))
        check_files(done(self._detected), files)
        return f"{len(files)} files can be fetched, and match the manifest."

    def _check_deletion(self) -> str:
        self._api.delete(self._detected.id, self._given_form.deletion_secret)
        check_gone(self._api, self._detected.id)
        return "What this made is deleted."

    def _get(self, path: str) -> httpx2.Response:
        return self._http.get(self._api.url + path, headers=self._headers)

    def _require_answers(self) -> httpx2.Response:
        if self._health is None:
            raise CannotTell("The API does not answer.")
        return self._health

    @property
    def _given_form(self) -> Upload:
        if self._form is None:
            raise CannotTell("There is no upload form.")
        return self._form

    @property
    def _detected(self) -> DetectionReport:
        if self._report is None:
            raise CannotTell("Nothing was detected.")
        return self._report


def _golden_photo() -> bytes:
    """The embedded model's golden image: a photograph that is always there."""
    folder = find_model(DEFAULT_MODEL)
    golden = ModelManifest.load(folder).golden
    if golden is None:
        raise ManifestError(f"{folder} has no golden image.")
    return (folder / golden.image).read_bytes()


def _detail(answer: httpx2.Response) -> str:
    """A problem's own words."""
    try:
        return str(answer.json()["detail"])
    except (ValueError, LookupError, TypeError):
        return f"{answer.url.path} answers {answer.status_code}."
