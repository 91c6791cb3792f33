"""The OpenAPI document: complete by itself, and what the service does is what it says."""

import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from memory_store import MemoryObjectStore
from schemathesis.specs.openapi.checks import allow_header_conformance, positive_data_acceptance
from service import ListQueue, make_services, squares

from handler.web.app import create_app

store = MemoryObjectStore()
store.put(
    "uploads/3f0c9a64b4e14e6d8f0d1b9c8b7a6e55/cat.jpg", squares("red"), content_type="image/png"
)
services = make_services(store=store, queue=ListQueue())
services.model.detector()
app = create_app(services)
schema = schemathesis.openapi.from_asgi("/openapi.json", app)


@schema.parametrize()
@settings(
    max_examples=25,
    derandomize=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
def test_service_answers_as_documented(case):
    # Limits like class names and keys' prefixes are in no JSON Schema; and to a path with
    # `:predict` the one without it fits too, so more methods are allowed than documented.
    case.call_and_validate(excluded_checks=[positive_data_acceptance, allow_header_conformance])


class SequencesOfRequests(schema.as_state_machine()):
    """Requests that use what earlier answers held: keys, ids, deletion secrets."""

    def validate_response(self, response, case, additional_checks=None, **kwargs):
        """Hold an answer against the document, but for what no JSON Schema says."""
        case.validate_response(
            response,
            additional_checks=additional_checks,
            excluded_checks=[positive_data_acceptance, allow_header_conformance],
        )


SequencesOfRequests.TestCase.settings = settings(
    max_examples=15,
    stateful_step_count=6,
    derandomize=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
TestSequencesOfRequests = SequencesOfRequests.TestCase


DOCUMENT = app.openapi()
OPERATIONS = [
    pytest.param(operation, id=f"{method} {path}")
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_says_what_it_is_for(operation):
    assert operation["summary"]
    assert operation["description"]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_problem_has_an_example_of_its_status(operation):
    for status, response in operation["responses"].items():
        problems = response.get("content", {}).get("application/problem+json", {"examples": {}})
        for example in problems["examples"].values():
            assert example["value"]["status"] == int(status)


def sent_and_answered():
    """The schemas that bodies and answers name."""
    for parameter in OPERATIONS:
        operation = parameter.values[0]
        for part in (operation.get("requestBody", {}), *operation["responses"].values()):
            for content in part.get("content", {}).values():
                if "$ref" in content.get("schema", {}):
                    yield content["schema"]["$ref"].rsplit("/")[-1]


@pytest.mark.parametrize("name", sorted(set(sent_and_answered())))
def test_every_schema_has_an_example_that_fits_it(name):
    schema = DOCUMENT["components"]["schemas"][name]
    whole = {"components": DOCUMENT["components"], **schema}
    assert schema["examples"]
    for example in schema["examples"]:
        jsonschema_rs.validate(whole, example)


def test_no_operation_has_two_names():
    names = [parameter.values[0]["operationId"] for parameter in OPERATIONS]
    assert len(set(names)) == len(names)
