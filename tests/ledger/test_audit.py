"""Every check sees what it is for: each invariant is broken by hand, and nothing else is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, Executable, select, text

from tallystick.invoices import checks, queries
from tallystick.invoices.content import document_hash
from tallystick.invoices.correcting import VoidInvoice, void_invoices
from tallystick.invoices.models import CONTENTS, COUNTERS, CREDIT_NOTES, INVOICES, LINES
from tallystick.invoices.totals import Line
from tallystick.kernel import ids
from tallystick.kernel.alarms import ALARMS, alarm_id
from tallystick.kernel.database import Database
from tallystick.kernel.events import EVENT_CHANGES, EVENTS
from tallystick.kernel.tasks import TASKS
from tallystick.ledger.audit import EXAMPLES_MAX
from tallystick.ledger.models import CLOSED_MONTHS, MONTH_SUMS, POSTINGS
from tallystick.migrations.tables import METADATA
from tallystick.payments.claiming import ClaimPayment, claim_payments
from tallystick.payments.models import (
    ALLOCATIONS,
    CLAIMS,
    ORDERS,
    PAYMENTS,
    REFUNDS,
    RESERVATIONS,
)
from tallystick.payments.orders import asking_task
from tallystick.payments.provider import Succeeded
from tallystick.payments.refunding import RefundPayment, refund_payments
from tallystick.wiring import CHECKS, audit
from tests.conftest import Databases
from tests.factories import START, Books, Opening
from tests.payments.online import resolved, started

# Not every check can fail alone: books that do not balance have an entry that does not.
Expected = dict[str, int]


class Undone(Exception):
    """Takes a transaction back, with what was counted in it."""

    def __init__(self, counted: Expected) -> None:
        super().__init__("taken back on purpose")
        self.counted = counted


@dataclass(frozen=True, slots=True)
class Healthy:
    """Sound books with something of everything, and the names of what is in them."""

    books: Books
    other: UUID
    partial: UUID
    full: UUID
    unpaid: UUID
    void: UUID
    draft: UUID
    first: UUID
    second: UUID
    third: UUID
    refund: UUID
    note: UUID
    claim: UUID
    online: UUID
    """A payment on its way to a provider; another one under the same key is settled."""
    entries: dict[UUID, UUID]
    """The entry of each invoice's issue."""

    def invoice(self, invoice_id: UUID) -> Any:
        """Say which row of the invoices is meant."""
        return INVOICES.c.id == invoice_id

    def leg(self, invoice_id: UUID, number: int) -> Any:
        """Say which posting of an invoice's issue is meant."""
        return (POSTINGS.c.entry_id == self.entries[invoice_id]) & (POSTINGS.c.leg == number)


@pytest.fixture(scope="module")
def healthy(engine: str, databases: Databases) -> Iterator[Healthy]:
    """Return sound books in a database of their own."""
    url = databases.create(engine)
    database = Database(url)
    database.write(METADATA.create_all)
    books = Opening(database)()
    lines = (Line("Tuition", 1_000_000, 10_000, 190_000), Line("Gift", 2_000_000, 50, 0))
    other = UUID(books.customer()["id"])
    one, two = (books.issued(lines=lines) for _ in range(2))
    three = books.issued(10_000, customer_id=other)
    four = books.issued(10_000, customer_id=other)
    books.done(void_invoices, VoidInvoice(books.act(), UUID(four["id"]), "wrong"))
    draft = books.draft()
    paid = [
        books.paid(4_000, one),
        books.paid(1_000, one),
        books.paid(12_500, two, excess="credit"),
    ]
    note = books.credited(books.issued(10_000, customer_id=other), 4_000)
    refund = books.done(
        refund_payments, RefundPayment(books.act(), UUID(paid[2]["id"]), 200, method="cheque")
    )
    claim = books.done(
        claim_payments, ClaimPayment(books.act(), 70, "EUR", "cash", customer_id=other)
    )
    five = books.issued(10_000, customer_id=other)
    key = UUID(five["id"])
    resolved(books, started(books, 200, five, provider_key=key), Succeeded())
    resolved(books, started(books, 300, five), Succeeded())
    online = started(books, 100, five, provider_key=key)
    issued = select(POSTINGS.c.invoice_id, POSTINGS.c.entry_id).where(
        POSTINGS.c.kind == "invoice.issued", POSTINGS.c.invoice_id.is_not(None)
    )
    entries = database.read(lambda conn: {row[0]: row[1] for row in conn.execute(issued)})
    yield Healthy(
        books=books,
        other=other,
        partial=UUID(one["id"]),
        full=UUID(two["id"]),
        unpaid=UUID(three["id"]),
        void=UUID(four["id"]),
        draft=UUID(draft["id"]),
        first=UUID(paid[0]["id"]),
        second=UUID(paid[1]["id"]),
        third=UUID(paid[2]["id"]),
        refund=UUID(refund["id"]),
        note=UUID(note["id"]),
        claim=UUID(claim["id"]),
        online=UUID(online["id"]),
        entries=entries,
    )
    database.close()
    databases.drop(url)


