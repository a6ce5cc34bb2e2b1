"""What every operation does with what it was not asked for, and with a mistake of ours."""

from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from tallystick.web.direct import DirectRoute
from tests.web.conftest import MakeClient
from tests.web.matrix.sending import Operation
from tests.web.matrix.world import World

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("engine", ["sqlite"], indirect=True)]

NOBODYS = {
    "id": "018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e0f",
    "organization_id": "018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e0f",
    "number": "INV-2026-000001",
    "status": "paid",
    "paid": "1000.00",
    "role": "owner",
    "platform": True,
    "permissions": ["platform"],
    "version": 7,
    "created_at": "2020-01-01T00:00:00Z",
}
"""What only the product itself sets, wherever an operation does not declare it."""
PLANTED_FAILURE = "planted: SELECT secret FROM nowhere"


@pytest.fixture
def everything(world: World, make_client: MakeClient) -> httpx2.AsyncClient:
    """Return a client that may ask for everything."""
    [identity] = [each for each in world.identities if each.name == "session of the platform"]
    return make_client(**identity.headers)


async def test_no_member_is_set_that_is_not_declared(
    world: World, documented: dict[str, Operation], everything: httpx2.AsyncClient
) -> None:
    wrong: list[Any] = []
    asked = 0
    for operation in documented.values():
        if operation.body is None:
            continue
        declared = operation.members()
        body = operation.sample(world.objects)
        for member, value in NOBODYS.items():
            if member in declared:
                continue
            response = await operation.send(everything, world.objects, body=body | {member: value})
            asked += 1
            faults = response.json()["errors"] if response.status_code == 422 else []
            if not any(fault.get("pointer") == f"/{member}" for fault in faults):
                wrong.append((operation.name, member, response.status_code, response.text[:200]))
    assert wrong == []
    assert asked > 100  # of some twenty operations with a body


async def test_a_mistake_of_ours_is_told_to_the_log_only(
    app: FastAPI,
    world: World,
    documented: dict[str, Operation],
    everything: httpx2.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError(PLANTED_FAILURE)

    routes = [route for route in app.routes if isinstance(route, DirectRoute)]
    for route in routes:
        monkeypatch.setattr(route, "endpoint", fail)
    reached = 0
    for operation in documented.values():
        with capture_logs() as lines:
            response = await operation.send(everything, world.objects)
        assert "planted" not in response.text
        assert "Traceback" not in response.text
        assert "RuntimeError" not in response.text
        if response.status_code == 500:  # it got as far as its handler
            assert response.json()["code"] == "server.error"
            assert response.json()["request_id"] == response.headers["X-Request-Id"]
            assert [line["event"] for line in lines] == ["request failed"]
            reached += 1
    assert reached == len(routes)
