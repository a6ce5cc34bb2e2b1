"""From the numbers of contract 004 to our objects and back."""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Final, Literal
from uuid import UUID

from tallystick.invoices.across import IssuedInvoice
from tallystick.kernel import alias_numbers, ids
from tallystick.kernel.alias_numbers import Alias, Wanted
from tallystick.parties import across as parties
from tallystick.parties.customers import CustomerDocument
from tallystick.parties.emails import email_key
from tallystick.parties.organizations import OrganizationDocument, get_organization
from tallystick.web.dialects.calling import DialectCall
from tallystick.web.dialects.routing import Said

NAME: Final = "school-billing"
Kind = Literal["school", "student", "invoice", "payment", "replaced"]
_WORDS: Final = {"school": "School", "student": "Student", "invoice": "Invoice"}


def unknown(kind: Kind, number: int) -> Said:
    """Say that nothing has this number."""
    return Said(404, f"{_WORDS[kind]} with id {number} not found")


async def found(call: DialectCall, kind: Kind, number: int) -> Alias:
    """Find the object behind a number, or say that there is none."""
    alias = await call.found(kind, number)
    if alias is None:
        raise unknown(kind, number)
    return alias


def school_key(name: str, country: str) -> str:
    """Make the natural key of a school, of one length for names of any."""
    return hashlib.sha256(f"{country}\n{name}".encode()).hexdigest()


def student_key(email: str | None) -> str | None:
    """Make the natural key of a student."""
    return None if email is None else email_key(email)


def wanted_school(document: OrganizationDocument) -> Wanted:
    """Ask for the number of a school."""
    organization_id = UUID(document["id"])
    key = school_key(document["name"], document["country"])
    return Wanted(organization_id, organization_id, key)


def wanted_student(organization_id: UUID, document: CustomerDocument) -> Wanted:
    """Ask for the number of a student."""
    key = student_key(document["email"])
    return Wanted(organization_id, UUID(document["id"]), key)


def part_id(payment_id: UUID | str, invoice_id: UUID | str) -> UUID:
    """Name what a payment gives to one invoice: the contract's payment."""
    return ids.derived(UUID(str(payment_id)), str(invoice_id))


async def given(call: DialectCall, kind: Kind, wanted: Wanted) -> Alias:
    """Give the number of what a command made, also when that has been replaced meanwhile."""
    if call.replayed:
        moved = await call.read(
            lambda conn: alias_numbers.by_object(conn, NAME, "replaced", [wanted.object_id])
        )
        if moved:
            alias = moved[wanted.object_id]
            return replace(alias, number=alias.facts["number"], facts=wanted.facts)
    return (await call.numbered(kind, [wanted]))[wanted.object_id]


async def schools(call: DialectCall, organization_ids: Collection[UUID]) -> dict[UUID, int]:
    """Give the numbers of schools."""
    known = await call.read(
        lambda conn: alias_numbers.by_object(conn, NAME, "school", organization_ids)
    )
    new = set(organization_ids) - known.keys()
    if new:
        documents = await call.read(lambda conn: [get_organization(conn, each) for each in new])
        wanted = [wanted_school(document) for document in documents]
        known |= await call.numbered("school", wanted)
    return {object_id: alias.number for object_id, alias in known.items()}


async def students(call: DialectCall, keys: Collection[tuple[UUID, UUID]]) -> dict[UUID, int]:
    """Give the numbers of students, named by organization and id."""
    customer_ids = {customer_id for _, customer_id in keys}
    known = await call.read(
        lambda conn: alias_numbers.by_object(conn, NAME, "student", customer_ids)
    )
    new = {key for key in keys if key[1] not in known}
    if new:
        documents = await call.read(lambda conn: parties.find_customers(conn, new))
        wanted = [wanted_student(place, documents[customer_id]) for place, customer_id in new]
        known |= await call.numbered("student", wanted)
    return {object_id: alias.number for object_id, alias in known.items()}


async def invoices(
    call: DialectCall, documents: Iterable[IssuedInvoice]
) -> tuple[dict[UUID, Alias], dict[UUID, int]]:
    """Give the numbers of invoices, and of the students whose invoices they are."""
    documents = list(documents)
    places = {(UUID(each["organization_id"]), UUID(each["id"])) for each in documents}
    numbered = await call.numbered("invoice", [Wanted(*place) for place in sorted(places)])
    theirs = {(UUID(each["organization_id"]), UUID(each["customer_id"])) for each in documents}
    return numbered, await students(call, theirs)
