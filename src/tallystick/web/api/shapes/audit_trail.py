"""The audit trail, as the API shows it."""

from typing import Annotated, Any

from pydantic import Field

from tallystick.web.fields import GivenMoment, Id, Line, Moment, NextCursor, PageQuery, View

ActorOf = Annotated[
    Id | None,
    Field(
        description="What this user, key or link did.",
        examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e20"],
    ),
]
SubjectOf = Annotated[
    Id | None,
    Field(
        description="What was done to this invoice, customer, key or whatever else has an id.",
        examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e0f"],
    ),
]


class AuditTrailQuery(PageQuery):
    """What the trail is narrowed to; all that is given must hold."""

    actor_id: ActorOf = None
    subject_id: SubjectOf = None
    type: Annotated[
        Line | None,
        Field(
            min_length=1,
            max_length=60,
            description="Of this type, such as `customer.changed`.",
            examples=["customer.changed"],
        ),
    ] = None
    start: Annotated[
        GivenMoment | None,
        Field(
            alias="from",
            description="At this moment or later.",
            examples=["2026-11-01T00:00:00Z"],
        ),
    ] = None
    end: Annotated[
        GivenMoment | None,
        Field(alias="to", description="Before this moment.", examples=["2026-12-01T00:00:00Z"]),
    ] = None


class Who(View):
    """Who did it."""

    kind: Annotated[
        str,
        Field(
            description=(
                "`user`, `key`, `link` (of a payer), `rule`, `operator` (the command line), "
                "`worker` (the product itself) or `nobody` (an operation that is open to all)."
            ),
            examples=["user"],
        ),
    ]
    id: Annotated[
        Id,
        Field(
            description="All zeros for an operator, the worker and nobody.",
            examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e20"],
        ),
    ]
    name: Annotated[
        str | None,
        Field(description="What the user or key is called now.", examples=["Ada Example"]),
    ]


class AuditTrailEntry(View):
    """One thing that was done."""

    id: Annotated[Id, Field(description="Of this entry.")]
    type: Annotated[str, Field(description="What was done.", examples=["customer.changed"])]
    at: Annotated[Moment, Field(description="When.")]
    actor: Who
    address: Annotated[
        str | None,
        Field(
            description="The network address that the request came from; null for none.",
            examples=["192.0.2.7"],
        ),
    ]
    reason: Annotated[
        str | None,
        Field(
            description="Why one of the platform did it in an organization that is not theirs.",
            examples=["Asked for by telephone."],
        ),
    ]
    request_id: Annotated[
        str,
        Field(description="Finds the request in the log.", examples=["018f4c1e7b2a7c3d9e4f5a6b"]),
    ]
    subject_id: Annotated[
        Id,
        Field(
            description="What it was done to.", examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e0f"]
        ),
    ]
    facts: Annotated[
        dict[str, Any],
        Field(
            description="Ids, numbers and amounts in minor units; no personal data.",
            examples=[{"customer_id": "018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e0f"}],
        ),
    ]
    before: Annotated[
        dict[str, Any] | None,
        Field(
            description=(
                "The members that were changed, as they were; empty for what is new and for "
                "somebody whose data were erased, null where an entry keeps no change."
            ),
            examples=[{"phone": "+44 113 496 0000"}],
        ),
    ]
    after: Annotated[
        dict[str, Any] | None,
        Field(
            description="The same members as they became.",
            examples=[{"phone": "+44 113 496 0001"}],
        ),
    ]


class AuditTrail(View):
    """One page of the trail."""

    data: list[AuditTrailEntry]
    next: NextCursor