@pytest.fixture
def counted(healthy: Healthy) -> Callable[..., Expected]:
    """Return what counts the violations after some statements, and takes the statements back."""

    def hash_again(conn: Connection) -> None:
        for invoice in conn.execute(select(INVOICES).where(INVOICES.c.status != "draft")).all():
            same = CONTENTS.c.invoice_id == invoice.id
            content = conn.execute(select(CONTENTS).where(same)).one()
            key = invoice.organization_id, invoice.id
            lines = queries.lines_of(conn, [key])[key]
            hashed = document_hash(invoice._asdict(), content._asdict(), lines)
            conn.execute(CONTENTS.update().where(same).values(document_hash=hashed))

    def count(*statements: Executable, rehash: bool = False) -> Expected:
        def work(conn: Connection) -> None:
            sqlite = conn.dialect.name == "sqlite"
            if sqlite:
                conn.execute(text("PRAGMA ignore_check_constraints = ON"))
            for statement in statements:
                # -1 where the driver does not count what was added.
                assert conn.execute(statement).rowcount != 0, "something was broken"
            if rehash:
                hash_again(conn)
            found = {each.id: each.violations for each in audit(conn) if each.violations}
            if sqlite:
                conn.execute(text("PRAGMA ignore_check_constraints = OFF"))
            raise Undone(found)

        with pytest.raises(Undone) as undone:
            healthy.books.database.write(work)
        return undone.value.counted

    return count


