"""Events, as the API shows them."""

from typing import Annotated, Any, Final

from pydantic import Field

from tallystick.kernel.paging import LIMIT_DEFAULT, LIMIT_MAX
from tallystick.web.fields import Id, Line, Moment, Query, View

POSITION_MAX: Final = 2**53 - 1
"""The largest whole number that every reader of JSON reads exactly."""


class EventsQuery(Query):
    """Where to read on, and what is wanted."""

    after: Annotated[
        int,
        Field(
            ge=0,
            le=POSITION_MAX,
            description="The `next` of the answer before; 0 for all that ever happened.",
            examples=[0],
        ),
    ] = 0
    limit: Annotated[
        int,
        Field(ge=1, le=LIMIT_MAX, description="How many events at most.", examples=[20]),
    ] = LIMIT_DEFAULT
    type: Annotated[
        Line | None,
        Field(
            min_length=1,
            max_length=60,
            description="Of this type only, such as `payment.settled`.",
            examples=["payment.settled"],
        ),
    ] = None


class EventView(View):
    """Something that happened in the organization."""

    id: Annotated[Id, Field(description="Of this event; it is never told under another one.")]
    position: Annotated[
        int,
        Field(
            ge=1,
            description="Its place in the order in which the organization's events are told.",
            examples=[17],
        ),
    ]
    type: Annotated[
        str,
        Field(
            description="What happened, a noun and what became of it. There may be new ones.",
            examples=["payment.settled"],
        ),
    ]
    subject_id: Annotated[
        Id,
        Field(
            description="What it happened to.", examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e11"]
        ),
    ]
    payload: Annotated[
        dict[str, Any],
        Field(
            description=(
                "What follows from the type: ids, numbers, days, and amounts as decimal strings "
                "beside their `currency`. No personal data. There may be new members."
            ),
            examples=[
                {
                    "payment_id": "018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e11",
                    "customer_id": "018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e0f",
                    "currency": "EUR",
                    "amount": "119.00",
                    "receipt_number": "REC-2026-000001",
                    "invoice_ids": ["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e10"],
                }
            ],
        ),
    ]
    at: Annotated[
        Moment,
        Field(description="When the command came that made it happen."),
    ]


class EventList(View):
    """Events in the order of their positions."""

    data: list[EventView]
    next: Annotated[
        int,
        Field(
            ge=0,
            description=(
                "What to send as `after` next time, now or later. The same as was sent where "
                "nothing is new; greater where there may be more, even if `data` is empty."
            ),
            examples=[17],
        ),
    ]
