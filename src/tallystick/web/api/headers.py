"""What an operation takes beside its body, as OpenAPI shows it.

`DirectRoute` does what these declare; none of the functions is ever called.
"""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Path

from tallystick.web.call import Call

_Organization = Annotated[
    str | None,
    Header(
        alias="Tallystick-Organization",
        description="The organization, by id or slug. An organization's own key may leave it out.",
        examples=["northfield"],
    ),
]
_IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern="^[ -~]+$",
        description="A name for this request: repeated under it, it has its effect once.",
        examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e0f"],
    ),
]
_IfMatch = Annotated[
    str,
    Header(
        alias="If-Match",
        description="The ETag of the version that you saw.",
        examples=['"1"'],
    ),
]


def _reading(tallystick_organization: _Organization = None) -> None:
    raise NotImplementedError


def _command(
    tallystick_organization: _Organization = None, idempotency_key: _IdempotencyKey = None
) -> None:
    raise NotImplementedError


def _change(
    if_match: _IfMatch,
    tallystick_organization: _Organization = None,
    idempotency_key: _IdempotencyKey = None,
) -> None:
    raise NotImplementedError


# Named otherwise than the header, so that the route does not ask for it.
def _somewhere_reading(place: _Organization = None) -> None:
    raise NotImplementedError


def _somewhere_command(
    place: _Organization = None, idempotency_key: _IdempotencyKey = None
) -> None:
    raise NotImplementedError


def _somewhere_secret(place: _Organization = None) -> None:
    raise NotImplementedError


def _platform_reading() -> None:
    raise NotImplementedError


def _platform_command(idempotency_key: _IdempotencyKey = None) -> None:
    raise NotImplementedError


def _platform_change(if_match: _IfMatch, idempotency_key: _IdempotencyKey = None) -> None:
    raise NotImplementedError


def _own() -> None:
    raise NotImplementedError


def _own_change(if_match: _IfMatch) -> None:
    raise NotImplementedError


Own = Annotated[Call, Depends(_own)]
"""About one's own login, or open to all. What takes or gives a secret is kept under no key."""
OwnChange = Annotated[Call, Depends(_own_change)]
"""Changes the version of one's own login that its author saw, which may be repeated without a key.
"""
Reading = Annotated[Call, Depends(_reading)]
"""Reads in one organization."""
Command = Annotated[Call, Depends(_command)]
"""Writes in one organization."""
Change = Annotated[Call, Depends(_change)]
"""Changes the version that its author saw, in one organization."""
SomewhereReading = Annotated[Call, Depends(_somewhere_reading)]
"""Reads in one organization, or what is the platform's when none is named."""
SomewhereCommand = Annotated[Call, Depends(_somewhere_command)]
"""Writes in one organization, or what is the platform's when none is named."""
SomewhereSecretCommand = Annotated[Call, Depends(_somewhere_secret)]
"""The same for what may not be kept under a key, since it holds a secret."""
PlatformReading = Annotated[Call, Depends(_platform_reading)]
"""Reads organizations themselves."""
PlatformCommand = Annotated[Call, Depends(_platform_command)]
"""Writes organizations themselves."""
PlatformChange = Annotated[Call, Depends(_platform_change)]
"""Changes an organization itself."""

OrganizationId = Annotated[
    str,
    Path(
        description="Id or slug of the organization.",
        min_length=1,
        max_length=63,
        examples=["northfield"],
    ),
]
UserId = Annotated[
    UUID, Path(description="Id of the user.", examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e20"])
]
RoleName = Annotated[
    str,
    Path(description="Name of the role.", min_length=1, max_length=20, examples=["bookkeeper"]),
]
RuleId = Annotated[
    UUID, Path(description="Id of the rule.", examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e30"])
]
LabelId = Annotated[
    UUID, Path(description="Id of the label.", examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e31"])
]
KeyId = Annotated[
    UUID, Path(description="Id of the key.", examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e21"])
]
TokenId = Annotated[
    UUID, Path(description="Id of the token.", examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e22"])
]
InvitationId = Annotated[
    UUID,
    Path(description="Id of the invitation.", examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e24"]),
]
LinkId = Annotated[
    UUID, Path(description="Id of the link.", examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e23"])
]
CustomerId = Annotated[
    UUID, Path(description="Id of the customer.", examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e0f"])
]
InvoiceId = Annotated[
    UUID,
    Path(
        description="Id of the invoice, which is not its number.",
        examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e10"],
    ),
]
RefundId = Annotated[
    UUID, Path(description="Id of the refund.", examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e12"])
]
CreditNoteId = Annotated[
    UUID,
    Path(description="Id of the credit note.", examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e13"]),
]
PaymentId = Annotated[
    UUID, Path(description="Id of the payment.", examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e11"])
]
AlarmId = Annotated[
    UUID, Path(description="Id of the alarm.", examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e15"])
]
SessionId = Annotated[
    UUID, Path(description="Id of the session.", examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e14"])
]
