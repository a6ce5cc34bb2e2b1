"""What `up` prints: where to look, and the first invoice and its payments as commands to paste."""

import os
import shutil
import sys

from tallystick import wiring
from tallystick.kernel import money
from tallystick.parties.organizations import OrganizationDocument, list_organizations
from tallystick.settings import Settings

DEMO_SLUG = "northfield"

# The README shows the same commands; a test compares them.
SETUP = """\
curl -sS "{url}/v1/setup" -H "Content-Type: application/json" -d '{{"token": "{token}", "email": "you@example.com", "name": "Your Name", "password": "YOUR OWN"}}'"""  # noqa: E501  # commands are pasted whole
WALK = """\
KEY=$({program} key create --organization {slug} --role owner)
post() {{ curl -sS "{url}/v1/$1" -H "Authorization: Bearer $KEY" -H "Content-Type: application/json" -d "$2"; echo; }}
show() {{ curl -sS "{url}/v1/$1" -H "Authorization: Bearer $KEY"; echo; }}
id() {{ python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])'; }}

CUSTOMER=$(post customers '{{"kind": "student", "name": "Ada Example"}}' | id)
INVOICE=$(post invoices '{{"customer_id": "'$CUSTOMER'", "issue": true, "lines": [{{"description": "Tuition", "unit_price": "{price}"}}]}}' | id)
FIRST=$(post payments '{{"amount": "{first}", "currency": "{currency}", "method": "cash", "invoices": [{{"invoice_id": "'$INVOICE'"}}]}}' | id)
SECOND=$(post payments '{{"amount": "{second}", "currency": "{currency}", "method": "bank_transfer", "invoices": [{{"invoice_id": "'$INVOICE'"}}]}}' | id)

show invoices/$INVOICE
show "payments?invoice_id=$INVOICE"
show payments/$FIRST/receipt
show payments/$SECOND/receipt
{program} audit"""  # noqa: E501  # commands are pasted whole


def text(found: Settings, url: str, token: str | None) -> str:
    """Say what to open and what to type next; the token is there while nobody can log in."""
    organization = _newest(found)
    if organization is None:
        steps = f"{program()} demo"
    else:
        steps = walk(program(), url, organization["slug"], organization["currency"])
    lines = [
        f"Tallystick {url}",
        f"API        {url}/docs",
        "",
        *_first_login(url, token),
        "Next, in another terminal in this folder:",
        "",
        steps,
        "",
        "Ctrl-C stops it.",
    ]
    return "\n".join(lines)


def setup(url: str, token: str) -> str:
    """Write the command that makes the first person."""
    return SETUP.format(url=url, token=token)


def _first_login(url: str, token: str | None) -> list[str]:
    if token is None:
        return []
    return [
        "Nobody can log in yet. This makes the first person, within 24 hours and until the next",
        "start, with an address and a password of your own:",
        "",
        setup(url, token),
        "",
    ]


def walk(program: str, url: str, slug: str, currency: str) -> str:
    """Write the commands that issue an invoice of 100 and pay it in two parts."""
    unit = 10 ** money.exponent(currency)
    return WALK.format(
        program=program,
        url=url,
        slug=slug,
        currency=currency,
        price=money.text(100 * unit, currency),
        first=money.text(60 * unit, currency),
        second=money.text(40 * unit, currency),
    )


def _newest(found: Settings) -> OrganizationDocument | None:
    database = wiring.open_database(found)
    try:
        newest = database.read(lambda conn: list_organizations(conn, active=True)).items
    finally:
        database.close()
    demo = [each for each in newest if each["slug"] == DEMO_SLUG]
    return next(iter(demo or newest), None)


def program() -> str:
    """Name this program as the person can type it again."""
    if os.path.basename(sys.argv[0]) == "__main__.py":  # noqa: PTH119  # a name, no path
        return f"{os.path.basename(sys.executable)} -m tallystick"  # noqa: PTH119
    if shutil.which("tallystick"):
        return "tallystick"
    return min(sys.argv[0], os.path.relpath(sys.argv[0]), key=len)
