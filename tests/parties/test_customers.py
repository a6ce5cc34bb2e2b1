"""Customers: make, read, list, change, deactivate, reactivate; and everything refused."""

from typing import Any
from uuid import UUID

import pytest

from tallystick.invoices.erasing import erase_customers
from tallystick.kernel import ids
from tallystick.kernel.errors import Refusal, Refused
from tallystick.parties import customers
from tallystick.parties.customers import (
    ChangeCustomer,
    EraseCustomer,
    SetCustomerActive,
    change_customers,
    create_customers,
    set_customers_active,
)
from tests.factories import Books, Opening

NOT_EMAILS = [
    *("", "ann", "ann@", "@b.c", "a b@c.d", "a@b c", "a@@b", "a@b@c", "a\n@b", "a@b\n"),
    *("a" * 65 + "@b.c", "a@" + "b" * 190),
    # In small letters it is longer, and another, or the same as somebody's.
    *("\u0130" * 64 + "@" + "\u0130" * 180, "\u212a@b.c", "a@\u212a", "ann@\u4f8b.jp", "a\x00@b"),
]


def test_a_new_customer(books: Books) -> None:
    made = books.customer(external_reference="S-1", tax_id="T1", kind="corporate")
    assert UUID(made["id"]).version == 7
    assert made == {
        "id": made["id"],
        "kind": "corporate",
        "name": "Ann Example",
        "given_name": "Ann",
        "family_name": "Example",
        "email": "ann@example.com",
        "phone": "+49 30 123456",
        "address": {"city": "Berlin"},
        "tax_id": "T1",
        "language": "en",
        "external_reference": "S-1",
        "payment_tolerance": None,
        "active": True,
        "erased_at": None,
        "version": 1,
        "created_at": "2026-03-02T09:00:01.000000Z",
        "updated_at": "2026-03-02T09:00:01.000000Z",
    }
    assert books.read(customers.get_customer, UUID(made["id"])) == made
    [event] = books.snapshot()["event"][1]
    assert (event["type"], event["payload"]) == ("customer.created", {"customer_id": made["id"]})


def test_a_customer_may_have_nothing_but_a_name(books: Books) -> None:
    nothing = dict.fromkeys(("given_name", "family_name", "email", "phone", "tax_id", "language"))
    made = books.customer(name="名前 🎓", address={}, **nothing)
    assert (made["name"], made["email"], made["address"]) == ("名前 🎓", None, {})


def test_what_is_no_email_is_refused(books: Books) -> None:
    commands = [books.customer_command(email=email) for email in NOT_EMAILS]
    refusals = books.refusals(create_customers, *commands)
    assert [(each.code, each.pointer) for each in refusals] == [
        ("customer.email_malformed", "/email")
    ] * len(NOT_EMAILS)


def test_what_may_be_an_email_is_taken(books: Books) -> None:
    emails = ["a@b", "ann+x@sub.example.com", "ann@xn--r8jz45g.jp", "a" * 64 + "@" + "b" * 189]
    commands = [books.customer_command(email=email) for email in emails]
    assert [each["email"] for each in books.outcomes(create_customers, *commands)] == emails


def test_a_reference_names_one_customer(books: Books, open_books: Opening) -> None:
    books.customer(external_reference="S-1")
    command = books.customer_command(external_reference="S-1")
    refusal = books.refused(create_customers, command)
    assert (refusal.code, refusal.pointer) == ("customer.reference_taken", "/external_reference")
    for other in ("s-1", "S-01", "\uff33-1"):
        assert books.customer(external_reference=other)["external_reference"] == other
    assert open_books().customer(external_reference="S-1")["external_reference"] == "S-1"
    assert books.customer()["external_reference"] is None
    assert books.customer()["external_reference"] is None


def test_a_reference_twice_in_a_batch_names_the_first(books: Books) -> None:
    commands = [books.customer_command(external_reference="S-1") for _ in range(3)]
    answers = books.answers(create_customers, *commands)
    assert not isinstance(answers[0].outcome, Refusal)
    for answer in answers[1:]:
        assert isinstance(answer.outcome, Refusal)
        assert answer.outcome.code == "customer.reference_taken"
    assert len(books.snapshot()["customer"][1]) == 1


def test_an_unknown_organization_gets_no_customer(books: Books) -> None:
    command = books.customer_command(act=books.act(organization_id=ids.new()))
    assert books.refused(create_customers, command).code == "organization.unknown"


def test_a_change(books: Books) -> None:
    made = books.customer(external_reference="S-1")
    changes = {
        "kind": "individual",
        "name": "Anna",
        "given_name": None,
        "email": "anna@example.com",
        "address": {"city": "Hamburg", "lines": "1"},
        "external_reference": "S-1",
    }
    command = ChangeCustomer(books.act(), UUID(made["id"]), 1, changes)
    changed = books.done(change_customers, command)
    assert changed == {
        **made,
        **changes,
        "version": 2,
        "updated_at": "2026-03-02T09:00:02.000000Z",
    }
    change = books.snapshot()["event_change"][1][-1]
    told = {name: value for name, value in changes.items() if name != "external_reference"}
    assert (change["before"], change["after"]) == ({name: dict(made)[name] for name in told}, told)


