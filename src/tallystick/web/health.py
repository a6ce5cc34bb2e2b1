"""Is the process alive, and can it work? Asked by whoever watches over it, without a key."""

import asyncio
from typing import Final

import orjson
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tallystick.web.call import JSON_MEDIA_TYPE
from tallystick.web.edge import Edge
from tallystick.web.problems import problem

ANSWER_S: Final = 5.0
"""How long the database may take to prove that it is there."""

log = structlog.get_logger(__name__)


async def live(_: Request) -> Response:
    """Answer as long as the process answers at all; asks no database."""
    return Response(orjson.dumps({"status": "live"}), media_type=JSON_MEDIA_TYPE)


async def ready(request: Request) -> Response:
    """Answer 200 when the database is reachable and its tables are those of this version."""
    edge = Edge.of(request.scope)
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(ANSWER_S):
            current, wanted = await loop.run_in_executor(edge.readers, edge.migration_status)
    except Exception as error:  # noqa: BLE001  # whatever the reason, it is not ready
        log.warning("not ready", error=str(error))
        detail = "The database does not answer."
        return problem(request.scope, "server.not_ready", detail, facts={"database": "unreachable"})
    facts = {"database": "reachable", "revision": current, "revision_wanted": wanted}
    if current != wanted:
        detail = "The tables are not those of this version. Run tallystick migrate up."
        return problem(request.scope, "server.not_ready", detail, facts=facts)
    return Response(orjson.dumps({"status": "ready", **facts}), media_type=JSON_MEDIA_TYPE)


ROUTES = [
    Route("/health/live", live, methods=["GET"]),
    Route("/health/ready", ready, methods=["GET"]),
]
