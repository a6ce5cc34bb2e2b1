"""Every operation of the OpenAPI document, asked by everybody: the table of permissions decides.

401  the credential is none
403  it may not do this
404  it may do this, but not here: what is another's does not exist
"""

from typing import Any

import httpx2
import pytest
from fastapi import APIRouter
from sqlalchemy import Connection, select

from tallystick.auth.policy import PERMISSIONS, permits
from tallystick.kernel import ids
from tallystick.kernel.database import Database
from tallystick.migrations.tables import METADATA
from tallystick.web.api.headers import Reading
from tallystick.web.direct import DirectRoute, operation_id
from tests.web.conftest import MakeClient
from tests.web.matrix.sending import Operation
from tests.web.matrix.world import PLANTED, Identity, World

on_one_engine = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)

DENIED = {"auth.key_missing", "auth.key_unknown", "auth.forbidden", "auth.csrf"}
OF_MANY = {"create_invoices", "record_payments"}
"""Operations that answer each item by itself."""
IDENTITIES_MIN = 9


def _rows(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    def read(conn: Connection) -> dict[str, list[tuple[Any, ...]]]:
        return {
            table.name: sorted(map(tuple, conn.execute(select(table))), key=repr)
            for table in METADATA.sorted_tables
        }

    return database.read(read)


def _expected(operation: str, identity: Identity) -> int | None:
    """Say how a request about the first organization's objects is refused; None if it is not."""
    needed = PERMISSIONS[operation]
    if needed == "public":
        return None
    if not identity.good:
        return 401
    if not permits(identity.permissions, operation):
        return 403
    return None


@pytest.mark.anyio
@on_one_engine
async def test_whoever_may_not_is_refused_and_changes_nothing(
    world: World,
    documented: dict[str, Operation],
    database: Database,
    make_client: MakeClient,
) -> None:
    assert documented.keys() == PERMISSIONS.keys()
    assert len(world.identities) >= IDENTITIES_MIN
    wrong = []
    before = _rows(database)
    for identity in world.identities:
        client = make_client(**identity.headers)
        for name, operation in documented.items():
            expected = _expected(name, identity)
            if expected is None:
                continue
            response = await operation.send(client, world.objects)
            # Another organization does not exist, whatever one might do there.
            allowed = {expected} if identity.inside or not identity.good else {expected, 404}
            if response.status_code not in allowed or not _tells_nothing(response, identity):
                wrong.append((identity.name, name, response.status_code, response.text[:200]))
        if _rows(database) != before:
            wrong.append((identity.name, "the database has changed", 0, ""))
            before = _rows(database)
    assert wrong == []


@pytest.mark.anyio
@on_one_engine
async def test_whoever_is_elsewhere_finds_nothing(
    world: World,
    documented: dict[str, Operation],
    make_client: MakeClient,
) -> None:
    wrong = []
    for identity in world.identities:
        if identity.inside or not identity.good:
            continue
        client = make_client(**identity.headers)
        for name, operation in documented.items():
            if _expected(name, identity) is not None or PERMISSIONS[name] == "public":
                continue
            response = await operation.send(client, world.objects)
            if not _finds_nothing(operation, response, world, identity):
                wrong.append((identity.name, name, response.status_code, response.text[:300]))
    assert wrong == []


@pytest.mark.anyio
@on_one_engine
async def test_whoever_may_is_not_refused(
    world: World,
    documented: dict[str, Operation],
    make_client: MakeClient,
) -> None:
    # About what does not exist, so that nothing happens to those who ask later.
    nowhere = {name: str(ids.new()) for name in world.objects}
    wrong = []
    for identity in world.identities:
        if not identity.good or not identity.inside:
            continue
        client = make_client(**identity.headers)
        for name, operation in documented.items():
            if _expected(name, identity) is not None or PERMISSIONS[name] == "public":
                continue
            if operation.method != "GET" and not operation.about:
                response = await client.request(
                    operation.method, operation.path, json={"no such member": 1}
                )
            else:
                response = await operation.send(client, nowhere)
            if response.status_code >= 500 or (  # a mistake of the server
                response.status_code >= 400 and response.json()["code"] in DENIED
            ):
                wrong.append((identity.name, name, response.status_code, response.text[:200]))
    assert wrong == []


def test_an_operation_without_a_row_cannot_be_added() -> None:
    router = APIRouter(route_class=DirectRoute, generate_unique_id_function=operation_id)

    async def open_the_back_door(call: Reading) -> None:
        """Do what nobody thought of."""

    with pytest.raises(KeyError, match="open_the_back_door"):
        router.get("/v1/back-door")(open_the_back_door)


def _tells_nothing(response: httpx2.Response, identity: Identity) -> bool:
    sent = [identity.headers.get(name, "") for name in ("Authorization", "Cookie")]
    secrets = [text.rpartition(" ")[2].rpartition("=")[2] for text in sent if text]
    return all(secret not in response.text for secret in [PLANTED, *secrets])


def _finds_nothing(
    operation: Operation, response: httpx2.Response, world: World, identity: Identity
) -> bool:
    # Who has a link to another invoice may know the name of the organization, and no more of it.
    by_link = identity.permissions == {"pay"}
    if PLANTED in response.text and not by_link:
        return False
    if operation.about:
        return response.status_code == 404 and response.json()["code"].endswith(".unknown")
    ids_of_first = {value for name, value in world.objects.items() if name.endswith("_id")}
    if by_link:
        ids_of_first -= {world.objects["organization_id"]}
    if operation.name in OF_MANY:
        return {result["status"] for result in response.json()["results"]} <= {404}
    if response.status_code < 300:  # they see or make what is their own
        return not any(value in response.text for value in ids_of_first)
    return response.status_code in {404, 422}
