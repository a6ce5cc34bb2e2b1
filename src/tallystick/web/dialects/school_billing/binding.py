"""Core and number in one transaction, where contract 004 says that a name is unique.

Each function is a use case: it holds the block of the kind first, then lets the core do its part.
What the contract refuses takes back what the core did.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar
from uuid import UUID

from sqlalchemy import Connection

from tallystick.invoices import across as invoices
from tallystick.invoices.currency import ChangeCurrency, change_currencies
from tallystick.invoices.erasing import erase_customers
from tallystick.invoices.issuing import IssueNew, issue_new
from tallystick.invoices.queries import InvoiceDocument
from tallystick.kernel.actor import Act
from tallystick.kernel.alias_numbers import Block, together
from tallystick.kernel.errors import Refusal, Refused
from tallystick.kernel.idempotency import Answer
from tallystick.parties import across as parties
from tallystick.parties import organizations
from tallystick.parties.customers import (
    ChangeCustomer,
    CreateCustomer,
    CustomerDocument,
    EraseCustomer,
    change_customers,
    create_customers,
    get_customer,
)
from tallystick.parties.named import lock_customers
from tallystick.parties.organizations import (
    ChangeOrganization,
    CreateOrganization,
    OrganizationDocument,
    SetOrganizationActive,
    change_organizations,
    create_organizations,
    get_organization,
    set_organizations_active,
)
from tallystick.web.dialects.school_billing.numbers import (
    NAME,
    school_key,
    student_key,
    wanted_school,
    wanted_student,
)

T = TypeVar("T")

TAKEN: Final = "dialect.name_taken"
BUSY: Final = "dialect.still_used"
_SLUG_MAX = 40


@dataclass(frozen=True, slots=True)
class ChangeSchool:
    """Change the named members of a school."""

    act: Act
    changes: dict[str, Any]
    currency: str | None


def create_schools(
    conn: Connection, commands: Sequence[CreateOrganization]
) -> list[Answer[OrganizationDocument]]:
    """Make schools; the slug of the command is a wish. Refuses: dialect.name_taken."""
    block = Block(conn, NAME, "school")

    def work(conn: Connection, command: CreateOrganization) -> Answer[OrganizationDocument]:
        command = replace(command, slug=_free_slug(conn, command))
        answer = create_organizations(conn, [command])[0]
        if not isinstance(answer.outcome, Refusal) and not answer.replayed:
            _check_school(block, answer.outcome)
            block.give([wanted_school(answer.outcome)], command.act.at)
        return answer

    return together(conn, commands, work)


def change_schools(
    conn: Connection, commands: Sequence[ChangeSchool]
) -> list[Answer[OrganizationDocument]]:
    """Change schools. Refuses: dialect.name_taken, organization.currency_in_use, inactive."""
    block = Block(conn, NAME, "school")

    def work(conn: Connection, command: ChangeSchool) -> Answer[OrganizationDocument]:
        act = command.act
        changes = ChangeOrganization(act=act, version=None, changes=command.changes)
        answer = change_organizations(conn, [changes])[0]
        before = get_organization(conn, act.organization_id)["currency"]
        if command.currency not in {None, before} and not isinstance(answer.outcome, Refusal):
            assert command.currency is not None, "it is another one"
            second = replace(act, key=f"{act.key}/currency")
            answer = change_currencies(conn, [ChangeCurrency(second, command.currency)])[0]
        if not isinstance(answer.outcome, Refusal):
            _check_school(block, answer.outcome)
            key = school_key(answer.outcome["name"], answer.outcome["country"])
            block.rename(act.organization_id, key)
        return answer

    return together(conn, commands, work)


def close_schools(
    conn: Connection, commands: Sequence[SetOrganizationActive]
) -> list[Answer[OrganizationDocument]]:
    """Deactivate schools without students. Refuses: dialect.still_used, inactive already."""
    # Whoever makes a student holds it too, so none comes while they are counted.
    Block(conn, NAME, "student")

    def work(conn: Connection, command: SetOrganizationActive) -> Answer[OrganizationDocument]:
        answer = set_organizations_active(conn, [command])[0]
        count = parties.count_active_customers(conn, command.act.organization_id)
        if count and not isinstance(answer.outcome, Refusal):
            message = f"Cannot delete school with {count} students. Remove students first."
            raise Refused(BUSY, message)
        return answer

    return together(conn, commands, work)


def create_students(
    conn: Connection, commands: Sequence[CreateCustomer]
) -> list[Answer[CustomerDocument]]:
    """Make students. Refuses: dialect.name_taken, and as the core does."""
    block = Block(conn, NAME, "student")

    def work(conn: Connection, command: CreateCustomer) -> Answer[CustomerDocument]:
        answer = create_customers(conn, [command])[0]
        if not isinstance(answer.outcome, Refusal) and not answer.replayed:
            _check_student(block, answer.outcome)
            wanted = wanted_student(command.act.organization_id, answer.outcome)
            block.give([wanted], command.act.at)
        return answer

    return together(conn, commands, work)


def change_students(
    conn: Connection, commands: Sequence[ChangeCustomer]
) -> list[Answer[CustomerDocument]]:
    """Change students; a new first or last name makes the name that documents show."""
    block = Block(conn, NAME, "student")

    def work(conn: Connection, command: ChangeCustomer) -> Answer[CustomerDocument]:
        before = get_customer(conn, command.act.organization_id, command.customer_id)
        names = {"given_name": before["given_name"], "family_name": before["family_name"]}
        names |= {name: command.changes[name] for name in names if name in command.changes}
        changes = dict(command.changes)
        if names.keys() & changes.keys():
            changes["name"] = " ".join(name for name in names.values() if name)
        answer = change_customers(conn, [replace(command, changes=changes)])[0]
        if not isinstance(answer.outcome, Refusal) and "email" in changes:
            _check_student(block, answer.outcome)
            key = student_key(answer.outcome["email"])
            assert key is not None, "an address was given"
            block.rename(command.customer_id, key)
        return answer

    return together(conn, commands, work)


def create_invoices(
    conn: Connection, commands: Sequence[IssueNew]
) -> list[Answer[InvoiceDocument]]:
    """Issue invoices to students whom nobody removes meanwhile. Refuses: as the core does.

    Locks the students, as removing them does.
    """
    lock_customers(
        conn, [(command.act.organization_id, command.content.customer_id) for command in commands]
    )
    return issue_new(conn, commands)


def remove_students(
    conn: Connection, commands: Sequence[EraseCustomer]
) -> list[Answer[CustomerDocument]]:
    """Erase students whose invoices, if any, are void. Refuses: dialect.still_used."""
    # The whole batch first and in order: two batches must not wait for each other in a circle.
    lock_customers(
        conn, [(command.act.organization_id, command.customer_id) for command in commands]
    )

    def work(conn: Connection, command: EraseCustomer) -> Answer[CustomerDocument]:
        answer = erase_customers(conn, [command])[0]
        if invoices.has_open(conn, command.act.organization_id, command.customer_id):
            message = "Cannot delete student with invoices. Void invoices first."
            raise Refused(BUSY, message)
        return answer

    return together(conn, commands, work)


def _check_school(block: Block, document: OrganizationDocument) -> None:
    name, country = document["name"], document["country"]
    if block.holder(school_key(name, country)) not in {None, UUID(document["id"])}:
        raise Refused(TAKEN, f"School with name={name} in {country} already exists")


def _check_student(block: Block, document: CustomerDocument) -> None:
    key = student_key(document["email"])
    if key is not None and block.holder(key) not in {None, UUID(document["id"])}:
        raise Refused(TAKEN, f"Student with email={key} already exists")


def _free_slug(conn: Connection, command: CreateOrganization) -> str:
    """Derive a slug from a name, and make it another when somebody has it."""
    plain = unicodedata.normalize("NFKD", command.name).encode("ascii", "ignore").decode()
    words = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:_SLUG_MAX].strip("-")
    slug = f"{words or 'school'}-{command.country.lower()}"
    try:
        organizations.find_organization(conn, slug)
    except Refused:
        return slug
    return f"{slug}-{command.slug[-12:]}"