def test_a_reference_can_be_given_up_and_taken(books: Books) -> None:
    one, two = books.customer(external_reference="S-1"), books.customer()
    take = ChangeCustomer(books.act(), UUID(two["id"]), 1, {"external_reference": "S-1"})
    assert books.refused(change_customers, take).code == "customer.reference_taken"
    give_up = ChangeCustomer(books.act(), UUID(one["id"]), 1, {"external_reference": None})
    books.done(change_customers, give_up)
    take = ChangeCustomer(books.act(), UUID(two["id"]), 1, {"external_reference": "S-1"})
    assert books.done(change_customers, take)["external_reference"] == "S-1"


def test_a_malformed_change_is_refused(books: Books) -> None:
    customer_id = UUID(books.customer()["id"])
    commands = [
        ChangeCustomer(books.act(), customer_id, 1, {"name": "x", "email": email})
        for email in NOT_EMAILS
    ]
    refusals = books.refusals(change_customers, *commands)
    assert [(each.code, each.pointer) for each in refusals] == [
        ("customer.email_malformed", "/email")
    ] * len(NOT_EMAILS)


def test_a_stale_change_is_refused(books: Books) -> None:
    customer_id = UUID(books.customer()["id"])
    commands = [ChangeCustomer(books.act(), customer_id, seen, {"name": "x"}) for seen in (0, 2)]
    refusals = books.refusals(change_customers, *commands)
    assert [(each.code, each.facts) for each in refusals] == [
        ("precondition.stale", {"version": 1})
    ] * 2


def test_what_is_not_changeable_is_a_mistake_of_ours(books: Books) -> None:
    customer_id = UUID(books.customer()["id"])
    for name in ("id", "active", "version", "erased_at", "organization_id"):
        command = ChangeCustomer(books.act(), customer_id, 1, {name: "x"})
        with pytest.raises(AssertionError, match="only what may change"):
            books.answers(change_customers, command)


def test_deactivating_and_reactivating(books: Books) -> None:
    customer_id = UUID(books.customer()["id"])
    off = books.done(
        set_customers_active, SetCustomerActive(books.act(), customer_id, active=False)
    )
    assert (off["active"], off["version"]) == (False, 2)
    again = SetCustomerActive(books.act(), customer_id, active=False)
    assert books.refused(set_customers_active, again).code == "customer.inactive_already"
    on = books.done(set_customers_active, SetCustomerActive(books.act(), customer_id, active=True))
    assert (on["active"], on["version"]) == (True, 3)
    again = SetCustomerActive(books.act(), customer_id, active=True)
    assert books.refused(set_customers_active, again).code == "customer.active_already"
    rows = sorted(books.snapshot()["event"][1], key=lambda row: row["at"])
    assert [row["type"] for row in rows] == [
        "customer.created",
        "customer.deactivated",
        "customer.reactivated",
    ]


UNKNOWN: dict[str, Any] = {
    "change_customers": lambda books, id_: (
        change_customers,
        ChangeCustomer(books.act(), id_, 1, {}),
    ),
    "set_customers_active": lambda books, id_: (
        set_customers_active,
        SetCustomerActive(books.act(), id_, active=False),
    ),
    "erase_customers": lambda books, id_: (erase_customers, EraseCustomer(books.act(), id_)),
}


def test_a_customer_of_others_is_unknown(books: Books, open_books: Opening) -> None:
    for customer_id in (ids.new(), UUID(open_books().customer()["id"])):
        for case in UNKNOWN.values():
            assert books.refused(*case(books, customer_id)).code == "customer.unknown"
        with pytest.raises(Refused) as refused:
            books.read(customers.get_customer, customer_id)
        assert refused.value.refusal.code == "customer.unknown"


def test_customers_are_listed_by_what_they_are(books: Books, open_books: Opening) -> None:
    open_books().customer(external_reference="S-1")
    commands = [
        books.customer_command(kind=kind, email=email, external_reference=reference)
        for kind, email, reference in (
            ("student", "a@b.c", "S-1"),
            ("corporate", "A@b.c", None),
            ("student", "a@b.c", None),
        )
    ]
    one, two, three = (each["id"] for each in books.outcomes(create_customers, *commands))
    books.done(set_customers_active, SetCustomerActive(books.act(), UUID(three), active=False))

    def listed(**wanted: Any) -> list[str]:
        page = books.read(customers.list_customers, **wanted)
        assert page.next_after is None
        return [item["id"] for item in page.items]

    assert listed() == [three, two, one]
    assert listed(kind="student") == [three, one]
    assert listed(kind="individual") == []
    assert listed(active=True) == [two, one]
    assert listed(active=False) == [three]
    assert listed(email="a@b.c") == [three, one]
    assert listed(email="A@b.c") == [two]
    assert listed(external_reference="S-1") == [one]
    assert listed(external_reference="s-1") == []
    assert listed(kind="student", active=True, email="a@b.c") == [one]
