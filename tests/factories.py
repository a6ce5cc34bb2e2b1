"""What the tests of the core are made of: acts, books and what stands in them.

A test that takes `books` gets an organization of its own, so all tests share one database. Folders
whose tests need these fixtures take them into their conftest.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Concatenate, ParamSpec, TypeVar
from uuid import UUID

import pytest
from sqlalchemy import Connection, Select, Table, bindparam, false, func, select

from tallystick.invoices import queries as invoice_queries
from tallystick.invoices.content import DraftContent
from tallystick.invoices.correcting import VoidInvoice, void_invoices
from tallystick.invoices.credit_note_queries import CreditNoteDocument
from tallystick.invoices.drafting import CreateDraft, create_drafts
from tallystick.invoices.issuing import IssueNew, issue_new
from tallystick.invoices.queries import InvoiceDocument
from tallystick.invoices.totals import Line
from tallystick.invoices.writing_off import WriteOff, write_off_invoices
from tallystick.kernel import clock, ids
from tallystick.kernel.actor import OPERATOR, Act
from tallystick.kernel.database import Database
from tallystick.kernel.errors import Refusal
from tallystick.kernel.idempotency import Answer, Command
from tallystick.ledger import balances
from tallystick.migrations.tables import METADATA
from tallystick.parties.customers import CreateCustomer, CustomerDocument, create_customers
from tallystick.parties.organizations import (
    CreateOrganization,
    OrganizationDocument,
    create_organizations,
)
from tallystick.payments.allocating import Share
from tallystick.payments.crediting import CreditInvoice, credit_invoices
from tallystick.payments.queries import PaymentDocument
from tallystick.payments.recording import RecordPayment, record_payments
from tallystick.payments.replacing import ReplaceInvoice, replace_invoices

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""When the acts of a test begin: a Monday morning, far from any change of day or clocks."""

C = TypeVar("C", bound=Command)
T = TypeVar("T")
P = ParamSpec("P")
UseCase = Callable[[Connection, Sequence[C]], list[Answer[T]]]
Snapshot = dict[str, tuple[int, list[Any]]]


_COUNTS = select(
    *[select(func.count()).select_from(table).scalar_subquery() for table in METADATA.sorted_tables]
)


def filled(conn: Connection) -> list[tuple[Table, int]]:
    """List the tables that have rows, and how many: most have none, and need not be read."""
    counts = zip(METADATA.sorted_tables, conn.execute(_COUNTS).one(), strict=True)
    return [(table, count) for table, count in counts if count]


def remove_all(conn: Connection) -> None:
    """Remove every row of every table."""
    for table, _ in reversed(filled(conn)):
        conn.execute(table.delete())


def _own(table: Table) -> Select[Any]:
    owned = [table.c[name] for name in ("organization_id", "id") if name in table.c]
    mine = [owned[0] == bindparam("own")] if owned else [false()]
    return select(table).where(*mine).order_by(*table.primary_key.columns)


OWN = {table: _own(table) for table in METADATA.sorted_tables}
"""For each table what reads the rows of one organization."""


class Acts:
    """Makes acts in one organization, each a second after the one before."""

    def __init__(self, organization_id: UUID) -> None:
        self.organization_id = organization_id
        self.now = START

    def __call__(
        self,
        *,
        at: datetime | None = None,
        key: str | None = None,
        body: str = "",
        organization_id: UUID | None = None,
    ) -> Act:
        """Make an act under a key of its own; `body` stands for the request it came with."""
        self.now += timedelta(seconds=1)
        return Act(
            actor=OPERATOR,
            organization_id=organization_id or self.organization_id,
            at=at or self.now,
            key=key or str(ids.new()),
            fingerprint=hashlib.sha256(body.encode()).hexdigest(),
            request_id="a-test",
        )


