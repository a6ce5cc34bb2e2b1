"""Organizations: make, read, list, change, deactivate, reactivate.

The currency of an organization changes only while nothing stands in its books, which are kept in
it; `invoices.currency` sees to that.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict
from uuid import UUID

from sqlalchemy import Connection, Row, select

from tallystick.kernel import clock, events, ids, money, paging, rows, versions
from tallystick.kernel.actor import Act
from tallystick.kernel.errors import Invalid, Refused, shown
from tallystick.kernel.idempotency import Answer, each
from tallystick.parties.models import ORGANIZATIONS

TERMS_DAYS_MAX = 3_650
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_COUNTRY = re.compile(r"[A-Z]{2}")
CHANGEABLE = frozenset(
    {"name", "country", "time_zone", "tax_id", "address", "terms_days", "payment_tolerance"}
)


class OrganizationDocument(TypedDict):
    """An organization as its readers see it."""

    id: str
    slug: str
    name: str
    country: str
    currency: str
    time_zone: str
    tax_id: str | None
    address: dict[str, str]
    terms_days: int
    payment_tolerance: int
    active: bool
    version: int
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True)
class CreateOrganization:
    """The act belongs to the platform: its organization is the nil one."""

    act: Act
    slug: str
    name: str
    country: str
    currency: str
    time_zone: str
    tax_id: str | None
    address: dict[str, str]
    terms_days: int


@dataclass(frozen=True, slots=True)
class ChangeOrganization:
    """Change the named members, if the organization still has this version."""

    act: Act
    version: int | None
    changes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class SetOrganizationActive:
    """Deactivate or reactivate an organization."""

    act: Act
    active: bool


def create_organizations(
    conn: Connection, commands: Sequence[CreateOrganization]
) -> list[Answer[OrganizationDocument]]:
    """Make organizations.

    Refuses:
        organization.slug_taken: slugs are unique on the platform.
        organization.slug_malformed, organization.country_unknown, organization.time_zone_unknown,
        organization.terms_malformed, money.currency_unknown: with the pointer to the member.
    """
    return each(conn, commands, _create)


def _create(conn: Connection, command: CreateOrganization) -> OrganizationDocument:
    if not _SLUG.fullmatch(command.slug):
        message = (
            f"The slug {shown(command.slug)} cannot stand in an address. Use 1 to 63 small "
            "letters, digits and inner hyphens."
        )
        raise Invalid("organization.slug_malformed", message, pointer="/slug")
    money.exponent(command.currency, pointer="/currency")
    values: dict[str, Any] = {
        "name": command.name,
        "country": command.country,
        "time_zone": command.time_zone,
        "tax_id": command.tax_id,
        "address": command.address,
        "terms_days": command.terms_days,
        "payment_tolerance": 0,
    }
    _check(values)
    taken = select(ORGANIZATIONS.c.id).where(ORGANIZATIONS.c.slug == command.slug)
    if conn.execute(taken).first():
        message = (
            f"An organization with the slug {shown(command.slug)} exists already. Choose another."
        )
        raise Refused("organization.slug_taken", message, pointer="/slug")
    organization_id, at = ids.new(), command.act.at
    values |= {
        "id": organization_id,
        "slug": command.slug,
        "currency": command.currency,
        "active": True,
        "version": 1,
        "created_at": at,
        "updated_at": at,
    }
    conn.execute(ORGANIZATIONS.insert(), values)
    after = {name: values[name] for name in (*sorted(CHANGEABLE), "slug", "currency")}
    _tell(conn, command.act, "organization.created", organization_id, {}, after)
    return get_organization(conn, organization_id)


def change_organizations(
    conn: Connection, commands: Sequence[ChangeOrganization]
) -> list[Answer[OrganizationDocument]]:
    """Change what an organization says of itself; documents issued before keep their copy.

    Refuses:
        precondition.stale: somebody changed it meanwhile.
        organization.inactive: reactivate it first.
        The codes of `create_organizations` for each member.
    """
    return each(conn, commands, _change)


def _change(conn: Connection, command: ChangeOrganization) -> OrganizationDocument:
    organization_id = command.act.organization_id
    row = _locked(conn, organization_id)
    versions.check(row.version, command.version)
    if not row.active:
        raise inactive(row.name)
    _check(command.changes)
    _update(conn, command.act, row, command.changes, "organization.changed")
    return get_organization(conn, organization_id)


def set_organizations_active(
    conn: Connection, commands: Sequence[SetOrganizationActive]
) -> list[Answer[OrganizationDocument]]:
    """Deactivate or reactivate organizations; an inactive one is read and never written.

    Refuses:
        organization.unknown
        organization.active_already, organization.inactive_already
    """
    return each(conn, commands, _set_active)


def _set_active(conn: Connection, command: SetOrganizationActive) -> OrganizationDocument:
    row = _locked(conn, command.act.organization_id)
    if row.active and command.active:
        raise Refused("organization.active_already", "This organization is active already.")
    if not row.active and not command.active:
        raise Refused("organization.inactive_already", "This organization is inactive already.")
    kind = "organization.reactivated" if command.active else "organization.deactivated"
    _update(conn, command.act, row, {"active": command.active}, kind)
    return get_organization(conn, row.id)


def change_currency(conn: Connection, act: Act, currency: str) -> OrganizationDocument:
    """Change the currency of an organization; the caller has found its books empty.

    Refuses:
        organization.unknown, organization.inactive, money.currency_unknown
    """
    money.exponent(currency, pointer="/currency")
    row = _locked(conn, act.organization_id)
    if not row.active:
        raise inactive(row.name)
    # An amount in the old currency means nothing in the new one.
    changes = {"currency": currency, "payment_tolerance": 0}
    _update(conn, act, row, changes, "organization.changed")
    return get_organization(conn, row.id)


def get_organization(conn: Connection, organization_id: UUID) -> OrganizationDocument:
    """Read one organization, or refuse with organization.unknown."""
    found = conn.execute(select(ORGANIZATIONS).where(ORGANIZATIONS.c.id == organization_id)).first()
    if found is None:
        raise unknown(organization_id)
    return document(found)


def find_organization(conn: Connection, slug: str) -> OrganizationDocument:
    """Read the organization with a slug, or refuse with organization.unknown."""
    found = conn.execute(select(ORGANIZATIONS).where(ORGANIZATIONS.c.slug == slug)).first()
    if found is None:
        raise unknown(slug)
    return document(found)


def list_organizations(
    conn: Connection,
    *,
    only: Collection[UUID] | None = None,
    active: bool | None = None,
    after: UUID | None = None,
    limit: int = paging.LIMIT_DEFAULT,
) -> paging.Page[OrganizationDocument]:
    """List organizations, newest first: all of them, or only those that an actor may see."""
    statement = select(ORGANIZATIONS)
    if only is not None:
        statement = statement.where(ORGANIZATIONS.c.id.in_(only))
    if active is not None:
        statement = statement.where(ORGANIZATIONS.c.active == active)
    return paging.newest_first(
        conn, statement, ORGANIZATIONS.c.id, after=after, limit=limit, shape=document
    )


def unknown(name: UUID | str) -> Refused:
    """Say that there is no such organization, to whoever may not see it too."""
    return Refused("organization.unknown", f"There is no organization {shown(name)}.")


def inactive(name: str) -> Refused:
    """Say that an organization does not work at present."""
    message = f"The organization {shown(name)} is inactive, so nothing can be written in its books."
    return Refused("organization.inactive", message)


def _locked(conn: Connection, organization_id: UUID) -> Row[Any]:
    found = rows.find(conn, [ORGANIZATIONS.c.id], [(organization_id,)], lock=True)
    if not found:
        raise unknown(organization_id)
    return found[0]


def _update(conn: Connection, act: Act, row: Row[Any], changes: dict[str, Any], kind: str) -> None:
    conn.execute(
        ORGANIZATIONS.update().where(ORGANIZATIONS.c.id == row.id),
        {**changes, "version": row.version + 1, "updated_at": act.at},
    )
    _tell(conn, act, kind, row.id, {name: getattr(row, name) for name in changes}, changes)


def _tell(
    conn: Connection, act: Act, kind: str, organization_id: UUID, *changed: dict[str, Any]
) -> None:
    writes = rows.Writes()
    before, after = changed
    told = {"organization_id": str(organization_id)}
    events.emit(writes, act, kind, organization_id, told, before=before, after=after)
    writes.flush(conn)


def _check(values: dict[str, Any]) -> None:
    assert values.keys() <= CHANGEABLE, "the edge names only what may change"
    country, zone, terms = (values.get(name) for name in ("country", "time_zone", "terms_days"))
    if country is not None and not _COUNTRY.fullmatch(country):
        message = f"The country {shown(country)} is not two capital letters (ISO 3166), such as DE."
        raise Invalid("organization.country_unknown", message, pointer="/country")
    if zone is not None and zone not in clock.zones():
        message = f"The time zone {shown(zone)} is unknown. Use a name such as Europe/Madrid."
        raise Invalid("organization.time_zone_unknown", message, pointer="/time_zone")
    check_tolerance(values.get("payment_tolerance"))
    if terms is not None and not 0 <= terms <= TERMS_DAYS_MAX:
        message = f"Terms of {shown(terms)} days are not possible. Use 0 to {TERMS_DAYS_MAX}."
        raise Invalid("organization.terms_malformed", message, pointer="/terms_days")


def check_tolerance(amount: int | None) -> None:
    """Refuse a tolerance below 0, in minor units.

    Refuses:
        tolerance.negative
    """
    if amount is not None and amount < 0:
        message = "A tolerance is 0 or more. With 0, no rest is written off."
        raise Invalid("tolerance.negative", message, pointer="/payment_tolerance")


def document(row: Row[Any]) -> OrganizationDocument:
    """Shape an organization for its readers."""
    return {
        "id": str(row.id),
        "slug": row.slug,
        "name": row.name,
        "country": row.country,
        "currency": row.currency,
        "time_zone": row.time_zone,
        "tax_id": row.tax_id,
        "address": row.address,
        "terms_days": row.terms_days,
        "payment_tolerance": row.payment_tolerance or 0,
        "active": row.active,
        "version": row.version,
        "created_at": clock.text(row.created_at),
        "updated_at": clock.text(row.updated_at),
    }
