"""Organizations: make, read, list, change, deactivate, reactivate; and everything refused."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from tallystick.invoices.erasing import erase_customers
from tallystick.kernel import ids
from tallystick.kernel.errors import Refusal, Refused
from tallystick.parties import organizations
from tallystick.parties.customers import (
    ChangeCustomer,
    EraseCustomer,
    SetCustomerActive,
    change_customers,
    create_customers,
    set_customers_active,
)
from tallystick.parties.organizations import (
    ChangeOrganization,
    SetOrganizationActive,
    change_organizations,
    create_organizations,
    set_organizations_active,
)
from tests.factories import Books, Opening

MALFORMED: list[tuple[str, Any, str]] = [
    *[
        ("slug", slug, "organization.slug_malformed")
        for slug in ("", "-a", "a-", "A", "a b", "a_b", "é", "a" * 64, "a\n", "a.b")
    ],
    *[
        ("country", country, "organization.country_unknown")
        for country in ("", "de", "D", "DEU", "D1", "ÄÖ", "DE\n")
    ],
    *[
        ("time_zone", zone, "organization.time_zone_unknown")
        for zone in ("", "Europe/Nowhere", "europe/berlin", "+01:00", "../UTC", "Europe/Berlin\n")
    ],
    *[("terms_days", days, "organization.terms_malformed") for days in (-1, 3_651, 10**20)],
    *[("currency", code, "money.currency_unknown") for code in ("", "eur", "EURO", "XXX", "EUR\n")],
]


def test_a_new_organization(open_books: Opening) -> None:
    command = open_books.command(slug=f"a-{ids.new().hex}", tax_id=None, address={})
    made = open_books(**{name: getattr(command, name) for name in ("slug", "tax_id", "address")})
    found = made.organization
    assert UUID(found["id"]).version == 7
    assert found == {
        "id": found["id"],
        "slug": command.slug,
        "name": "North School",
        "country": "DE",
        "currency": "EUR",
        "time_zone": "Europe/Berlin",
        "tax_id": None,
        "address": {},
        "terms_days": 30,
        "payment_tolerance": 0,
        "active": True,
        "version": 1,
        "created_at": "2026-03-02T09:00:01.000000Z",
        "updated_at": "2026-03-02T09:00:01.000000Z",
    }
    read = made.read(organizations.get_organization)
    by_slug = made.database.read(lambda conn: organizations.find_organization(conn, command.slug))
    assert read == by_slug == found


def test_the_limits_of_slug_and_terms(open_books: Opening) -> None:
    unique = ids.new().hex
    for slug, terms in ((unique[-5:], 0), (f"a--{unique}", 3_650), (unique + "a" * 31, 1)):
        made = open_books(slug=slug, terms_days=terms).organization
        assert (made["slug"], made["terms_days"]) == (slug, terms)


def test_malformed_members_are_refused(books: Books, open_books: Opening) -> None:
    commands = [open_books.command(**{name: value}) for name, value, _ in MALFORMED]
    refusals = books.refusals(create_organizations, *commands)
    assert [(each.code, each.pointer) for each in refusals] == [
        (code, f"/{name}") for name, _, code in MALFORMED
    ]


def test_a_slug_is_taken_once(books: Books, open_books: Opening) -> None:
    command = open_books.command(slug=books.organization["slug"])
    refusal = books.refused(create_organizations, command)
    assert (refusal.code, refusal.pointer) == ("organization.slug_taken", "/slug")


def test_a_slug_twice_in_a_batch_is_taken_once(books: Books, open_books: Opening) -> None:
    slug = f"a-{ids.new().hex}"
    commands = [open_books.command(slug=slug) for _ in range(2)]
    first, second = books.answers(create_organizations, *commands)
    assert not isinstance(first.outcome, Refusal)
    assert isinstance(second.outcome, Refusal)
    assert second.outcome.code == "organization.slug_taken"


def test_a_change(books: Books) -> None:
    changes = {"name": "South", "time_zone": "Asia/Tokyo", "address": {"city": "X"}, "tax_id": None}
    act = books.act()
    changed = books.done(change_organizations, ChangeOrganization(act, 1, changes))
    assert changed == {
        **books.organization,
        **changes,
        "version": 2,
        "updated_at": "2026-03-02T09:00:01.000000Z",
    }
    [row] = books.snapshot()["event"][1]
    assert (row["type"], row["payload"]) == (
        "organization.changed",
        {"organization_id": books.organization["id"]},
    )
    [change] = books.snapshot()["event_change"][1]
    told = {
        name: value for name, value in changes.items() if value != dict(books.organization)[name]
    }
    assert change["after"] == told
    assert change["before"] == {name: dict(books.organization)[name] for name in told}


def test_a_malformed_change_is_refused(books: Books) -> None:
    malformed = [each for each in MALFORMED if each[0] in organizations.CHANGEABLE]
    commands = [
        ChangeOrganization(books.act(), 1, {"name": "x", name: value})
        for name, value, _ in malformed
    ]
    refusals = books.refusals(change_organizations, *commands)
    assert [(each.code, each.pointer) for each in refusals] == [
        (code, f"/{name}") for name, _, code in malformed
    ]


def test_a_stale_change_is_refused(books: Books) -> None:
    commands = [ChangeOrganization(books.act(), seen, {"name": "South"}) for seen in (0, 2)]
    refusals = books.refusals(change_organizations, *commands)
    assert [(each.code, each.facts) for each in refusals] == [
        ("precondition.stale", {"version": 1})
    ] * 2


def test_the_second_of_two_changes_of_one_version_is_refused(books: Books) -> None:
    commands = [ChangeOrganization(books.act(), 1, {"name": name}) for name in ("One", "Two")]
    first, second = books.answers(change_organizations, *commands)
    assert not isinstance(first.outcome, Refusal)
    assert isinstance(second.outcome, Refusal)
    assert second.outcome.code == "precondition.stale"
    assert books.snapshot()["organization"][1][0]["name"] == "One"


def test_the_currency_and_the_slug_never_change(books: Books) -> None:
    for name in ("currency", "slug", "active", "id", "version"):
        command = ChangeOrganization(books.act(), 1, {name: "x"})
        with pytest.raises(AssertionError, match="only what may change"):
            books.answers(change_organizations, command)


def test_an_unknown_organization_is_refused(books: Books) -> None:
    nobody = ids.new()
    change = ChangeOrganization(books.act(organization_id=nobody), 1, {"name": "x"})
    assert books.refused(change_organizations, change).code == "organization.unknown"
    off = SetOrganizationActive(books.act(organization_id=nobody), active=False)
    assert books.refused(set_organizations_active, off).code == "organization.unknown"


def test_deactivating_and_reactivating(books: Books) -> None:
    off = books.done(set_organizations_active, SetOrganizationActive(books.act(), active=False))
    assert (off["active"], off["version"]) == (False, 2)
    again = SetOrganizationActive(books.act(), active=False)
    assert books.refused(set_organizations_active, again).code == "organization.inactive_already"
    on = books.done(set_organizations_active, SetOrganizationActive(books.act(), active=True))
    assert (on["active"], on["version"]) == (True, 3)
    again = SetOrganizationActive(books.act(), active=True)
    assert books.refused(set_organizations_active, again).code == "organization.active_already"
    kinds = [row["type"] for row in sorted(books.snapshot()["event"][1], key=lambda row: row["at"])]
    assert kinds == ["organization.deactivated", "organization.reactivated"]


INACTIVE: dict[str, Callable[[Books, UUID], tuple[Any, Any]]] = {
    "change_organizations": lambda books, _id: (
        change_organizations,
        ChangeOrganization(books.act(), 2, {"name": "x"}),
    ),
    "create_customers": lambda books, _id: (create_customers, books.customer_command()),
    "change_customers": lambda books, id_: (
        change_customers,
        ChangeCustomer(books.act(), id_, 1, {"name": "x"}),
    ),
    "set_customers_active": lambda books, id_: (
        set_customers_active,
        SetCustomerActive(books.act(), id_, active=False),
    ),
    "erase_customers": lambda books, id_: (erase_customers, EraseCustomer(books.act(), id_)),
}


def test_an_inactive_organization_is_read_and_never_written(books: Books) -> None:
    customer_id = UUID(books.customer()["id"])
    books.done(set_organizations_active, SetOrganizationActive(books.act(), active=False))
    for case in INACTIVE.values():
        assert books.refused(*case(books, customer_id)).code == "organization.inactive"
    assert books.read(organizations.get_organization)["active"] is False


def test_an_organization_that_does_not_exist(books: Books) -> None:
    for look in (
        lambda conn: organizations.get_organization(conn, ids.new()),
        lambda conn: organizations.find_organization(conn, "nobody-has-this"),
    ):
        with pytest.raises(Refused) as refused:
            books.database.read(look)
        assert refused.value.refusal.code == "organization.unknown"


def test_organizations_are_listed_newest_first(books: Books, open_books: Opening) -> None:
    made = [open_books() for _ in range(3)]
    books.done(set_organizations_active, SetOrganizationActive(books.act(), active=False))
    off = SetOrganizationActive(made[1].act(), active=False)
    made[1].done(set_organizations_active, off)

    def listed(**wanted: Any) -> list[str]:
        page = books.database.read(
            lambda conn: organizations.list_organizations(conn, **{"limit": 3, **wanted})
        )
        return [item["id"] for item in page.items]

    ids_ = [each.organization["id"] for each in made]
    assert listed() == ids_[::-1]
    assert listed(active=True, limit=2) == [ids_[2], ids_[0]]
    assert listed(active=False, limit=2) == [ids_[1], books.organization["id"]]
    assert listed(only={made[0].organization_id}) == [ids_[0]]
    assert listed(only={made[1].organization_id}, active=True) == []
    assert listed(after=UUID(ids_[1]), limit=1) == [ids_[0]]
