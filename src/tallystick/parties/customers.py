"""Customers: make, read, list, change, deactivate, reactivate, erase.

Erasing removes personal data here; issued documents keep the copy that the law asks the
organization to keep.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict
from uuid import UUID

from sqlalchemy import Connection, Row, select

from tallystick.kernel import alias_numbers, clock, events, idempotency, ids, paging, rows, versions
from tallystick.kernel.actor import Act
from tallystick.kernel.errors import Invalid, Refused, shown
from tallystick.kernel.idempotency import Answer, each
from tallystick.kernel.searching import contains
from tallystick.parties import organizations
from tallystick.parties.emails import email_key, is_email
from tallystick.parties.models import CUSTOMERS, ORGANIZATIONS

CustomerKind = Literal["student", "individual", "corporate"]
ERASED_NAME = "(erased)"
PERSONAL: dict[str, Any] = {
    "name": ERASED_NAME,
    "given_name": None,
    "family_name": None,
    "email": None,
    "phone": None,
    "address": {},
    "tax_id": None,
    "external_reference": None,
}
"""What erasing puts in place of personal data."""
CHANGEABLE = frozenset({*PERSONAL, "kind", "language", "payment_tolerance"})


class CustomerDocument(TypedDict):
    """A customer as its readers see it."""

    id: str
    kind: str
    name: str
    given_name: str | None
    family_name: str | None
    email: str | None
    phone: str | None
    address: dict[str, str]
    tax_id: str | None
    language: str | None
    external_reference: str | None
    payment_tolerance: int | None
    active: bool
    erased_at: str | None
    version: int
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True)
class CreateCustomer:
    """A new payer."""

    act: Act
    kind: CustomerKind
    name: str
    given_name: str | None
    family_name: str | None
    email: str | None
    phone: str | None
    address: dict[str, str]
    tax_id: str | None
    language: str | None
    external_reference: str | None
    payment_tolerance: int | None = None


@dataclass(frozen=True, slots=True)
class ChangeCustomer:
    """Change the named members, if the customer still has this version."""

    act: Act
    customer_id: UUID
    version: int | None
    changes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class SetCustomerActive:
    """Deactivate or reactivate a customer."""

    act: Act
    customer_id: UUID
    active: bool


@dataclass(frozen=True, slots=True)
class EraseCustomer:
    """Erase the personal data of a customer, for good."""

    act: Act
    customer_id: UUID


def create_customers(
    conn: Connection, commands: Sequence[CreateCustomer]
) -> list[Answer[CustomerDocument]]:
    """Make customers.

    Refuses:
        organization.inactive
        customer.email_malformed
        customer.reference_taken: an external reference names one customer of an organization.
    """
    return each(conn, commands, _create)


def _create(conn: Connection, command: CreateCustomer) -> CustomerDocument:
    act = command.act
    writable(conn, act.organization_id)
    row = laid_out(command)
    _check(conn, act.organization_id, row["id"], {name: row[name] for name in CHANGEABLE})
    conn.execute(CUSTOMERS.insert(), row)
    return _told(conn, act, "customer.created", row["id"], {}, shown_of(row))


def laid_out(command: CreateCustomer) -> dict[str, Any]:
    """Lay out the row of a new customer."""
    values: dict[str, Any] = {name: getattr(command, name) for name in CHANGEABLE}
    return values | {
        "email_key": _key(command.email),
        "organization_id": command.act.organization_id,
        "id": ids.new(),
        "active": True,
        "version": 1,
        "created_at": command.act.at,
        "updated_at": command.act.at,
        "erased_at": None,
    }


def shown_of(row: dict[str, Any]) -> dict[str, Any]:
    """Give what the event of a new customer tells of them."""
    return {name: row[name] for name in CHANGEABLE if row[name]}


def change_customers(
    conn: Connection, commands: Sequence[ChangeCustomer]
) -> list[Answer[CustomerDocument]]:
    """Change customers; documents issued before keep their copy.

    Refuses:
        customer.unknown, customer.erased, organization.inactive
        precondition.stale: somebody changed the customer meanwhile.
        customer.email_malformed, customer.reference_taken
    """
    lock_all(conn, commands)
    return each(conn, commands, _change)


def _change(conn: Connection, command: ChangeCustomer) -> CustomerDocument:
    row = _locked(conn, command.act, command.customer_id)
    versions.check(row.version, command.version)
    if row.erased_at is not None:
        raise _erased(row.id)
    _check(conn, row.organization_id, row.id, command.changes)
    return _update(conn, command.act, row, command.changes, "customer.changed")


def set_customers_active(
    conn: Connection, commands: Sequence[SetCustomerActive]
) -> list[Answer[CustomerDocument]]:
    """Deactivate or reactivate customers; an inactive one gets no new invoice, and still may pay.

    Refuses:
        customer.unknown, organization.inactive
        customer.active_already, customer.inactive_already
        customer.erased: an erased customer stays inactive.
    """
    lock_all(conn, commands)
    return each(conn, commands, _set_active)


def _set_active(conn: Connection, command: SetCustomerActive) -> CustomerDocument:
    row = _locked(conn, command.act, command.customer_id)
    if row.erased_at is not None and command.active:
        raise _erased(row.id)
    if row.active and command.active:
        raise Refused("customer.active_already", "This customer is active already.")
    if not row.active and not command.active:
        raise Refused("customer.inactive_already", "This customer is inactive already.")
    kind = "customer.reactivated" if command.active else "customer.deactivated"
    return _update(conn, command.act, row, {"active": command.active}, kind)


def erase(conn: Connection, command: EraseCustomer) -> CustomerDocument:
    """Erase the personal data of one customer and deactivate them. Doing so twice changes nothing.

    What was answered and what was told of the changes of the customer is emptied too.

    Refuses:
        customer.unknown, organization.inactive
    """
    row = _locked(conn, command.act, command.customer_id)
    if row.erased_at is not None:
        return document(row)
    changes = {**PERSONAL, "active": False, "erased_at": command.act.at}
    erased = _update(conn, command.act, row, changes, "customer.erased")
    alias_numbers.forget_key(conn, row.organization_id, row.id)
    events.forget_changes(conn, row.organization_id, row.id)
    quoting = events.keys_of(conn, row.organization_id, [row.id])
    # The answer of an import names nobody, and says what was left out of it.
    idempotency.rewrite(
        conn,
        row.organization_id,
        quoting,
        lambda answered: answered if "made" in answered else erased,
    )
    return erased


def get_customer(conn: Connection, organization_id: UUID, customer_id: UUID) -> CustomerDocument:
    """Read one customer, or refuse with customer.unknown."""
    statement = select(CUSTOMERS).where(
        CUSTOMERS.c.organization_id == organization_id, CUSTOMERS.c.id == customer_id
    )
    found = conn.execute(statement).first()
    if found is None:
        raise unknown(customer_id)
    return document(found)


def list_customers(
    conn: Connection,
    organization_id: UUID,
    *,
    active: bool | None = None,
    kind: CustomerKind | None = None,
    email: str | None = None,
    external_reference: str | None = None,
    q: str | None = None,
    after: UUID | None = None,
    limit: int = paging.LIMIT_DEFAULT,
) -> paging.Page[CustomerDocument]:
    """List the customers of an organization, newest first."""
    same = {"active": active, "kind": kind, "email": email}
    wanted = {**same, "external_reference": external_reference}
    statement = select(CUSTOMERS).where(CUSTOMERS.c.organization_id == organization_id)
    for name, value in wanted.items():
        if value is not None:
            statement = statement.where(CUSTOMERS.c[name] == value)
    if q is not None:
        found = contains(CUSTOMERS.c.name, q) | contains(CUSTOMERS.c.external_reference, q)
        statement = statement.where(found)
    return paging.newest_first(
        conn, statement, CUSTOMERS.c.id, after=after, limit=limit, shape=document
    )


def unknown(customer_id: UUID) -> Refused:
    """Say that the organization has no such customer."""
    message = f"There is no customer {shown(customer_id)} in this organization."
    return Refused("customer.unknown", message)


def inactive(customer_id: UUID) -> Refused:
    """Say that a customer gets no new documents."""
    message = f"The customer {shown(customer_id)} is inactive. Reactivate them first."
    return Refused("customer.inactive", message)


def _erased(customer_id: UUID) -> Refused:
    message = (
        f"The personal data of customer {shown(customer_id)} were erased. Make a new customer."
    )
    return Refused("customer.erased", message)


def writable(conn: Connection, organization_id: UUID) -> None:
    """Refuse to write in the books of an organization that is not there or not in use.

    Refuses:
        organization.unknown, organization.inactive
    """
    statement = select(ORGANIZATIONS.c.active, ORGANIZATIONS.c.name)
    row = conn.execute(statement.where(ORGANIZATIONS.c.id == organization_id)).first()
    if row is None:
        raise organizations.unknown(organization_id)
    if not row.active:
        raise organizations.inactive(row.name)


def lock_all(
    conn: Connection,
    commands: Sequence[ChangeCustomer] | Sequence[SetCustomerActive] | Sequence[EraseCustomer],
) -> None:
    """Lock the customers of a whole batch in order, before it begins.

    Two batches that share customers cannot wait for each other in a circle then.
    """
    keys = [(command.act.organization_id, command.customer_id) for command in commands]
    rows.find(conn, [CUSTOMERS.c.organization_id, CUSTOMERS.c.id], keys, lock=True)


def _locked(conn: Connection, act: Act, customer_id: UUID) -> Row[Any]:
    writable(conn, act.organization_id)
    columns = [CUSTOMERS.c.organization_id, CUSTOMERS.c.id]
    found = rows.find(conn, columns, [(act.organization_id, customer_id)], lock=True)
    if not found:
        raise unknown(customer_id)
    return found[0]


def _check(
    conn: Connection, organization_id: UUID, customer_id: UUID, values: dict[str, Any]
) -> None:
    assert values.keys() <= CHANGEABLE, "the edge names only what may change"
    check_email(values.get("email"))
    organizations.check_tolerance(values.get("payment_tolerance"))
    reference = values.get("external_reference")
    if reference is None:
        return
    taken = select(CUSTOMERS.c.id).where(
        CUSTOMERS.c.organization_id == organization_id,
        CUSTOMERS.c.external_reference == reference,
        CUSTOMERS.c.id != customer_id,
    )
    if conn.execute(taken).first():
        raise reference_taken()


def check_email(email: str | None) -> None:
    """Refuse what cannot be an e-mail address.

    Refuses:
        customer.email_malformed
    """
    if email is not None and not is_email(email):
        # The value is left out: a refusal is kept under its key, and a person may be erased.
        message = "This is not an e-mail address in ASCII. Use one such as name@example.com."
        raise Invalid("customer.email_malformed", message, pointer="/email")


def _key(email: str | None) -> str | None:
    return None if email is None else email_key(email)


def reference_taken() -> Refused:
    """Say that an external reference names another customer."""
    message = "Another customer of this organization has this external reference."
    return Refused("customer.reference_taken", message, pointer="/external_reference")


def _update(
    conn: Connection, act: Act, row: Row[Any], changes: dict[str, Any], kind: str
) -> CustomerDocument:
    statement = CUSTOMERS.update().where(
        CUSTOMERS.c.organization_id == row.organization_id, CUSTOMERS.c.id == row.id
    )
    keyed = {"email_key": _key(changes["email"])} if "email" in changes else {}
    values = {**changes, **keyed, "version": row.version + 1, "updated_at": act.at}
    conn.execute(statement, values)
    after = {name: value for name, value in changes.items() if name != "erased_at"}
    return _told(conn, act, kind, row.id, {name: getattr(row, name) for name in after}, after)


def _told(
    conn: Connection, act: Act, kind: str, customer_id: UUID, *changed: dict[str, Any]
) -> CustomerDocument:
    writes = rows.Writes()
    before, after = changed
    told = {"customer_id": str(customer_id)}
    events.emit(writes, act, kind, customer_id, told, before=before, after=after)
    writes.flush(conn)
    return get_customer(conn, act.organization_id, customer_id)


def document(row: Row[Any]) -> CustomerDocument:
    """Shape a customer for its readers."""
    return {
        "id": str(row.id),
        "kind": row.kind,
        "name": row.name,
        "given_name": row.given_name,
        "family_name": row.family_name,
        "email": row.email,
        "phone": row.phone,
        "address": row.address,
        "tax_id": row.tax_id,
        "language": row.language,
        "external_reference": row.external_reference,
        "payment_tolerance": row.payment_tolerance,
        "active": row.active,
        "erased_at": None if row.erased_at is None else clock.text(row.erased_at),
        "version": row.version,
        "created_at": clock.text(row.created_at),
        "updated_at": clock.text(row.updated_at),
    }
