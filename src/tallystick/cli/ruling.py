"""What the commands about rules do: look at them, change them, carry them in and out."""

import hashlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar
from uuid import UUID

from sqlalchemy import Connection

from tallystick.cli import browsing, opened, rule_files
from tallystick.cli.output import plain, say, show_json, show_line, show_table
from tallystick.cli.rule_files import Sheet
from tallystick.kernel import clock, ids, rows
from tallystick.kernel.actor import OPERATOR, Act
from tallystick.kernel.errors import Invalid, Refusal, Refused, shown
from tallystick.kernel.idempotency import Answer
from tallystick.kernel.paging import LIMIT_MAX
from tallystick.parties.models import CUSTOMERS
from tallystick.parties.organizations import OrganizationDocument, find_organization
from tallystick.rules import managing, queries
from tallystick.rules.importing import Imported, ImportRules, check_rules, import_rules
from tallystick.rules.managing import ChangeRule, CreateRule, EnableRule, RemoveRule
from tallystick.rules.models import RULES
from tallystick.rules.queries import FiringFilter, RuleDocument
from tallystick.web.api.shapes.rules import shown_firing

COLUMNS: Final = ("priority", "enabled", "name", "id", "sentence")
LOG: Final = ("at", "payment", "invoice", "rule", "version", "action", "outcome", "amount")

T = TypeVar("T")


def show_list(slug: str, *, as_json: bool) -> None:
    """List the rules of an organization, in the order in which they come."""
    with opened.database() as database:
        found = database.read(lambda conn: queries.standing(conn, _place(conn, slug)))
    if as_json:
        show_json(found)
        return
    show_table(COLUMNS, [[plain(dict(rule)[name]) for name in COLUMNS] for rule in found])
    if not found:
        say("There are no rules yet. `tallystick rules add` makes one.")


def show_one(slug: str, name: str, *, as_json: bool) -> None:
    """Show a rule, as `change` takes it."""

    def read(conn: Connection) -> tuple[RuleDocument, dict[str, str]]:
        place = _place(conn, slug)
        rule = queries.get_rule(conn, place, find_rule(conn, place, name))
        return rule, _references(conn, place, [rule])

    with opened.database() as database:
        rule, references = database.read(read)
    if as_json:
        show_json(rule)
        return
    say(f"Rule {rule['id']}, version {rule['version']}, as it is since {rule['updated_at']}.")
    sys.stdout.write(rule_files.write_one(rule, references))


def show_history(slug: str, name: str, *, as_json: bool) -> None:
    """List what a rule was, the newest first; one that was removed is named by its id."""

    def read(conn: Connection) -> list[dict[str, Any]]:
        place = _place(conn, slug)
        return queries.history(conn, place, find_rule(conn, place, name))

    with opened.database() as database:
        found = database.read(read)
    if as_json:
        show_json(found)
        return
    head = ("version", "at", "enabled", "name", "sentence")
    show_table(head, [[plain(each[column]) for column in head] for each in found])


