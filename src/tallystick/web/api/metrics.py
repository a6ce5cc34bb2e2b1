"""The operation that gives the figures of the server to whoever watches it."""

import asyncio
from functools import partial
from typing import Final

import structlog
from fastapi import APIRouter
from starlette.responses import PlainTextResponse, Response

from tallystick.kernel.errors import Unavailable
from tallystick.reports import condition
from tallystick.reports.condition import Condition
from tallystick.web.api.headers import PlatformReading
from tallystick.web.direct import DirectRoute, operation_id
from tallystick.web.documented import answers
from tallystick.web.metrics import MEDIA_TYPE

ANSWER_S: Final = 5.0
"""How long the database may take; the figures of the process go out without it."""

log = structlog.get_logger(__name__)

router = APIRouter(
    tags=["operating"],
    route_class=DirectRoute,
    generate_unique_id_function=operation_id,
)


@router.get("/metrics", responses=answers(None), response_class=PlainTextResponse)
async def get_metrics(call: PlatformReading) -> Response:
    """Read the figures of the server, in the text format of Prometheus.

    It takes a platform key, which may be limited to the scope `watch`. Counts are those of the
    process that answers; how the work stands is read from the database, for all processes.
    """
    edge = call.edge
    stands: Condition | None = None
    try:
        async with asyncio.timeout(ANSWER_S):
            stands = await call.read(partial(condition.look, now=edge.clock()))
    except (TimeoutError, Unavailable) as error:
        log.warning("figures without the database", error=str(error))
    return Response(edge.metrics.text(edge.coalescer, edge.database, stands), media_type=MEDIA_TYPE)
