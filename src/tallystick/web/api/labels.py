"""Operations on labels."""

from typing import Annotated

from fastapi import APIRouter
from fastapi import Query as QueryParameters
from starlette.responses import Response

from tallystick.parties import labels
from tallystick.parties.labels import LabelFilter
from tallystick.payments.labelling import AddLabel, RemoveLabel, add_labels, remove_labels
from tallystick.web.api.headers import Command, LabelId, Reading
from tallystick.web.api.shapes.labels import Label, LabelList, LabelQuery, NewLabel
from tallystick.web.direct import DirectRoute, operation_id
from tallystick.web.documented import answers

router = APIRouter(
    prefix="/v1/labels",
    tags=["labels"],
    route_class=DirectRoute,
    generate_unique_id_function=operation_id,
)


@router.post(
    "",
    status_code=201,
    responses=answers(
        Label,
        *("organization.inactive", "customer.unknown", "invoice.unknown", "payment.unknown"),
        *("invoice.draft", "customer.erased", "label.malformed", "label.too_many"),
        status=201,
    ),
)
async def add_label(call: Command, body: NewLabel) -> Response:
    """Put a label on a customer, an invoice or a payment. One that is there already stays.

    A draft has no labels: issue it first.
    The labels of a customer, and of all that is theirs, go when the customer is erased.
    """
    command = AddLabel(call.act(), body.subject, body.subject_id, body.label)
    added = await call.run(add_labels, command)
    shown = {**added, "label": body.label}
    return call.reply(shown, status=201, location=f"/v1/labels?subject_id={added['subject_id']}")


@router.get("", responses=answers(LabelList))
async def list_labels(call: Reading, query: Annotated[LabelQuery, QueryParameters()]) -> Response:
    """List labels, newest first."""
    place, after = call.place, call.after(query)
    wanted = LabelFilter(query.subject_id, query.customer_id, query.label)
    page = await call.read(
        lambda conn: labels.list_labels(conn, place.id, wanted, after=after, limit=query.limit)
    )
    return call.page(page, dict, query)


@router.delete(
    "/{label_id}",
    status_code=204,
    response_class=Response,
    responses=answers(None, "label.unknown", "organization.inactive", status=204),
)
async def remove_label(call: Command, label_id: LabelId) -> Response:
    """Take a label off."""
    await call.run(remove_labels, RemoveLabel(call.act(), label_id))
    return Response(status_code=204)