def show_log(
    slug: str,
    *,
    rule: str | None,
    payment_id: UUID | None,
    invoice: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List what rules did, the newest first, and why they could not."""

    def read(conn: Connection) -> tuple[list[dict[str, Any]], dict[str, str]]:
        organization = find_organization(conn, slug)
        place = UUID(organization["id"])
        wanted = FiringFilter(
            None if rule is None else find_rule(conn, place, rule),
            payment_id,
            None if invoice is None else browsing.find_invoice(conn, organization, invoice),
        )
        named = rows.find(conn, [RULES.c.organization_id], [(place,)])
        names = {str(each.id): each.name for each in named}
        return _firings(conn, organization, wanted, limit), names

    with opened.database() as database:
        found, names = database.read(read)
    if as_json:
        show_json(found)
        return
    lines = [
        [
            *(firing["at"], firing["payment_id"] or "-", firing["invoice_id"] or "-"),
            *(plain(names[firing["rule_id"]]), firing["rule_version"]),
            *(result["action"], result["outcome"], result["amount"] or "-"),
            plain(result["detail"]),
        ]
        for firing in found
        for result in firing["results"]
    ]
    show_table((*LOG, "reason"), lines)
    if not found:
        say("No rule did anything of this kind yet.")


def add(slug: str, path: Path, *, as_json: bool) -> None:
    """Make the rule of a file, and print its id."""
    sheet = rule_files.read(path, single=True)

    def made(conn: Connection) -> RuleDocument:
        organization = find_organization(conn, slug)
        [content] = sheet.contents(conn, organization)
        command = CreateRule(_act(organization, "rules add"), content)
        return _done(managing.create_rules(conn, [command]), sheet)

    with opened.database() as database:
        rule = database.write(made)
    say(f"The rule {shown(rule['name'])} is made. {plain(rule['sentence'])}")
    if as_json:
        show_json(rule)
    else:
        show_line(rule["id"])


def change(slug: str, name: str, path: Path, *, as_json: bool) -> None:
    """Put the rule of a file in the place of a rule."""
    sheet = rule_files.read(path, single=True)

    def changed(conn: Connection, organization: OrganizationDocument, rule_id: UUID) -> Any:
        [content] = sheet.contents(conn, organization)
        command = ChangeRule(_act(organization, "rules change"), rule_id, None, content)
        return _done(managing.change_rules(conn, [command]), sheet)

    _do(slug, name, changed, "has version {version}. {sentence}", as_json=as_json)


def enable(slug: str, name: str, *, enabled: bool, as_json: bool) -> None:
    """Switch a rule on or off."""

    def switched(conn: Connection, organization: OrganizationDocument, rule_id: UUID) -> Any:
        command = EnableRule(_act(organization, "rules enable"), rule_id, enabled=enabled)
        return _done(managing.enable_rules(conn, [command]))

    words = "is switched on." if enabled else "is switched off. What it did stays."
    _do(slug, name, switched, words, as_json=as_json)


def remove(slug: str, name: str) -> None:
    """Remove a rule."""

    def removed(conn: Connection, organization: OrganizationDocument, rule_id: UUID) -> Any:
        command = RemoveRule(_act(organization, "rules remove"), rule_id)
        return _done(managing.remove_rules(conn, [command]))

    _do(slug, name, removed, "is removed. Its history and what it did stay.", as_json=False)


def export(slug: str) -> None:
    """Write all rules of an organization as one YAML document."""

    def read(conn: Connection) -> str:
        organization = find_organization(conn, slug)
        place = UUID(organization["id"])
        found = queries.standing(conn, place)
        return rule_files.write(found, _references(conn, place, found), organization["currency"])

    with opened.database() as database:
        text = database.read(read)
    sys.stdout.write(text)


def take_over(slug: str, path: Path, *, as_json: bool) -> None:
    """Add the rules of a file and change those that differ, all of them or none."""
    sheet = rule_files.read(path, single=False)

    def imported(conn: Connection) -> Imported:
        organization = find_organization(conn, slug)
        contents = sheet.contents(conn, organization)
        act = _act(organization, "rules import")
        for index, refusal in enumerate(check_rules(conn, act, contents)):
            if refusal is not None:
                sheet.faults.append((f"/rules/{index}{refusal.pointer}", refusal.detail))
        sheet.end()
        return _done(import_rules(conn, [ImportRules(act, tuple(contents))]))

    with opened.database() as database:
        done = database.write(imported)
    if as_json:
        show_json(done)
        return
    became = [("added", done["added"]), ("changed", done["changed"])]
    became.append(("unchanged", done["unchanged"]))
    for what, names in became:
        for name in names:
            show_line(f"{what.ljust(9)}  {plain(name)}")
    say(f"{', '.join(f'{len(names)} {what}' for what, names in became)}.")


def find_rule(conn: Connection, organization_id: UUID, name: str) -> UUID:
    """Find the id of a rule that stands by its exact name, or take what is an id already.

    Raises:
        Refused: rule.unknown, also for a name that several have.
    """
    standing = queries.standing(conn, organization_id)
    named = [rule["id"] for rule in standing if rule["name"] == name]
    if len(named) > 1:
        message = f"{len(named)} rules are called {shown(name)}. Name one by its id."
        raise Refused("rule.unknown", f"{message} They are {', '.join(named)}.")
    try:
        return UUID(named[0]) if named else UUID(name)
    except ValueError:
        raise queries.unknown(name) from None


def _do(
    slug: str,
    name: str,
    work: Callable[[Connection, OrganizationDocument, UUID], RuleDocument],
    words: str,
    *,
    as_json: bool,
) -> None:
    """Do something with one rule, and say what became of it."""

    def done(conn: Connection) -> RuleDocument:
        organization = find_organization(conn, slug)
        return work(conn, organization, find_rule(conn, UUID(organization["id"]), name))

    with opened.database() as database:
        rule = database.write(done)
    said = words.format_map({key: plain(value) for key, value in rule.items()})
    say(f"The rule {shown(rule['name'])} {said}")
    if as_json:
        show_json(rule)


def _done(answers: Sequence[Answer[T]], sheet: Sheet | None = None) -> T:
    [answer] = answers
    refusal = answer.outcome
    if not isinstance(refusal, Refusal):
        return refusal
    if sheet is not None and refusal.code == "rule.malformed":
        sheet.faults.append((refusal.pointer, refusal.detail))
        sheet.end()
    kind = Invalid if refusal.code == "rule.malformed" else Refused
    raise kind(refusal.code, refusal.detail)


def _firings(
    conn: Connection, organization: OrganizationDocument, wanted: FiringFilter, limit: int
) -> list[dict[str, Any]]:
    place, after = UUID(organization["id"]), None
    found: list[dict[str, Any]] = []
    while len(found) < limit:
        size = min(LIMIT_MAX, limit - len(found))
        page = queries.list_firings(conn, place, wanted, after=after, limit=size)
        found += [shown_firing(each, organization["currency"]) for each in page.items]
        after = page.next_after
        if after is None:
            break
    return found


def _references(
    conn: Connection, organization_id: UUID, rules: Sequence[RuleDocument]
) -> dict[str, str]:
    """Read the external references of the customers that rules are about, by id."""
    about = {UUID(rule["customer_id"]) for rule in rules if rule["customer_id"] is not None}
    columns = [CUSTOMERS.c.organization_id, CUSTOMERS.c.id]
    found = rows.find(conn, columns, [(organization_id, each) for each in about])
    return {str(row.id): row.external_reference for row in found if row.external_reference}


def _place(conn: Connection, slug: str) -> UUID:
    return UUID(find_organization(conn, slug)["id"])


def _act(organization: OrganizationDocument, command: str) -> Act:
    return Act(
        actor=OPERATOR,
        organization_id=UUID(organization["id"]),
        at=clock.now(),
        key=f"cli:{ids.new()}",
        fingerprint=hashlib.sha256(command.encode()).hexdigest(),
    )
