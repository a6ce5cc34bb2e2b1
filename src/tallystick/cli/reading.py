"""Commands that only read: list organizations, audit the books."""

from dataclasses import asdict
from typing import Final

from sqlalchemy import Connection

from tallystick import wiring
from tallystick.cli import opened
from tallystick.cli.output import say, show_json, show_line, show_table
from tallystick.kernel.paging import LIMIT_MAX
from tallystick.parties.organizations import OrganizationDocument, list_organizations

SHOWN: Final = ("id", "slug", "name")


def organizations(*, as_json: bool) -> None:
    """List every organization, newest first."""
    with opened.database() as database:
        found = database.read(_all_organizations)
    if as_json:
        show_json([{name: document[name] for name in SHOWN} for document in found])
        return
    show_table(SHOWN, [[document[name] for name in SHOWN] for document in found])
    if not found:
        say("There are no organizations yet. `tallystick demo` makes two to look at.")


def audit(*, as_json: bool) -> bool:
    """Count every invariant, and give whether all of them hold."""
    with opened.database() as database:
        findings = database.read_snapshot(wiring.audit)
    violations = sum(finding.violations for finding in findings)
    if as_json:
        show_json({"violations": violations, "findings": [asdict(found) for found in findings]})
        return violations == 0
    rows = [(found.violations, found.checked, found.id, found.title) for found in findings]
    show_table(("violations", "checked", "id", "invariant"), rows)
    for found in findings:
        for example in found.examples:
            show_line(f"violated {found.id}: {example}")
    if violations:
        say(f"{violations} violations. Stop writing to this database and keep a copy of it.")
    else:
        say(f"All {len(findings)} invariants hold.")
    return violations == 0


def _all_organizations(conn: Connection) -> list[OrganizationDocument]:
    page = list_organizations(conn, limit=LIMIT_MAX)
    found = page.items
    while page.next_after is not None:
        page = list_organizations(conn, after=page.next_after, limit=LIMIT_MAX)
        found += page.items
    return found
