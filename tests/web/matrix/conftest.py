"""The operations that are served, and everybody who asks for them."""

from uuid import UUID

import pytest
from fastapi import FastAPI

from tallystick.kernel.database import Database
from tests.web.conftest import MakeClient, MakeSchool, Moment
from tests.web.matrix.sending import Operation, operations_of
from tests.web.matrix.world import PLANTED, World
from tests.web.providing import providers, server

__all__ = ["providers", "server"]


@pytest.fixture
async def documented(app: FastAPI, make_client: MakeClient) -> dict[str, Operation]:
    """Return the operations of the document that is served."""
    assert app is not None
    return operations_of((await make_client().get("/openapi.json")).json())


@pytest.fixture
async def world(app: FastAPI, database: Database, make_school: MakeSchool, moment: Moment) -> World:
    """Return two organizations and everybody who asks."""
    school, other = await make_school(name=PLANTED), await make_school()
    objects = await school.objects()
    world = World(
        database, app.state.edge.signer, moment.now, UUID(school.id), UUID(other.id), objects
    )
    world.objects |= world.access_objects(objects["customer_id"])
    world.add_all(await school.invoice())
    return world
