"""Operations on what a person has to look at."""

from typing import Annotated, Final

import orjson
from fastapi import APIRouter
from fastapi import Query as QueryParameters
from starlette.responses import Response

from tallystick.kernel import alarms
from tallystick.kernel.alarms import ClearAlarm, clear_alarms
from tallystick.kernel.paging import Place
from tallystick.payments import refund_alarms, worries
from tallystick.web.api.headers import AlarmId, Command, Reading
from tallystick.web.api.shapes.alarms import Alarm, AlarmList, AlarmQuery, AlarmReason
from tallystick.web.call import JSON_MEDIA_TYPE
from tallystick.web.direct import DirectRoute, operation_id
from tallystick.web.documented import answers

router = APIRouter(
    prefix="/v1/alarms",
    tags=["alarms"],
    route_class=DirectRoute,
    generate_unique_id_function=operation_id,
)

_LASTING: Final = frozenset({worries.UNKNOWN_ALARM, refund_alarms.UNKNOWN})


@router.get("", responses=answers(AlarmList))
async def list_alarms(call: Reading, query: Annotated[AlarmQuery, QueryParameters()]) -> Response:
    """List what needs a person, the last raised first: open alarms, or those that were cleared."""
    place, after = call.place, Place.unpacked(call.bookmark(query))
    found, ends_at = await call.read(
        lambda conn: alarms.list_alarms(
            conn, place.id, cleared=query.cleared, after=after, limit=query.limit
        )
    )
    following = call.cursor(query, None if ends_at is None else ends_at.packed())
    return Response(orjson.dumps({"data": found, "next": following}), media_type=JSON_MEDIA_TYPE)


@router.post("/{alarm_id}/clear", responses=answers(Alarm, "alarm.unknown", "alarm.lasting"))
async def clear_alarm(call: Command, alarm_id: AlarmId, body: AlarmReason) -> Response:
    """Clear an alarm that you have looked at. The audit trail keeps who did, and why.

    One about an outcome that nobody knows ends when that is confirmed or declined.
    """
    command = ClearAlarm(call.act(), alarm_id, body.reason, _LASTING)
    cleared = await call.run(clear_alarms, command)
    return call.reply(cleared)
