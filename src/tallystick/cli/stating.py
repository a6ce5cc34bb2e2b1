"""Print statements: a table for a person, one JSON value for a program."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection

from tallystick.cli import opened
from tallystick.cli.output import say, show_json, show_line, show_table
from tallystick.kernel import clock, money
from tallystick.kernel.errors import Refused, shown
from tallystick.kernel.paging import LIMIT_MAX
from tallystick.parties.customers import CustomerDocument, get_customer, list_customers
from tallystick.parties.organizations import find_organization
from tallystick.reports import statements
from tallystick.reports.statements import BlockDocument, MovementDocument, Period

HEAD: Final = ("date", "kind", "number", "debit", "credit", "balance")


def statement(
    *,
    slug: str,
    customer: str | None,
    start: date | None,
    end: date | None,
    as_of: date | None,
    as_json: bool,
) -> None:
    """Print the whole statement of a customer, or of all together."""

    def read(conn: Connection) -> tuple[CustomerDocument | None, Period, list[BlockDocument]]:
        organization = find_organization(conn, slug)
        organization_id = UUID(organization["id"])
        today = clock.day(clock.now(), organization["time_zone"])
        period = statements.chosen_period(today, start=start, end=end, as_of=as_of)
        found = None if customer is None else _customer(conn, organization_id, customer)
        default_currency = organization["currency"]
        return found, period, _whole(conn, organization_id, period, found, default_currency)

    with opened.database() as database:
        found, period, blocks = database.read_snapshot(read)
    if as_json:
        show_json(_document(found, period, blocks))
        return
    of = slug if found is None else f"{found['name']} at {slug}"
    say(f"Statement of {of} from {period.start} to {period.end}")
    for block in blocks:
        _show(block)


def _customer(conn: Connection, organization_id: UUID, named: str) -> CustomerDocument:
    """Find a customer by id, or by the reference that the organization gave them."""
    try:
        return get_customer(conn, organization_id, UUID(named))
    except ValueError:
        page = list_customers(conn, organization_id, external_reference=named, limit=1)
    if not page.items:
        message = f"There is no customer {shown(named)} in this organization."
        raise Refused("customer.unknown", message)
    return page.items[0]


def _whole(
    conn: Connection,
    organization_id: UUID,
    period: Period,
    customer: CustomerDocument | None,
    default_currency: str,
) -> list[BlockDocument]:
    """Read every page of every currency."""

    def page(**values: Any) -> list[BlockDocument]:
        return statements.statement(
            conn,
            organization_id,
            period,
            customer_id=None if customer is None else UUID(customer["id"]),
            default_currency=default_currency,
            limit=LIMIT_MAX,
            **values,
        )["blocks"]

    blocks = page()
    for block in blocks:
        while block["next"] is not None:
            [following] = page(after=block["next"])
            block["movements"] += following["movements"]
            block["next"] = following["next"]
    return blocks


def _document(
    customer: CustomerDocument | None, period: Period, blocks: Sequence[BlockDocument]
) -> dict[str, Any]:
    return {
        "customer_id": None if customer is None else customer["id"],
        "from": period.start.isoformat(),
        "to": period.end.isoformat(),
        "blocks": [
            {
                "currency": block["currency"],
                "opening_balance": money.text(block["opening_balance"], block["currency"]),
                "closing_balance": money.text(block["closing_balance"], block["currency"]),
                "data": [_amounts(moved, block["currency"]) for moved in block["movements"]],
            }
            for block in blocks
        ],
    }


def _amounts(moved: MovementDocument, currency: str) -> dict[str, Any]:
    return {
        **moved,
        "debit": money.text(moved["debit"], currency),
        "credit": money.text(moved["credit"], currency),
        "balance": money.text(moved["balance"], currency),
    }


def _show(block: BlockDocument) -> None:
    currency = block["currency"]
    shown_block = [
        ["", "opening balance", "", "", "", money.text(block["opening_balance"], currency)],
        *(_row(moved, currency) for moved in block["movements"]),
        ["", "closing balance", currency, "", "", money.text(block["closing_balance"], currency)],
    ]
    widths = [max(len(row[column]) for row in [HEAD, *shown_block]) for column in range(len(HEAD))]
    head, *rows = (
        [*row[:3], *(row[column].rjust(widths[column]) for column in (3, 4, 5))]
        for row in [HEAD, *shown_block]
    )
    show_line("")
    show_table(head, rows)


def _row(moved: MovementDocument, currency: str) -> list[str]:
    sides = (moved["debit"], moved["credit"])
    return [
        moved["date"],
        moved["kind"],
        moved["number"] or "",
        *(money.text(side, currency) if side else "" for side in sides),
        money.text(moved["balance"], currency),
    ]