BROKEN: dict[str, tuple[Expected, Callable[[Healthy], list[Executable]]]] = {
    "two entries are uneven and make up for each other": (
        {"I1": 2},
        lambda it: [
            POSTINGS.update().where(it.leg(it.partial, 2)).values(amount=POSTINGS.c.amount + 1),
            POSTINGS.update().where(it.leg(it.full, 2)).values(amount=POSTINGS.c.amount - 1),
        ],
    ),
    "an entry is uneven": (
        {"I1": 1, "I2": 1},
        lambda it: [
            POSTINGS.update().where(it.leg(it.partial, 2)).values(amount=POSTINGS.c.amount + 1)
        ],
    ),
    "a leg is in another currency": (
        {"I1": 2, "I2": 2},
        lambda it: [POSTINGS.update().where(it.leg(it.partial, 2)).values(currency="USD")],
    ),
    "a leg is missing from the numbers": (
        {"I20": 1},
        lambda it: [POSTINGS.update().where(it.leg(it.partial, 3)).values(leg=4)],
    ),
    "a leg was moved to another day": (
        {"I20": 1},
        lambda it: [
            POSTINGS.update().where(it.leg(it.partial, 1)).values(date=START.date().replace(day=1))
        ],
    ),
    "an invoice is paid on a day before it was owed": (
        {"I8-days": 1},
        lambda it: [
            POSTINGS.update()
            .where(POSTINGS.c.entry_id == it.first)
            .values(date=START.date().replace(day=1))
        ],
    ),
    "an invoice does not know its last day": (
        {"I8-days": 1},
        lambda it: [
            INVOICES.update()
            .where(it.invoice(it.full))
            .values(booked_on=START.date().replace(day=1))
        ],
    ),
    "credit is refunded on a day before the money came": (
        {"I8-credit-days": 1},
        lambda it: [
            POSTINGS.update()
            .where(POSTINGS.c.entry_id == it.refund)
            .values(date=START.date().replace(day=1))
        ],
    ),
    "a payment does not know its last day": (
        {"I8-credit-days": 1},
        lambda it: [
            PAYMENTS.update()
            .where(PAYMENTS.c.id == it.third)
            .values(booked_on=START.date().replace(day=1))
        ],
    ),
    "a closed month holds what was not posted": (
        {"I22": 1},
        lambda it: [
            CLOSED_MONTHS.insert().values(
                organization_id=it.books.organization_id,
                month=date(2026, 1, 1),
                stale=False,
                version=1,
                created_at=START,
            ),
            MONTH_SUMS.insert().values(
                organization_id=it.books.organization_id,
                account="Income:Sales",
                currency="EUR",
                month=date(2026, 1, 1),
                amount=1,
            ),
        ],
    ),
    "an event has a position that nobody gave": (
        {"I14-positions": 1},
        lambda it: [EVENTS.update().where(EVENTS.c.subject_id == it.note).values(position=1)],
    ),
    "an invoice says that it charges on another, and no rule did": (
        {"I19-charges": 1},
        lambda it: [
            CONTENTS.update().where(CONTENTS.c.invoice_id == it.full).values(relates_to=it.unpaid)
        ],
    ),
    "a refund waits that nothing holds": (
        {"I16-holds": 1},
        lambda it: [
            REFUNDS.insert().values(
                organization_id=it.books.organization_id,
                id=ids.new(),
                payment_id=it.first,
                customer_id=it.other,
                method="cash",
                status="pending_approval",
                currency="EUR",
                amount=1,
                refunded_on=START.date(),
                version=1,
                created_at=START,
                updated_at=START,
            )
        ],
    ),
    "what was paid was not allocated": (
        {"I3": 2},
        lambda it: [
            ALLOCATIONS.update()
            .where(ALLOCATIONS.c.payment_id == it.first)
            .values(invoice_id=it.full)
        ],
    ),
    "a payment on its way has reserved too little": (
        {"I5-online": 1},
        lambda it: [
            RESERVATIONS.update().where(RESERVATIONS.c.payment_id == it.online).values(amount=99),
            INVOICES.update().where(INVOICES.c.reserved == 100).values(reserved=99),
        ],
    ),
    "a part of a payment is on its way back by no refund": (
        {"I7-online": 1},
        lambda it: [
            PAYMENTS.update()
            .where(PAYMENTS.c.id == it.third)
            .values(unallocated=PAYMENTS.c.unallocated - 10, refund_reserved=10)
        ],
    ),
    "nobody knows what became of a payment that is settled": (
        {"I16-online": 1},
        lambda _: [ORDERS.update().where(ORDERS.c.amount == 200).values(unknown_from=START)],
    ),
    "a provider was asked for another amount": (
        {"I16-online": 1},
        lambda it: [ORDERS.update().where(ORDERS.c.id == it.online).values(amount=99)],
    ),
    "what was taken once is settled twice": (
        {"I17-keys": 1},
        lambda it: [
            ORDERS.update().where(ORDERS.c.amount == 300).values(provider_key=it.first),
            ORDERS.update().where(ORDERS.c.amount == 200).values(provider_key=it.first),
        ],
    ),
    "nobody asks what became of a payment": (
        {"I18": 1},
        lambda it: [TASKS.update().where(TASKS.c.id == asking_task(it.online)).values(due_at=None)],
    ),
    "an alarm about an unknown payment was cleared": (
        {"I18": 1},
        lambda it: [
            TASKS.update().where(TASKS.c.id == asking_task(it.online)).values(due_at=None),
            ALARMS.insert().values(
                organization_id=it.books.organization_id,
                id=alarm_id("payment.outcome_unknown", it.online),
                kind="payment.outcome_unknown",
                subject_id=it.online,
                detail="Look.",
                raised_at=START,
                cleared_at=START,
            ),
        ],
    ),
    "something is reserved for nobody": (
        {"I5": 1},
        lambda it: [INVOICES.update().where(it.invoice(it.unpaid)).values(reserved=1)],
    ),
    "allocations of two payments were mixed up": (
        {"I6": 2},
        lambda it: [
            ALLOCATIONS.update().where(ALLOCATIONS.c.payment_id == payment_id).values(amount=amount)
            for payment_id, amount in ((it.first, 4_001), (it.second, 999))
        ],
    ),
    "a receivable has lost its invoice": (
        {"I8": 1},
        lambda it: [POSTINGS.update().where(it.leg(it.unpaid, 1)).values(invoice_id=None)],
    ),
    "an entry is gone": (
        {"I8": 1},
        lambda it: [POSTINGS.delete().where(POSTINGS.c.entry_id == it.entries[it.unpaid])],
    ),
    "a posting names an invoice that is not there": (
        {"I8": 2},
        lambda it: [POSTINGS.update().where(it.leg(it.unpaid, 1)).values(invoice_id=ids.NIL)],
    ),
    "credit stands on another account": (
        {"I8-credit": 1},
        lambda _it: [
            POSTINGS.update()
            .where(POSTINGS.c.account.like("Liabilities:Credit:%"))
            .values(account="Liabilities:Deposits")
        ],
    ),
    "an unpaid invoice is called paid": (
        {"I9": 1},
        lambda it: [INVOICES.update().where(it.invoice(it.unpaid)).values(payment_status="paid")],
    ),
    "a paid invoice is called partly paid": (
        {"I9": 1},
        lambda it: [INVOICES.update().where(it.invoice(it.full)).values(payment_status="partial")],
    ),
    "the counter of invoices is ahead": (
        {"I10": 1},
        lambda _it: [
            COUNTERS.update().where(COUNTERS.c.kind == "invoice").values(last=COUNTERS.c.last + 1)
        ],
    ),
    "the counter of invoices is gone": (
        {"I10": 1},
        lambda _it: [COUNTERS.delete().where(COUNTERS.c.kind == "invoice")],
    ),
    "the counter of receipts is ahead": (
        {"I10-receipts": 1},
        lambda _it: [
            COUNTERS.update().where(COUNTERS.c.kind == "receipt").values(last=COUNTERS.c.last + 1)
        ],
    ),
    "a receipt number was left out": (
        {"I10-receipts": 1},
        lambda it: [PAYMENTS.update().where(PAYMENTS.c.id == it.second).values(receipt_sequence=9)],
    ),
    "a receipt number was given twice": (
        {"I10-receipts": 1},
        lambda it: [PAYMENTS.update().where(PAYMENTS.c.id == it.second).values(receipt_sequence=1)],
    ),
    "a line says something else": (
        {"I11": 1},
        lambda it: [
            LINES.update()
            .where((LINES.c.invoice_id == it.unpaid) & (LINES.c.position == 1))
            .values(description="Tuition, as ever")
        ],
    ),
    "the buyer is somebody else": (
        {"I11": 1},
        lambda it: [
            CONTENTS.update()
            .where(CONTENTS.c.invoice_id == it.unpaid)
            .values(buyer={"name": "Bob"})
        ],
    ),
    "a voided document was changed": (
        {"I11": 1},
        lambda it: [CONTENTS.update().where(CONTENTS.c.invoice_id == it.void).values(note="x")],
    ),
    "a document is gone": (
        {"I11": 1},
        lambda it: [CONTENTS.delete().where(CONTENTS.c.invoice_id == it.unpaid)],
    ),
    "an issue was never told": (
        {"I14": 1},
        lambda it: [
            EVENTS.delete().where(
                (EVENTS.c.subject_id == it.unpaid) & (EVENTS.c.type == "invoice.issued")
            )
        ],
    ),
    "a draft was told as issued": (
        {"I14": 1},
        lambda it: [
            EVENTS.update()
            .where((EVENTS.c.subject_id == it.draft) & (EVENTS.c.type == "invoice.drafted"))
            .values(type="invoice.issued")
        ],
    ),
    "a payment was never told": (
        {"I14-receipts": 1},
        lambda it: [EVENTS.delete().where(EVENTS.c.subject_id == it.first)],
    ),
    "one payment was told for another": (
        {"I14-receipts": 2},
        lambda it: [
            EVENTS.update().where(EVENTS.c.subject_id == it.first).values(subject_id=it.second)
        ],
    ),
    "a refund belongs to another payment": (
        {"I7-refunds": 2},
        lambda it: [REFUNDS.update().values(payment_id=it.first)],
    ),
    "money of a payment is on another account": (
        {"I8-cash": 1},
        lambda it: [
            POSTINGS.update()
            .where((POSTINGS.c.entry_id == it.first) & (POSTINGS.c.leg == 1))
            .values(account="Assets:Bank")
        ],
    ),
    "a credit note is not on its invoice": (
        {"I4-credited": 1},
        lambda it: [
            INVOICES.update().where(it.invoice(it.unpaid)).values(credited=5, written_off=0),
            POSTINGS.update().where(it.leg(it.unpaid, 1)).values(amount=9_995),
            POSTINGS.update().where(it.leg(it.unpaid, 2)).values(amount=-9_995),
        ],
    ),
    "a number of a credit note was left out": (
        {"I10-notes": 1},
        lambda _it: [COUNTERS.update().where(COUNTERS.c.kind == "credit_note").values(last=2)],
    ),
    "a credit note was changed": (
        {"I11-notes": 1},
        lambda _it: [CREDIT_NOTES.update().values(reason="Another one")],
    ),
    "a credit note was never told": (
        {"I14-notes": 1},
        lambda it: [EVENTS.delete().where(EVENTS.c.subject_id == it.note)],
    ),
    "the entry of a credit note is another one's": (
        {"I14-notes": 1},
        lambda it: [
            POSTINGS.update().where(POSTINGS.c.entry_id == it.note).values(entry_id=it.claim)
        ],
    ),
    "a refund was never told": (
        {"I14-refunds": 1},
        lambda it: [EVENTS.delete().where(EVENTS.c.subject_id == it.refund)],
    ),
    "a refund is larger than what went": (
        {"I7-refunds": 1, "I14-refunds": 1},
        lambda _it: [REFUNDS.update().values(amount=REFUNDS.c.amount + 1)],
    ),
    "a payment waits though somebody has decided": (
        {"I16-claims": 1},
        lambda _it: [CLAIMS.update().values(decided_at=START)],
    ),
    "a payment waits without a claim": ({"I16-claims": 1}, lambda _it: [CLAIMS.delete()]),
    "a payment was declined without a reason": (
        {"I16-claims": 1},
        lambda it: [
            PAYMENTS.update().where(PAYMENTS.c.id == it.claim).values(status="declined"),
            CLAIMS.update().values(decided_at=START),
        ],
    ),
    "a payment that waits has a receipt": (
        {"I10-receipts": 1, "I14-receipts": 1},
        lambda it: [
            PAYMENTS.update()
            .where(PAYMENTS.c.id == it.claim)
            .values(receipt_number="REC-2026-000006", receipt_sequence=6, receipt_year=2026)
        ],
    ),
    "a stranger paid": (
        {"I19": 1},
        lambda it: [
            PAYMENTS.update().where(PAYMENTS.c.id == it.first).values(customer_id=it.other)
        ],
    ),
    "an invoice was paid in another currency": (
        {"I19": 1},
        lambda it: [PAYMENTS.update().where(PAYMENTS.c.id == it.first).values(currency="USD")],
    ),
}
# What a mistake in issuing would make: the document was frozen with the fault in it.
FROZEN_SO: dict[str, tuple[Expected, Callable[[Healthy], list[Executable]]]] = {
    "a number was left out": (
        {"I10": 1},
        lambda it: [
            INVOICES.update()
            .where(it.invoice(it.void))
            .values(sequence=9, number="INV-2026-000009")
        ],
    ),
    "a number was given twice": (
        {"I10": 1},
        lambda it: [INVOICES.update().where(it.invoice(it.full)).values(sequence=1)],
    ),
    "a date does not follow its number": (
        {"I10-dates": 1},
        lambda it: [
            INVOICES.update()
            .where(it.invoice(it.partial))
            .values(issue_date=START.date().replace(day=3))
        ],
    ),
    "the lines are not the net": (
        {"I23": 1},
        lambda it: [
            LINES.update()
            .where((LINES.c.invoice_id == it.partial) & (LINES.c.position == 2))
            .values(net=LINES.c.net + 1)
        ],
    ),
    "net and tax are not the total": (
        {"I23": 1},
        lambda it: [
            CONTENTS.update().where(CONTENTS.c.invoice_id == it.full).values(tax=CONTENTS.c.tax + 1)
        ],
    ),
}
# The servers cannot be made to store these.
BEYOND_CHECKS: dict[str, tuple[Expected, Callable[[Healthy], list[Executable]]]] = {
    "an invoice was written off less than nothing": (
        {"I4": 1},
        lambda it: [
            INVOICES.update().where(it.invoice(it.unpaid)).values(written_off=-5),
            POSTINGS.update().where(it.leg(it.unpaid, 1)).values(amount=10_005),
            POSTINGS.update().where(it.leg(it.unpaid, 2)).values(amount=-10_005),
        ],
    ),
    "an invoice is paid and reserved beyond its total": (
        {"I4": 1, "I5": 1},
        lambda it: [INVOICES.update().where(it.invoice(it.full)).values(reserved=1)],
    ),
    "a payment is not accounted for": (
        {"I6": 1, "I8-cash": 1},
        lambda it: [PAYMENTS.update().where(PAYMENTS.c.id == it.first).values(amount=4_001)],
    ),
    "a payment is refunded beyond its amount": (
        {"I7": 1, "I7-online": 1, "I8-credit": 1},
        lambda it: [
            PAYMENTS.update()
            .where(PAYMENTS.c.id == it.first)
            .values(refund_reserved=4_001, charged_back=-4_001)
        ],
    ),
}