class Books:
    """The books of one organization, written as an edge writes them."""

    def __init__(self, database: Database, organization: OrganizationDocument) -> None:
        self.database = database
        self.organization = organization
        self.organization_id = UUID(organization["id"])
        self.act = Acts(self.organization_id)
        self._payer: UUID | None = None

    @property
    def payer(self) -> UUID:
        """The id of the customer whom documents are made for unless another one is named."""
        if self._payer is None:
            self._payer = UUID(self.customer()["id"])
        return self._payer

    def answers(self, use_case: UseCase[C, T], *commands: C) -> list[Answer[T]]:
        """Run one batch of commands in a transaction of its own."""
        return self.database.write(lambda conn: use_case(conn, commands))

    def outcomes(self, use_case: UseCase[C, T], *commands: C) -> list[T]:
        """Run a batch of new commands that all succeed."""
        outcomes = []
        for answer in self.answers(use_case, *commands):
            assert not isinstance(answer.outcome, Refusal), answer.outcome
            assert not answer.replayed
            outcomes.append(answer.outcome)
        return outcomes

    def done(self, use_case: UseCase[C, T], command: C) -> T:
        """Run a new command that succeeds."""
        [outcome] = self.outcomes(use_case, command)
        return outcome

    def refused(self, use_case: UseCase[C, T], command: C) -> Refusal:
        """Run a new command that is refused, and see that nothing but its key was written."""
        [refusal] = self.refusals(use_case, command)
        return refusal

    def refusals(self, use_case: UseCase[C, T], *commands: C) -> list[Refusal]:
        """Run a batch of new commands that are all refused, and write nothing but their keys."""
        before = self.snapshot()
        refusals = []
        for answer in self.answers(use_case, *commands):
            assert isinstance(answer.outcome, Refusal), answer.outcome
            assert not answer.replayed
            refusals.append(answer.outcome)
        after = self.snapshot()
        count, keys = after.pop("idempotency_key")
        count_before, keys_before = before.pop("idempotency_key")
        assert after == before
        assert count == count_before + sum(refusal.kept for refusal in refusals)
        added = {row["act_key"] for row in keys if row not in keys_before}
        told = zip(commands, refusals, strict=True)
        kept = [command.act for command, refusal in told if refusal.kept]
        own = [act for act in kept if act.organization_id == self.organization_id]
        assert added == {act.key for act in own}
        assert len(keys) == len(keys_before) + len(own)
        return refusals

    def read(
        self,
        query: Callable[Concatenate[Connection, UUID, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run a query of this organization in a transaction of its own."""
        return self.database.read(lambda conn: query(conn, self.organization_id, *args, **kwargs))

    def snapshot(self) -> Snapshot:
        """Count the rows of each table, and give those that belong to this organization."""
        return self.database.read(self._snapshot)

    def _snapshot(self, conn: Connection) -> Snapshot:
        taken: Snapshot = {table.name: (0, []) for table in METADATA.sorted_tables}
        for table, count in filled(conn):
            own = conn.execute(OWN[table], {"own": self.organization_id}).mappings()
            taken[table.name] = count, [dict(row) for row in own]
        return taken

    def customer(self, **values: Any) -> CustomerDocument:
        """Make a customer; what is not named has made-up values."""
        return self.done(create_customers, self.customer_command(**values))

    def customer_command(self, **values: Any) -> CreateCustomer:
        """Prepare a command that makes a customer."""
        command = CreateCustomer(
            act=self.act(),
            kind="student",
            name="Ann Example",
            given_name="Ann",
            family_name="Example",
            email="ann@example.com",
            phone="+49 30 123456",
            address={"city": "Berlin"},
            tax_id=None,
            language="en",
            external_reference=None,
        )
        return replace(command, **values)

    def content(self, total: int = 10_000, **values: Any) -> DraftContent:
        """Say what an invoice says: one line of this total, free of tax, unless told otherwise."""
        values.setdefault("customer_id", self.payer)
        values.setdefault("currency", self.organization["currency"])
        values.setdefault("lines", (Line("Tuition", 1_000_000, total, 0),))
        return DraftContent(**values)

    def draft(self, total: int = 10_000, **values: Any) -> InvoiceDocument:
        """Make a draft."""
        content = self.content(total, **values)
        return self.done(create_drafts, CreateDraft(self.act(), content))

    def issued(
        self,
        total: int = 10_000,
        *,
        at: datetime | None = None,
        issue_date: date | None = None,
        **values: Any,
    ) -> InvoiceDocument:
        """Make an issued invoice."""
        content = self.content(total, **values)
        return self.done(issue_new, IssueNew(self.act(at=at), content, issue_date))

    def payment(
        self, amount: int, *invoices: InvoiceDocument | Share, **values: Any
    ) -> RecordPayment:
        """Prepare a command that records cash for these invoices."""
        shares = tuple(
            invoice if isinstance(invoice, Share) else Share(UUID(invoice["id"]))
            for invoice in invoices
        )
        command = RecordPayment(
            act=self.act(),
            amount=amount,
            currency=self.organization["currency"],
            method="cash",
            invoices=shares,
        )
        return replace(command, **values)

    def paid(
        self, amount: int, *invoices: InvoiceDocument | Share, **values: Any
    ) -> PaymentDocument:
        """Record a payment in cash for these invoices."""
        return self.done(record_payments, self.payment(amount, *invoices, **values))

    def voided(self, invoice: InvoiceDocument) -> InvoiceDocument:
        """Void an invoice."""
        return self.done(void_invoices, VoidInvoice(self.act(), UUID(invoice["id"]), "A mistake"))

    def credit(
        self, invoice: InvoiceDocument, amount: int | None = None, *lines: Line, **values: Any
    ) -> CreditInvoice:
        """Prepare a command that credits an amount, or lines, or all that stands."""
        command = CreditInvoice(self.act(), UUID(invoice["id"]), "A mistake", amount, lines)
        return replace(command, **values)

    def credited(
        self, invoice: InvoiceDocument, amount: int | None = None, *lines: Line, **values: Any
    ) -> CreditNoteDocument:
        """Credit an amount, or lines, or all that stands of an invoice."""
        return self.done(credit_invoices, self.credit(invoice, amount, *lines, **values))

    def written_off(self, invoice: InvoiceDocument, amount: int | None = None) -> InvoiceDocument:
        """Write off an amount of an invoice, or all that is due."""
        command = WriteOff(self.act(), UUID(invoice["id"]), "Moved away", amount)
        return self.done(write_off_invoices, command)

    def replacement(
        self, invoice: InvoiceDocument, total: int = 10_000, **values: Any
    ) -> ReplaceInvoice:
        """Prepare a command that replaces an invoice by one of this total."""
        named = {field.name for field in fields(DraftContent)}
        content = self.content(total, **{name: values[name] for name in values.keys() & named})
        command = ReplaceInvoice(self.act(), UUID(invoice["id"]), content, "A mistake")
        return replace(command, **{name: values[name] for name in values.keys() - named})

    def replaced(
        self, invoice: InvoiceDocument, total: int = 10_000, **values: Any
    ) -> InvoiceDocument:
        """Replace an invoice by one of this total."""
        return self.done(replace_invoices, self.replacement(invoice, total, **values))

    def postings(self, kind: str) -> list[tuple[str, int]]:
        """List the postings of one kind of entry: account and amount, in their order."""
        rows = self.snapshot()["posting"][1]
        return [(row["account"], row["amount"]) for row in rows if row["kind"] == kind]

    def invoice(self, invoice: InvoiceDocument, today: date | None = None) -> InvoiceDocument:
        """Read an invoice as it is now."""
        day = today or clock.day(self.act.now, self.organization["time_zone"])
        return self.read(invoice_queries.get_invoice, UUID(invoice["id"]), today=day)

    def balances(self, **values: Any) -> dict[str, int]:
        """Sum the accounts, by name."""
        held = self.read(balances.balances, **values)
        return {each["account"]: each["balance"] for each in held}


@dataclass(frozen=True, slots=True)
class Opening:
    """Opens the books of new organizations in one database."""

    database: Database

    def __call__(self, **values: Any) -> Books:
        """Make an organization; what is not named has made-up values."""
        [answer] = self.database.write(
            lambda conn: create_organizations(conn, [self.command(**values)])
        )
        assert not isinstance(answer.outcome, Refusal), answer.outcome
        return Books(self.database, answer.outcome)

    def command(self, **values: Any) -> CreateOrganization:
        """Prepare a command that makes an organization."""
        command = CreateOrganization(
            act=Acts(ids.NIL)(),
            slug=f"school-{ids.new().hex}",
            name="North School",
            country="DE",
            currency="EUR",
            time_zone="Europe/Berlin",
            tax_id="DE123456789",
            address={"city": "Berlin"},
            terms_days=30,
        )
        return replace(command, **values)


@pytest.fixture
def open_books(database: Database) -> Opening:
    """Return a factory of organizations in the shared database."""
    return Opening(database)


@pytest.fixture
def books(open_books: Opening) -> Books:
    """Return the books of a new organization: EUR, Europe/Berlin, terms of 30 days."""
    return open_books()
