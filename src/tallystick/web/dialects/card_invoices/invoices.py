"""Invoices, as contract 001 knows them: one line, no tax, in the organization's currency."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final
from uuid import UUID

from fastapi import Query
from sqlalchemy import Connection

from tallystick.invoices import across
from tallystick.invoices.across import IssuedFilter, IssuedInvoice
from tallystick.invoices.content import DraftContent
from tallystick.invoices.issuing import IssueNew, issue_new
from tallystick.invoices.queries import lines_of
from tallystick.invoices.totals import Line
from tallystick.kernel.actor import Act
from tallystick.kernel.alias_numbers import Wanted
from tallystick.kernel.errors import Refused
from tallystick.parties import across as parties
from tallystick.parties.customers import CustomerDocument, get_customer
from tallystick.parties.organizations import OrganizationDocument
from tallystick.web.dialects.amounts import minor
from tallystick.web.dialects.calling import DialectCall
from tallystick.web.dialects.card_invoices import encoding
from tallystick.web.dialects.card_invoices.encoding import Shown
from tallystick.web.dialects.card_invoices.shapes import InvoiceQuery, InvoiceRequest
from tallystick.web.dialects.declared import Call
from tallystick.web.dialects.links import link_header
from tallystick.web.dialects.places import only_place
from tallystick.web.dialects.routing import Faults, Said

NAME: Final = "card-invoices"
CUSTOMER: Final = "customer"
"""The one kind of object that has numbers here."""

_ONE: Final = 1_000_000
"""One, in millionths."""
_OLDER, _NEWER = b"o", b"n"


@dataclass(frozen=True, slots=True)
class Found:
    """An invoice with what an answer shows beside it."""

    document: IssuedInvoice
    job_description: str
    customer: CustomerDocument


@dataclass(frozen=True, slots=True)
class Issued:
    """An invoice that a call has made, now or when it came first."""

    act: Act
    invoice_id: UUID
    currency: str
    shown: Shown


async def get_invoice(call: Call, uuid: UUID) -> Shown:
    """Read an invoice."""
    organization = await only_place(call, numbered=CUSTOMER)
    return await shown(call, await present(call, organization, uuid))


async def list_invoices(
    call: Call, query: Annotated[InvoiceQuery, Query()]
) -> tuple[list[Shown], dict[str, str]]:
    """List invoices, newest first; the Link header says where the list goes on."""
    organization = await only_place(call, numbered=CUSTOMER)
    if organization is None:
        return [], {}
    place = UUID(organization["id"])
    states = None if query.status is None else encoding.STATES[query.status]
    wanted = IssuedFilter(frozenset({place}), states=states)
    purpose = f"cursor {NAME} {place} {query.status}"
    way, start = _read_cursor(call, purpose, query)

    def read(conn: Connection) -> list[IssuedInvoice]:
        if way == _NEWER and start is not None:
            return across.list_newer(conn, wanted, limit=query.limit + 1, newer_than=start)
        return across.list_issued(
            conn, wanted, offset=query.offset, limit=query.limit + 1, older_than=start
        )

    def load(conn: Connection) -> tuple[list[Found], bool]:
        documents = read(conn)
        more = len(documents) > query.limit
        if more:
            documents = documents[1:] if way == _NEWER else documents[: query.limit]
        return _found(conn, place, documents), more

    page, more = await call.read(load)
    before = more if way == _NEWER else start is not None or query.offset > 0
    after = more or way == _NEWER
    parts = {}
    for relation, there, direction, index in (
        ("prev", before, _NEWER, 0),
        ("next", after, _OLDER, -1),
    ):
        if page and there:
            value = direction + UUID(page[index].document["id"]).bytes
            cursor = call.edge.signer.sign(purpose, value)
            parts[relation] = {"limit": query.limit, "cursor": cursor}
    return await _all_shown(call, page), link_header(call, query, parts)


async def issue(
    call: DialectCall, organization: OrganizationDocument | None, body: InvoiceRequest
) -> Issued:
    """Issue an invoice to a customer, under the key of the call, and show how it stood then."""
    alias = None if organization is None else await call.found(CUSTOMER, body.customer_id)
    if organization is None or alias is None or str(alias.organization_id) != organization["id"]:
        raise _no_customer(body.customer_id)
    place, currency = alias.organization_id, organization["currency"]
    price = minor(body.amount, currency, "amount")
    content = DraftContent(
        customer_id=alias.object_id,
        currency=currency,
        lines=(Line(body.job_description, _ONE, price, 0),),
    )
    act = call.act(place)
    try:
        issued = await call.run(issue_new, IssueNew(act, content))
    except Refused as refused:
        if refused.refusal.code == "customer.inactive":
            raise _no_customer(body.customer_id) from None
        raise
    customer = await call.read(lambda conn: get_customer(conn, place, alias.object_id))
    # The answer to a repeated request is the first one, so the invoice is not read again.
    shown = encoding.invoice(
        invoice_id=issued["id"],
        job_description=body.job_description,
        amount=issued["total"],
        currency=issued["currency"],
        status="PENDING",
        customer=customer,
        customer_number=body.customer_id,
    )
    return Issued(act, UUID(issued["id"]), currency, shown)


async def present(
    call: DialectCall, organization: OrganizationDocument | None, invoice_id: UUID
) -> Found:
    """Find an invoice as it stands now, or say that there is none."""
    if organization is None:
        raise _no_invoice()
    place = UUID(organization["id"])

    def read(conn: Connection) -> list[Found]:
        document = across.get_issued(conn, place, invoice_id)
        return [] if document is None else _found(conn, place, [document])

    found = await call.read(read)
    if not found:
        raise _no_invoice()
    return found[0]


async def shown(call: DialectCall, found: Found) -> Shown:
    """Show an invoice with the number of its customer."""
    return (await _all_shown(call, [found]))[0]


def _no_invoice() -> Said:
    return Said(404, "No record found with this UUID")


def _no_customer(number: int) -> Said:
    return Said(404, f"No customer found with id {number}")


def _read_cursor(call: DialectCall, purpose: str, query: InvoiceQuery) -> tuple[bytes, UUID | None]:
    if query.cursor is None:
        return _OLDER, None
    value = call.edge.signer.read(purpose, query.cursor)
    if value is None:
        message = "Value error, this is no cursor of this list with this filter"
        fault = {"type": "value_error", "loc": ["query", "cursor"], "msg": message}
        raise Faults([fault])
    return value[:1], UUID(bytes=value[1:])


def _found(conn: Connection, place: UUID, documents: Sequence[IssuedInvoice]) -> list[Found]:
    lines = lines_of(conn, [(place, UUID(each["id"])) for each in documents])
    customer_ids = {(place, UUID(each["customer_id"])) for each in documents}
    customers = parties.find_customers(conn, customer_ids)
    return [
        Found(
            document=each,
            # Invoices made through other doors may have more lines; the first one names the job.
            job_description=lines[place, UUID(each["id"])][0]["description"],
            customer=customers[UUID(each["customer_id"])],
        )
        for each in documents
    ]


async def _all_shown(call: DialectCall, page: Sequence[Found]) -> list[Shown]:
    wanted = {
        UUID(each.document["customer_id"]): UUID(each.document["organization_id"]) for each in page
    }
    numbered = await call.numbered(
        CUSTOMER, [Wanted(place, customer_id) for customer_id, place in sorted(wanted.items())]
    )
    return [
        encoding.invoice(
            invoice_id=each.document["id"],
            job_description=each.job_description,
            amount=each.document["amount"],
            currency=each.document["currency"],
            status=encoding.STATUS[each.document["state"]],
            customer=each.customer,
            customer_number=numbered[UUID(each.document["customer_id"])].number,
        )
        for each in page
    ]