def test_sound_books_pass_every_check(healthy: Healthy) -> None:
    found = healthy.books.database.read(audit)
    assert [each.id for each in found] == [check.id for check in CHECKS]
    assert {each.id: (each.violations, each.examples) for each in found} == {
        check.id: (0, []) for check in CHECKS
    }
    looked_at = {each.id: each.checked for each in found}
    assert looked_at == {
        **dict.fromkeys(("I1", "I2", "I20"), 31),
        **dict.fromkeys(("I3", "I4", "I4-credited", "I5", "I8", "I8-days"), 7),
        **dict.fromkeys(("I9", "I14", "I23"), 7),
        **dict.fromkeys(("I10", "I10-dates", "I11"), 6),
        **dict.fromkeys(("I10-notes", "I11-notes", "I14-notes"), 1),
        **dict.fromkeys(("I14-positions", "I19-charges", "I22"), 0),
        **dict.fromkeys(("I6", "I7", "I7-refunds", "I8-credit", "I8-cash"), 7),
        "I8-credit-days": 7,
        **dict.fromkeys(("I10-receipts", "I14-receipts", "I16-claims"), 7),
        **dict.fromkeys(("I5-online", "I7-online", "I16-online", "I17-keys"), 3),
        **dict.fromkeys(("I14-refunds", "I16-holds", "I18"), 1),
        "I19": 5,
    }


