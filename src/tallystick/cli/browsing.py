"""Commands that look at invoices."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection

from tallystick.cli import opened
from tallystick.cli.output import plain, say, show_json, show_line, show_table
from tallystick.invoices.queries import get_invoice, list_invoices
from tallystick.kernel import clock
from tallystick.kernel.errors import Refused, shown
from tallystick.kernel.paging import LIMIT_MAX
from tallystick.parties.across import find_customers
from tallystick.parties.organizations import OrganizationDocument, find_organization
from tallystick.web.api.shapes.invoice_views import shown_in_list, shown_whole
from tallystick.web.api.shapes.invoices import InvoiceTotalsQuery, invoice_filter

COLUMNS: Final = (
    "number",
    "buyer",
    "status",
    "payment_status",
    "overdue",
    "due_date",
    "currency",
    "total",
    "due",
    "id",
)
WHOLE: Final = (
    *COLUMNS,
    "issue_date",
    "net",
    "discount_total",
    "tax",
    "paid",
    "credited",
    "written_off",
    "customer_id",
)
Invoice = dict[str, Any]


def show_list(slug: str, filters: dict[str, str], *, limit: int, as_json: bool) -> None:
    """List the newest invoices of an organization that the filters leave.

    JSON is that of the API, which has the buyer in the whole invoice only.

    Raises:
        ValidationError: a filter has a wrong shape.
    """
    query = InvoiceTotalsQuery.model_validate_strings(filters)

    def read(conn: Connection) -> tuple[list[Invoice], dict[str, str]]:
        organization = find_organization(conn, slug)
        wanted = invoice_filter(query, organization["currency"])
        today = clock.day(now, organization["time_zone"])
        place, after = UUID(organization["id"]), None
        found: list[Invoice] = []
        while len(found) < limit:
            size = min(LIMIT_MAX, limit - len(found))
            page = list_invoices(conn, place, wanted, today=today, after=after, limit=size)
            found += [dict(shown_in_list(each)) for each in page.items]
            after = page.next_after
            if after is None:
                break
        return found, {} if as_json else _names(conn, place, found)

    now = clock.now()
    with opened.database() as database:
        found, names = database.read(read)
    if as_json:
        show_json(found)
        return
    for each in found:
        each["buyer"] = names[each["customer_id"]]
    show_table(COLUMNS, [[plain(each[name]) for name in COLUMNS] for each in found])
    if not found:
        say("There is no such invoice.")


def show_one(slug: str, name: str, *, as_json: bool) -> None:
    """Show one invoice of an organization, by its number or its id.

    Its buyer is called as they were at issue; that of a draft, as they are now.
    """

    def read(conn: Connection) -> tuple[Invoice, dict[str, str]]:
        organization = find_organization(conn, slug)
        place, today = UUID(organization["id"]), clock.day(now, organization["time_zone"])
        invoice_id = find_invoice(conn, organization, name)
        invoice = shown_whole(get_invoice(conn, place, invoice_id, today=today))
        return invoice, _names(conn, place, [invoice])

    now = clock.now()
    with opened.database() as database:
        invoice, names = database.read(read)
    if as_json:
        show_json(invoice)
        return
    invoice["buyer"] = (invoice["buyer"] or {}).get("name") or names[invoice["customer_id"]]
    for member in WHOLE:
        show_line(f"{member.ljust(15)} {plain(invoice[member])}")
    head = ("description", "quantity", "unit_price", "tax_rate", "net")
    show_table(head, [[plain(line[name]) for name in head] for line in invoice["lines"]])


def _names(conn: Connection, place: UUID, invoices: Sequence[Invoice]) -> dict[str, str]:
    """Find how the customers of invoices are called now, by their ids."""
    wanted = {(place, UUID(each["customer_id"])) for each in invoices}
    return {str(key): each["name"] for key, each in find_customers(conn, wanted).items()}


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
