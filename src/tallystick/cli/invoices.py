"""The commands that look at invoices.

What a command does is imported when it runs, so that `--help` answers at once.
"""
# ruff: noqa: PLC0415, D103  # for that reason; and each command's help says what it does

from typing import Annotated

import typer

from tallystick.cli.options import Json, Organization, help_text

invoices = typer.Typer(no_args_is_help=True)

Text = str | None


@invoices.command(
    "list",
    help=help_text(
        "List invoices, newest first, narrowed as in the API; all that is given must hold.",
        examples=(
            "invoices list --organization northfield --status overdue",
            "invoices list --organization northfield --q okonkwo --limit 10 --json",
        ),
    ),
)
def list_invoices(
    *,
    organization: Organization,
    q: Annotated[Text, typer.Option(help="Text in number, customer's name or reference.")] = None,
    status: Annotated[
        Text, typer.Option(help="draft, open, void, credited, unpaid, partial, paid or overdue.")
    ] = None,
    customer_id: Annotated[Text, typer.Option(help="Of this customer.")] = None,
    number: Annotated[Text, typer.Option(help="With this number.")] = None,
    currency: Annotated[Text, typer.Option(help="In this currency.")] = None,
    issued_from: Annotated[Text, typer.Option(help="Issued on this day or later.")] = None,
    issued_to: Annotated[Text, typer.Option(help="Issued on this day or before.")] = None,
    due_from: Annotated[Text, typer.Option(help="Due on this day or later.")] = None,
    due_to: Annotated[Text, typer.Option(help="Due on this day or before.")] = None,
    total_min: Annotated[Text, typer.Option(help="With this total or more.")] = None,
    total_max: Annotated[Text, typer.Option(help="With this total or less.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 50,
    as_json: Json = False,
) -> None:
    from pydantic import ValidationError

    from tallystick.cli import browsing
    from tallystick.web import strict

    given = {
        "q": q,
        "status": status,
        "customer_id": customer_id,
        "number": number,
        "currency": currency,
        "issued_from": issued_from,
        "issued_to": issued_to,
        "due_from": due_from,
        "due_to": due_to,
        "total_min": total_min,
        "total_max": total_max,
    }
    filters = {name: value for name, value in given.items() if value is not None}
    try:
        browsing.show_list(organization, filters, limit=limit, as_json=as_json)
    except ValidationError as error:
        fault = strict.query_faults(error)[0]
        option = "--" + fault["parameter"].replace("_", "-")
        raise typer.BadParameter(f"{option}: {fault['detail']}") from None


@invoices.command(
    "show",
    help=help_text(
        "Show one invoice, by its number or its id.",
        examples=("invoices show INV-2026-000001 --organization northfield",),
    ),
)
def show_invoice(
    invoice: Annotated[str, typer.Argument(help="Number or id.")],
    *,
    organization: Organization,
    as_json: Json = False,
) -> None:
    from tallystick.cli import browsing

    browsing.show_one(organization, invoice, as_json=as_json)