def test_every_check_has_something_that_only_it_sees() -> None:
    assert len({check.id for check in CHECKS}) == len(CHECKS)
    everything = {**BROKEN, **FROZEN_SO, **BEYOND_CHECKS}
    alone = {next(iter(expected)) for expected, _ in everything.values() if len(expected) == 1}
    # Books that do not balance have an entry that does not, so I2 never fails without I1.
    # What is refunded beyond a payment is no sum of refunds either.
    assert {check.id for check in CHECKS} - alone == {"I2", "I7"}
    for check in ("I2", "I7"):
        assert any(check in expected for expected, _ in everything.values())


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_broken_is_found(
    healthy: Healthy, counted: Callable[..., Expected], what: str
) -> None:
    expected, break_it = BROKEN[what]
    assert counted(*break_it(healthy)) == expected


@pytest.mark.parametrize("what", FROZEN_SO)
def test_what_was_issued_wrong_is_found(
    healthy: Healthy, counted: Callable[..., Expected], what: str
) -> None:
    expected, break_it = FROZEN_SO[what]
    assert counted(*break_it(healthy), rehash=True) == expected


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True, scope="session")
@pytest.mark.parametrize("what", BEYOND_CHECKS)
def test_what_the_schema_forbids_is_found_too(
    healthy: Healthy, counted: Callable[..., Expected], what: str
) -> None:
    expected, break_it = BEYOND_CHECKS[what]
    assert counted(*break_it(healthy)) == expected


def test_a_hash_made_again_changes_nothing(
    healthy: Healthy, counted: Callable[..., Expected]
) -> None:
    nothing = INVOICES.update().where(healthy.invoice(healthy.draft)).values(series="INV")
    assert counted(nothing, rehash=True) == {}


def test_documents_are_hashed_some_at_a_time(
    healthy: Healthy, counted: Callable[..., Expected], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "HASHED_AT_ONCE", 3)
    found = {each.id: each.checked for each in healthy.books.database.read(audit)}
    assert found["I11"] == 6
    assert counted(LINES.update().values(description="x")) == {"I11": 6}


def test_a_finding_names_a_few_examples(healthy: Healthy) -> None:
    def work(conn: Connection) -> None:
        conn.execute(EVENT_CHANGES.delete())
        conn.execute(EVENTS.delete())
        conn.execute(INVOICES.update().values(payment_status="odd"))
        raise Undone({each.id: len(each.examples) for each in audit(conn)})

    with pytest.raises(Undone) as undone:
        healthy.books.database.write(work)
    assert undone.value.counted["I9"] == EXAMPLES_MAX == 5
    assert undone.value.counted["I14"] == 5
    assert undone.value.counted["I14-receipts"] == 5
    assert undone.value.counted["I1"] == 0
