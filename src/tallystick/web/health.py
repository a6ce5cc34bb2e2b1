"""Is the process alive, and can it work? Asked by whoever watches over it, without a key."""

import asyncio
from datetime import timedelta
from functools import partial
from typing import Any, Final

import orjson
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tallystick.reports import condition
from tallystick.reports.condition import Condition
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
    """Answer 200 when the database is reachable and its tables are those of this version.

    What else may be wrong is told and makes it no less ready: this process serves without a worker,
    and taking it away would not bring one.
    """
    edge = Edge.of(request.scope)
    loop = asyncio.get_running_loop()
    stands: Condition | None = None
    try:
        async with asyncio.timeout(ANSWER_S):
            current, wanted = await loop.run_in_executor(edge.readers, edge.migration_status)
            if current == wanted:
                stands = await edge.read(partial(condition.look, now=edge.clock()))
    except Exception as error:  # noqa: BLE001  # whatever the reason, it is not ready
        log.warning("not ready", error=str(error))
        detail = "The database does not answer."
        return problem(request.scope, "server.not_ready", detail, facts={"database": "unreachable"})
    facts = {"database": "reachable", "revision": current, "revision_wanted": wanted}
    if stands is None:
        detail = "The tables are not those of this version. Run tallystick migrate up."
        return problem(request.scope, "server.not_ready", detail, facts=facts)
    told = {"status": "ready", **facts, **_told(stands)}
    return Response(orjson.dumps(told), media_type=JSON_MEDIA_TYPE)


def _told(stands: Condition) -> dict[str, Any]:
    return {
        "workers": stands.working,
        "worker_beat_age_s": _seconds(stands.beat_age),
        "oldest_task_age_s": _seconds(stands.task_age),
        "oldest_event_age_s": _seconds(stands.event_age),
        "oldest_unknown_payment_age_s": _seconds(stands.unknown_payment_age),
        "warnings": stands.warnings(),
    }


def _seconds(age: timedelta | None) -> float | None:
    return None if age is None else age.total_seconds()


ROUTES = [
    Route("/health/live", live, methods=["GET"]),
    Route("/health/ready", ready, methods=["GET"]),
]
