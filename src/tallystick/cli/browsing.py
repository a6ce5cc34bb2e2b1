"""Commands that look at invoices."""

from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection

from tallystick.cli import opened
from tallystick.cli.output import say, show_json, show_line, show_table
from tallystick.invoices.queries import get_invoice, list_invoices
from tallystick.kernel import clock
from tallystick.kernel.errors import Refused, shown
from tallystick.kernel.paging import LIMIT_MAX
from tallystick.parties.organizations import OrganizationDocument, find_organization
from tallystick.web.api.shapes.invoice_views import shown_in_list, shown_whole
from tallystick.web.api.shapes.invoices import InvoiceTotalsQuery, invoice_filter

COLUMNS: Final = (
    "number",
    "status",
    "payment_status",
    "due_date",
    "currency",
    "total",
    "due",
    "id",
)


def show_list(slug: str, filters: dict[str, str], *, limit: int, as_json: bool) -> None:
    """List the newest invoices of an organization that the filters leave.

    Raises:
        ValidationError: a filter has a wrong shape.
    """
    query = InvoiceTotalsQuery.model_validate_strings(filters)

    def read(conn: Connection) -> list[dict[str, Any]]:
        organization = find_organization(conn, slug)
        wanted = invoice_filter(query, organization["currency"])
        today = clock.day(now, organization["time_zone"])
        place, after = UUID(organization["id"]), None
        found: list[dict[str, Any]] = []
        while len(found) < limit:
            size = min(LIMIT_MAX, limit - len(found))
            page = list_invoices(conn, place, wanted, today=today, after=after, limit=size)
            found += [dict(shown_in_list(each)) for each in page.items]
            after = page.next_after
            if after is None:
                break
        return found

    now = clock.now()
    with opened.database() as database:
        found = database.read(read)
    if as_json:
        show_json(found)
        return
    show_table(COLUMNS, [[each[name] or "-" for name in COLUMNS] for each in found])
    if not found:
        say("There is no such invoice.")


def show_one(slug: str, name: str, *, as_json: bool) -> None:
    """Show one invoice of an organization, by its number or its id."""

    def read(conn: Connection) -> dict[str, Any]:
        organization = find_organization(conn, slug)
        place, today = UUID(organization["id"]), clock.day(now, organization["time_zone"])
        invoice_id = find_invoice(conn, organization, name)
        return dict(shown_whole(get_invoice(conn, place, invoice_id, today=today)))

    now = clock.now()
    with opened.database() as database:
        invoice = database.read(read)
    if as_json:
        show_json(invoice)
        return
    for member in (*COLUMNS, "issue_date", "paid", "credited", "written_off", "customer_id"):
        show_line(f"{member.ljust(15)} {'-' if invoice[member] is None else invoice[member]}")
    head = ("description", "quantity", "unit_price", "tax_rate", "net")
    show_table(head, [[line[name] for name in head] for line in invoice["lines"]])


def find_invoice(conn: Connection, organization: OrganizationDocument, name: str) -> UUID:
    """Find the id of an invoice by its number, or take a name that is an id already."""
    wanted = invoice_filter(InvoiceTotalsQuery(number=name), organization["currency"])
    today = clock.day(clock.now(), organization["time_zone"])
    named = list_invoices(conn, UUID(organization["id"]), wanted, today=today).items
    try:
        return UUID(named[0]["id"]) if named else UUID(name)
    except ValueError:
        message = f"There is no invoice {shown(name)} in this organization."
        raise Refused("invoice.unknown", message) from None
