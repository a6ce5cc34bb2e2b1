"""The OpenAPI document says all there is to say, and its page works on its own."""

from collections.abc import Iterator
from typing import Any

import httpx2
import jsonschema_rs
import pytest
from fastapi import FastAPI
from starlette.responses import PlainTextResponse

from tallystick import __version__
from tallystick.auth.policy import PERMISSIONS, TENANT
from tallystick.web import openapi
from tallystick.web.direct import DirectRoute
from tallystick.web.problems import MEDIA_TYPE, TABLE

WITH_SECRETS = {
    *("set_up", "sign_up", "verify_email", "log_in", "request_password_reset", "reset_password"),
    *("replace_password", "request_email", "confirm_email"),
    *("begin_two_factor", "confirm_two_factor", "remove_two_factor", "renew_recovery_codes"),
    *("create_key", "rotate_key", "create_token", "accept_invitation"),
}
"""Operations whose body or answer holds a secret, and is kept under no key."""
ASKING = {"get_dry_run"}
"""Operations that read, and take a body."""
OWN = {"change_me", "log_out", "end_session"}
"""Operations that do no more when they are repeated: no key is needed."""

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("engine", ["sqlite"], indirect=True)]


@pytest.fixture
async def document(anonymous: httpx2.AsyncClient) -> dict[str, Any]:
    """Return the document as it is served."""
    response = await anonymous.get("/openapi.json")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    served: dict[str, Any] = response.json()
    return served


@pytest.fixture
def operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return every operation of the document."""
    return [operation for path in document["paths"].values() for operation in path.values()]


async def test_what_it_says_of_itself(document: dict[str, Any]) -> None:
    assert document["info"]["title"] == "Tallystick"
    assert document["info"]["version"] == __version__
    assert document["servers"] == [{"url": ".", "description": "This installation"}]
    assert document["security"] == [{"bearer": []}, {"header": []}, {"session": []}]
    assert set(document["components"]["securitySchemes"]) == {"bearer", "header", "session"}
    assert {path for path in document["paths"] if not path.startswith("/v1/")} == {"/metrics"}


async def test_every_operation_is_there(operations: list[dict[str, Any]]) -> None:
    assert {each["operationId"] for each in operations} == PERMISSIONS.keys()
    names = {tag["name"] for tag in openapi.TAGS}
    for operation in operations:
        assert operation["summary"].endswith("."), operation["operationId"]
        assert set(operation["tags"]) <= names
        is_open = PERMISSIONS[operation["operationId"]] == "public"
        assert (operation.get("security") == []) == is_open


async def test_every_status_is_documented(
    document: dict[str, Any], operations: list[dict[str, Any]]
) -> None:
    known = document["components"]["examples"]
    assert known.keys() == TABLE.keys()
    for operation in operations:
        responses = operation["responses"]
        assert {"413", "415", "422", "500", "503"} <= responses.keys()
        guarded = PERMISSIONS[operation["operationId"]] != "public"
        assert ("auth.key_unknown" in str(responses)) == guarded
        for status, response in responses.items():
            assert response["description"]
            if status in {"200", "201", "202", "204"}:
                continue
            content = response["content"][MEDIA_TYPE]
            assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
            for code, example in content["examples"].items():
                assert example == {"$ref": f"#/components/examples/{code}"}
                assert TABLE[code].status == int(status)
        if "requestBody" in operation:
            assert "400" in responses


async def test_every_field_has_an_example(
    document: dict[str, Any], operations: list[dict[str, Any]]
) -> None:
    without = []
    for name, schema in document["components"]["schemas"].items():
        for member, told in schema.get("properties", {}).items():
            of_objects = "$ref" in told or "$ref" in told.get("items", {})
            optional = any("$ref" in each for each in told.get("anyOf", []))
            if "examples" not in told and not of_objects and not optional:
                without.append(f"{name}.{member}")
    for operation in operations:
        for parameter in operation.get("parameters", []):
            if "examples" not in parameter["schema"] and "example" not in parameter:
                without.append(f"{operation['operationId']} {parameter['name']}")
            assert parameter["description"] or parameter["name"] in without
    assert without == []


async def test_headers_are_documented(app: FastAPI, operations: list[dict[str, Any]]) -> None:
    routes = [route for route in app.routes if isinstance(route, DirectRoute)]
    changing = {route.unique_id for route in routes if route.methods != {"GET"}}
    for operation in operations:
        named = {each["name"].lower() for each in operation.get("parameters", [])}
        name = operation["operationId"]
        assert ("if-match" in named) == name.startswith(("change_", "delete_")), name
        assert ("idempotency-key" in named) == (name in changing - WITH_SECRETS - ASKING - OWN), (
            name
        )
        tenant = PERMISSIONS[name] in TENANT and "organization_id" not in named
        assert ("tallystick-organization" in named) == tenant, name


async def test_every_example_fits_its_schema(document: dict[str, Any]) -> None:
    held = 0
    for name, schema in document["components"]["schemas"].items():
        members = schema.get("properties", {}).items()
        given = {member: told["examples"][0] for member, told in members if "examples" in told}
        example = dict(list(given.items())[: schema.get("maxProperties")])
        if set(schema.get("required", [])) <= example.keys():
            whole = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
            errors = jsonschema_rs.validator_for(whole).iter_errors(example)
            assert [(name, str(error)) for error in errors] == []
            held += 1
    assert held > 15


async def test_every_success_has_a_model(app: FastAPI) -> None:
    for route in app.routes:
        if isinstance(route, DirectRoute) and route.response_class is not PlainTextResponse:
            assert "model" in route.responses[route.status_code or 200] or route.status_code in {
                202,
                204,
            }


async def test_the_page_needs_nothing_from_elsewhere(anonymous: httpx2.AsyncClient) -> None:
    page = await anonymous.get("/docs")
    assert page.status_code == 200
    assert "http://" not in page.text
    assert "https://" not in page.text
    assert "<script>" not in page.text
    assert " style=" not in page.text
    for path in _named(page.text):
        response = await anonymous.get(path)
        assert response.status_code == 200, path
    script = await anonymous.get("/static/docs.js")
    for setting in ("deepLinking: true", "persistAuthorization: true", "tryItOutEnabled: true"):
        assert setting in script.text
    assert "javascript" in script.headers["Content-Type"]


def _named(page: str) -> Iterator[str]:
    for attribute in ('src="', 'href="'):
        for part in page.split(attribute)[1:]:
            yield part.split('"', 1)[0]
