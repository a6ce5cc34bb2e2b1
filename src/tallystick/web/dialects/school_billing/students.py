"""Students: customers as contract 004 knows them."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from tallystick.kernel.alias_numbers import Alias
from tallystick.kernel.errors import Refused
from tallystick.parties import across as parties
from tallystick.parties.customers import (
    ChangeCustomer,
    CreateCustomer,
    CustomerDocument,
    EraseCustomer,
    get_customer,
)
from tallystick.web.dialects.calling import DialectCall
from tallystick.web.dialects.declared import Call, Posted
from tallystick.web.dialects.school_billing import binding, encoding, numbers
from tallystick.web.dialects.school_billing.encoding import Shown
from tallystick.web.dialects.school_billing.lists import Listed, listed
from tallystick.web.dialects.school_billing.schools import writable_school
from tallystick.web.dialects.school_billing.shapes import (
    NewStudent,
    StudentChanges,
    StudentQuery,
)

_MEMBERS = {"first_name": "given_name", "last_name": "family_name", "email": "email"}


async def create_student(call: Posted, body: NewStudent) -> Shown:
    """Make a student of a school."""
    school = await writable_school(call, body.school_id)
    organization_id = UUID(school["id"])
    command = CreateCustomer(
        act=call.act(organization_id),
        kind="student",
        name=f"{body.first_name} {body.last_name}",
        given_name=body.first_name,
        family_name=body.last_name,
        email=body.email,
        phone=None,
        address={},
        tax_id=None,
        language=None,
        external_reference=None,
    )
    try:
        document = await call.run(binding.create_students, command)
    except Refused as refused:
        if refused.refusal.code == "organization.inactive":
            raise numbers.unknown("school", body.school_id) from None
        raise
    key = organization_id, UUID(document["id"])
    numbered = await numbers.students(call, {key})
    return encoding.student(document, numbered[key[1]], body.school_id)


async def list_students(call: Call, query: Annotated[StudentQuery, Query()]) -> Listed:
    """List students: those of one school by last and first name, or all, the oldest first."""
    places = call.places
    if query.school_id is not None:
        school = await call.found("school", query.school_id)
        places = frozenset() if school is None else frozenset({school.object_id})
    found = await call.read(
        lambda conn: parties.list_customers(
            conn,
            places,
            by_name=query.school_id is not None,
            offset=query.offset,
            limit=query.limit + 1,
        )
    )
    shown = found[: query.limit]
    own = await call.numbered(
        "student", [numbers.wanted_student(place, document) for place, document in shown]
    )
    schools = await numbers.schools(call, {place for place, _ in shown})
    items = [
        encoding.student(document, own[UUID(document["id"])].number, schools[place])
        for place, document in shown
    ]
    return listed(call, query, items, more=len(found) > query.limit)


async def get_student(call: Call, student_id: int) -> Shown:
    """Read a student."""
    alias, document = await student(call, student_id)
    return await shown_student(call, alias, document)


async def change_student(call: Call, student_id: int, body: StudentChanges) -> Shown:
    """Change a student; documents issued before keep their copy."""
    alias, _ = await student(call, student_id)
    named = body.model_dump(exclude_none=True)
    command = ChangeCustomer(
        act=call.act(alias.organization_id),
        customer_id=alias.object_id,
        version=None,
        changes={_MEMBERS[name]: value for name, value in named.items()},
    )
    return await shown_student(call, alias, await call.run(binding.change_students, command))


async def delete_student(call: Call, student_id: int) -> None:
    """Erase a student; what was issued and voided is kept."""
    alias, _ = await student(call, student_id)
    command = EraseCustomer(act=call.act(alias.organization_id), customer_id=alias.object_id)
    await call.run(binding.remove_students, command)


async def student(call: DialectCall, student_id: int) -> tuple[Alias, CustomerDocument]:
    """Find a student who was not erased."""
    alias = await numbers.found(call, "student", student_id)
    document = await call.read(
        lambda conn: get_customer(conn, alias.organization_id, alias.object_id)
    )
    if document["erased_at"] is not None and not await call.repeats(alias.organization_id):
        raise numbers.unknown("student", student_id)
    return alias, document


async def shown_student(call: DialectCall, alias: Alias, document: CustomerDocument) -> Shown:
    """Show a student with the number of their school."""
    schools = await numbers.schools(call, {alias.organization_id})
    return encoding.student(document, alias.number, schools[alias.organization_id])
