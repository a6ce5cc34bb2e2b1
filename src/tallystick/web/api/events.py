"""The operation by which a program follows what happens in an organization."""

from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter
from fastapi import Query as QueryParameters
from sqlalchemy import Row
from starlette.responses import Response

from tallystick.kernel import clock, money, positions
from tallystick.web.api.headers import Reading
from tallystick.web.api.shapes.events import EventList, EventsQuery
from tallystick.web.call import JSON_MEDIA_TYPE
from tallystick.web.direct import DirectRoute, operation_id
from tallystick.web.documented import answers

router = APIRouter(
    prefix="/v1/events",
    tags=["events"],
    route_class=DirectRoute,
    generate_unique_id_function=operation_id,
)

NOUNS: Final = frozenset(
    {
        *("alarm", "credit_note", "customer", "invoice", "label", "organization", "payment"),
        "refund",
    }
)
"""What events are told about here. Who may do what in an organization is not for all who read in
it: those events stand in the audit trail only.
"""
AMOUNTS: Final = frozenset({"amount", "total"})
"""The members of payloads that are amounts."""


@router.get("", responses=answers(EventList))
async def list_events(call: Reading, query: Annotated[EventsQuery, QueryParameters()]) -> Response:
    """List what happened since a position, in the order in which it is told.

    Send `next` as `after` to read on, at once or later: no event is ever told before a position
    that was given out, so nothing is missed and nothing comes twice. The worker gives the
    positions, most often within a second.
    """
    organization_id = call.place.id
    stretch = await call.read(
        lambda conn: positions.read(
            conn,
            organization_id,
            after=query.after,
            limit=query.limit,
            nouns=NOUNS,
            kind=query.type,
        )
    )
    data = [_document(row) for row in stretch.events]
    return Response(
        orjson.dumps({"data": data, "next": stretch.next_after}), media_type=JSON_MEDIA_TYPE
    )


def _document(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "position": row.position,
        "type": row.type,
        "subject_id": str(row.subject_id),
        "payload": _told(row.payload),
        "at": clock.text(row.at),
    }


def _told(payload: dict[str, Any]) -> dict[str, Any]:
    """Write amounts as the API does, in the currency that stands beside them."""
    currency = payload.get("currency")
    if currency is None:
        return payload
    texts = {name: money.text(payload[name], currency) for name in AMOUNTS & payload.keys()}
    return {**payload, **texts}
