"""A card number is put into every place that takes text, and then looked for in all that is kept.

Nothing is said of single operations, so a new one is asked like all others.
"""

from collections.abc import Callable
from itertools import cycle

import httpx2
import pytest

from tallystick.kernel.database import Database
from tests.web.conftest import MakeClient
from tests.web.dumps import dump
from tests.web.matrix.sending import Operation
from tests.web.matrix.world import World

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("engine", ["sqlite"], indirect=True)]

NUMBER = "40120000" + "33330026"
WRITTEN = cycle(
    [NUMBER, "4012 0000 " + "3333 0026", "4012-0000-" + "3333-0026", "en-40120000-" + "33330026"]
)
FORMS = (NUMBER, "0000 3333", "0000-3333", "40120000-3333")
"""What is looked for, of each way in which it was written."""
HEADERS = (
    *("Idempotency-Key", "X-Request-Id", "If-Match", "User-Agent", "Content-Type"),
    *("Tallystick-Reason", "Tallystick-Organization", "Authorization", "X-API-Key", "Cookie"),
)
ALL_HEADERS = ("create_customer", "update_customer", "list_customers", "log_in")
"""Operations that get it in every header; the others in those that are kept."""
KEPT_HEADERS = ("Idempotency-Key", "X-Request-Id")


async def test_a_card_number_is_kept_nowhere(
    world: World,
    documented: dict[str, Operation],
    make_client: MakeClient,
    database: Database,
    logged: Callable[[], str],
) -> None:
    statuses: list[int] = []

    async def note(response: httpx2.Response) -> None:
        statuses.append(response.status_code)

    clients = {}
    for identity in world.identities:
        if identity.name in {"session of the platform", "key, owner"}:
            clients[identity.name] = make_client(**identity.headers)
            clients[identity.name].event_hooks["response"] = [note]
    for name, operation in documented.items():
        # A program's keys are kept as they are, and a person's are not.
        headers = HEADERS if name in ALL_HEADERS else KEPT_HEADERS
        await _plant_around(operation, clients["key, owner"], world, headers)
        await _plant_within(operation, clients["session of the platform"], world)
    rests, said = database.read(dump), logged()
    assert [number for number in FORMS if number in rests] == []
    assert [number for number in FORMS if number in said] == []
    assert len(statuses) > 500  # of some hundred operations
    assert sum(status < 300 for status in statuses) > 100, "some of it was done all the same"
    assert all(status < 500 for status in statuses)


async def _plant_around(
    operation: Operation, client: httpx2.AsyncClient, world: World, headers: tuple[str, ...]
) -> None:
    for name in headers:
        await operation.send(client, world.objects, **{name: next(WRITTEN)})
    places = dict.fromkeys(world.objects, next(WRITTEN))
    path = operation.path.format_map(world.objects)
    await client.request(operation.method, operation.path.format_map(places), json={})
    for each in operation.parameters:
        if each["in"] == "query":
            await client.request(operation.method, path, params={each["name"]: next(WRITTEN)})
    await client.request(operation.method, path, params={next(WRITTEN): next(WRITTEN)})


async def _plant_within(operation: Operation, client: httpx2.AsyncClient, world: World) -> None:
    if operation.body is None:
        return
    path = operation.path.format_map(world.objects)
    for malformed in ('{{"note": "{0}"', '{{"{0}": 1, "{0}": 2}}'):
        content = malformed.format(next(WRITTEN)).encode()
        headers = {"Content-Type": "application/json"}
        await client.request(operation.method, path, content=content, headers=headers)
    for text in (NUMBER, next(WRITTEN)):
        for body in operation.planted(world.objects, text):
            await operation.send(client, world.objects, body=body)
