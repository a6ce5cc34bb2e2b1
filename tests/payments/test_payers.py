"""Payers: their invoices and payments in every organization, and nothing of anybody else's."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tallystick.auth.credentials import Reach, find_link
from tallystick.auth.payer_links import (
    RevokePayerLink,
    get_link,
    list_links,
    revoke_payer_links,
)
from tallystick.auth.payers import Payer, list_records
from tallystick.invoices.erasing import erase_customers
from tallystick.invoices.linking import CreatePayerLink, create_payer_links
from tallystick.invoices.payers import get_owed, list_owed
from tallystick.kernel import ids
from tallystick.kernel.errors import Refused
from tallystick.parties.customers import EraseCustomer
from tallystick.payments.allocating import Share
from tallystick.payments.claiming import ClaimPayment, claim_payments
from tallystick.payments.payers import get_paid, list_paid
from tests.factories import START, Books, Opening

AT = START + timedelta(hours=1)


@pytest.fixture
def email() -> str:
    """Return an address that nobody else has."""
    return f"{ids.new().hex}@example.com"


def _customer(books: Books, email: str | None) -> UUID:
    return UUID(books.customer(email=email)["id"])


def _owed(books: Books, payer: Payer, **values: Any) -> list[str]:
    page = books.database.read(lambda conn: list_owed(conn, payer, at=AT, **values))
    return [each["invoice"]["id"] for each in page.items]


def _paid(books: Books, payer: Payer) -> list[str]:
    page = books.database.read(lambda conn: list_paid(conn, payer))
    return [each["payment"]["id"] for each in page.items]


def _reach(books: Books, customer_id: UUID, invoice: Any = None) -> Payer:
    one = None if invoice is None else UUID(invoice["id"])
    return Payer(reach=Reach(books.organization_id, customer_id, one))


def test_a_payer_finds_what_they_owe_everywhere(
    books: Books, open_books: Opening, email: str
) -> None:
    other = open_books(name="South School", currency="MXN", time_zone="America/Mexico_City")
    # However the organization writes the address.
    here, there = _customer(books, email.upper()), _customer(other, email)
    first = books.issued(customer_id=here)
    second = other.issued(customer_id=there)
    books.draft(customer_id=here)
    books.issued()
    books.issued(customer_id=_customer(books, None))
    payer = Payer(email_key=email)
    assert _owed(books, payer) == [second["id"], first["id"]]
    page = books.database.read(lambda conn: list_owed(conn, payer, at=AT))
    assert [each["organization"]["name"] for each in page.items] == ["South School", "North School"]
    assert page.items[1]["invoice"] == first
    assert _owed(books, payer, limit=1) == [second["id"]]
    assert _owed(books, payer, limit=1, after=UUID(second["id"])) == [first["id"]]
    listed = books.database.read(lambda conn: list_records(conn, payer))
    assert [record["id"] for record in listed.items] == [str(there), str(here)]


def test_whether_an_invoice_is_late_depends_on_where_it_is_owed(
    open_books: Opening, email: str
) -> None:
    late = datetime(2026, 4, 2, 3, 0, tzinfo=UTC)
    for zone, overdue in (("America/Mexico_City", False), ("Asia/Tokyo", True)):
        books = open_books(time_zone=zone)
        customer_id = _customer(books, email)
        invoice_id = UUID(books.issued(customer_id=customer_id)["id"])
        payer = _reach(books, customer_id)

        def read(conn: Any, payer: Payer = payer, invoice_id: UUID = invoice_id) -> Any:
            return get_owed(conn, payer, invoice_id, at=late)

        invoice = books.database.read(read)["invoice"]
        assert (invoice["due_date"], invoice["overdue"]) == ("2026-04-01", overdue)


def test_what_is_not_theirs_does_not_exist(books: Books, open_books: Opening, email: str) -> None:
    customer_id = _customer(books, email)
    own, draft = books.issued(customer_id=customer_id), books.draft(customer_id=customer_id)
    others = books.issued()
    elsewhere = open_books().issued()
    for payer in (Payer(email_key=email), _reach(books, customer_id)):
        assert _owed(books, payer) == [own["id"]]
        for invoice in (draft, others, elsewhere):
            with pytest.raises(Refused, match=r"invoice\.unknown"):
                books.database.read(
                    lambda conn, payer=payer, invoice=invoice: get_owed(  # type: ignore[misc]  # bound here
                        conn, payer, UUID(invoice["id"]), at=AT
                    )
                )
    for stranger in (Payer(), Payer(email_key=f"x{email}")):
        assert _owed(books, stranger) == []
        assert _paid(books, stranger) == []
        assert books.database.read(lambda conn, who=stranger: list_records(conn, who)).items == []  # type: ignore[misc]  # bound here


def test_payments_and_receipts(books: Books, email: str) -> None:
    customer_id = _customer(books, email)
    invoice = books.issued(customer_id=customer_id)
    payment = books.paid(4_000, invoice, note="For ourselves")
    others = books.paid(1_000, books.issued())
    payer = Payer(email_key=email)
    assert _paid(books, payer) == [payment["id"]]
    found, receipt = books.database.read(lambda conn: get_paid(conn, payer, UUID(payment["id"])))
    assert found["payment"] == payment
    assert receipt is not None
    assert receipt["number"] == payment["receipt_number"]
    with pytest.raises(Refused, match=r"payment\.unknown"):
        books.database.read(lambda conn: get_paid(conn, payer, UUID(others["id"])))


def test_a_claim_waits_and_says_what_it_is_for(books: Books, email: str) -> None:
    customer_id = _customer(books, email)
    invoice = books.issued(customer_id=customer_id)
    claim = ClaimPayment(
        act=books.act(),
        amount=4_000,
        currency="EUR",
        method="bank_transfer",
        invoices=(Share(UUID(invoice["id"])),),
    )
    claimed = books.done(claim_payments, claim)
    for payer in (Payer(email_key=email), _reach(books, customer_id, invoice)):
        found, receipt = books.database.read(
            lambda conn, payer=payer: get_paid(conn, payer, UUID(claimed["id"]))  # type: ignore[misc]  # bound here
        )
        assert found["payment"]["status"] == "pending_confirmation"
        assert found["claimed_for"] == [invoice["id"]]
        assert receipt is None


def test_a_link_to_one_invoice_shows_what_is_about_it_alone(books: Books, email: str) -> None:
    customer_id = _customer(books, email)
    one, other = books.issued(customer_id=customer_id), books.issued(customer_id=customer_id)
    about_one = books.paid(1_000, one)
    books.paid(1_000, other)
    about_both = books.paid(2_000, Share(UUID(one["id"]), 1_000), Share(UUID(other["id"]), 1_000))
    books.done(
        claim_payments,
        ClaimPayment(
            act=books.act(),
            amount=100,
            currency="EUR",
            method="cash",
            invoices=(Share(UUID(other["id"])),),
        ),
    )
    payer = _reach(books, customer_id, one)
    assert _owed(books, payer) == [one["id"]]
    assert _paid(books, payer) == [about_one["id"]]
    with pytest.raises(Refused, match=r"payment\.unknown"):
        books.database.read(lambda conn: get_paid(conn, payer, UUID(about_both["id"])))
    assert len(_paid(books, _reach(books, customer_id))) == 4


def _link(books: Books, **target: Any) -> CreatePayerLink:
    return CreatePayerLink(
        books.act(), target.get("customer_id"), target.get("invoice_id"), target.get("days", 30)
    )


def test_a_link_is_good_for_a_while(books: Books) -> None:
    invoice = books.issued()
    invoice_id = UUID(invoice["id"])
    link = books.done(create_payer_links, _link(books, invoice_id=invoice_id, days=2))
    assert (link["customer_id"], link["invoice_id"]) == (invoice["customer_id"], invoice["id"])
    link_id = UUID(link["id"])
    made_at = datetime.fromisoformat(link["created_at"])

    def found(after: timedelta) -> Any:
        return books.database.read(
            lambda conn: find_link(conn, books.organization_id, link_id, made_at + after)
        )

    credential = found(timedelta(days=2, seconds=-1))
    assert credential.reach == Reach(books.organization_id, books.payer, invoice_id)
    assert found(timedelta(days=2)) is None
    assert books.database.read(lambda conn: find_link(conn, ids.new(), link_id, made_at)) is None
    revoked = books.done(revoke_payer_links, RevokePayerLink(books.act(), link_id))
    assert revoked["version"] == 2
    assert found(timedelta(0)) is None
    again = RevokePayerLink(books.act(), link_id)
    assert books.refused(revoke_payer_links, again).code == "payer_link.revoked_already"
    assert books.read(get_link, link_id) == revoked
    assert books.read(list_links, invoice_id=invoice_id).items == [revoked]
    assert books.read(list_links, customer_id=ids.new()).items == []


def test_what_a_link_is_not_made_for(books: Books, open_books: Opening) -> None:
    other = open_books()
    draft, elsewhere = books.draft(), other.issued()
    gone = _customer(books, None)
    books.done(erase_customers, EraseCustomer(books.act(), gone))
    for target, code in (
        ({}, "payer_link.one_target"),
        (
            {"customer_id": books.payer, "invoice_id": UUID(elsewhere["id"])},
            "payer_link.one_target",
        ),
        ({"invoice_id": UUID(draft["id"])}, "invoice.not_payable"),
        ({"invoice_id": UUID(elsewhere["id"])}, "invoice.unknown"),
        ({"customer_id": other.payer}, "customer.unknown"),
        ({"customer_id": gone}, "customer.erased"),
    ):
        assert books.refused(create_payer_links, _link(books, **target)).code == code


def test_an_erased_customer_has_no_link_and_no_payer(books: Books, email: str) -> None:
    customer_id = _customer(books, email)
    books.issued(customer_id=customer_id)
    link = books.done(create_payer_links, _link(books, customer_id=customer_id))
    books.done(erase_customers, EraseCustomer(books.act(), customer_id))
    assert books.read(get_link, UUID(link["id"]))["revoked_at"] is not None
    assert _owed(books, Payer(email_key=email)) == []
