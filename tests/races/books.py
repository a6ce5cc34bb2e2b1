"""The books of one organization, as a test writes in them: commands in, answers out, no HTTP."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, func, select

from tallystick.invoices import queries
from tallystick.invoices.content import DraftContent
from tallystick.invoices.correcting import VoidInvoice
from tallystick.invoices.drafting import CreateDraft, create_drafts
from tallystick.invoices.issuing import IssueInvoice, IssueNew, issue_new
from tallystick.invoices.models import CREDIT_NOTES, INVOICES
from tallystick.invoices.totals import Line
from tallystick.invoices.writing_off import WriteOff
from tallystick.kernel import ids
from tallystick.kernel.actor import OPERATOR, Act
from tallystick.kernel.coalescing import BATCH_MAX
from tallystick.kernel.database import Database
from tallystick.kernel.errors import Refusal
from tallystick.kernel.idempotency import KEYS, Answer, Command
from tallystick.ledger.balances import balances
from tallystick.migrations.tables import METADATA
from tallystick.parties.customers import CreateCustomer, create_customers
from tallystick.parties.organizations import CreateOrganization, create_organizations
from tallystick.payments.allocating import Share
from tallystick.payments.crediting import CreditInvoice
from tallystick.payments.models import ALLOCATIONS, PAYMENTS
from tallystick.payments.planning import Excess
from tallystick.payments.recording import RecordPayment
from tallystick.payments.replacing import ReplaceInvoice
from tests.factories import filled

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
MILLION = 1_000_000

UseCase = Callable[[Connection, Sequence[Any]], list[Answer[Any]]]


def fingerprint(*said: object) -> str:
    """Stand in for the fingerprint that the edge takes of a request."""
    return hashlib.sha256(repr(said).encode()).hexdigest()


@dataclass(frozen=True)
class Books:
    """One organization with one customer; every invoice made here is free of tax."""

    database: Database
    organization_id: UUID
    customer_id: UUID
    at: datetime = START

    @classmethod
    def open(cls, database: Database) -> "Books":
        """Make an organization and a customer in a database that may hold others."""
        slug = ids.new().hex
        founding = CreateOrganization(
            act=Act(OPERATOR, ids.NIL, START, slug, fingerprint(slug)),
            slug=slug,
            name="North School",
            country="DE",
            currency="EUR",
            time_zone="Europe/Berlin",
            tax_id=None,
            address={},
            terms_days=30,
        )
        organization_id = UUID(run(database, create_organizations, founding)[0]["id"])
        books = cls(database, organization_id, ids.NIL)
        customer = run(database, create_customers, books.customer("Ann"))[0]
        return cls(database, organization_id, UUID(customer["id"]))

    def act(self, key: str | None = None, *, said: object = None) -> Act:
        """Make an act under a key, or under a new one."""
        key = key or ids.new().hex
        return Act(OPERATOR, self.organization_id, self.at, key, fingerprint(said))

    def customer(self, name: str) -> CreateCustomer:
        """Ask for another customer."""
        return CreateCustomer(
            act=self.act(),
            kind="student",
            name=name,
            given_name=None,
            family_name=None,
            email=None,
            phone=None,
            address={},
            tax_id=None,
            language=None,
            external_reference=None,
        )

    def content(self, total: int, *, note: str | None = None) -> DraftContent:
        """Say what stands on an invoice of this total."""
        line = Line("Tuition", MILLION, total, 0)
        return DraftContent(self.customer_id, "EUR", (line,), note=note)

    def pay(
        self,
        amount: int,
        *invoice_ids: UUID,
        key: str | None = None,
        excess: Excess = "refuse",
        customer_id: UUID | None = None,
    ) -> RecordPayment:
        """Ask to record a payment over invoices, the oldest first."""
        act = self.act(key, said=(amount, invoice_ids, excess, customer_id))
        shares = tuple(Share(invoice_id) for invoice_id in invoice_ids)
        return RecordPayment(
            act, amount, "EUR", "cash", customer_id=customer_id, invoices=shares, excess=excess
        )

    def issue(self, invoice_id: UUID, *, key: str | None = None) -> IssueInvoice:
        """Ask to issue a draft."""
        return IssueInvoice(self.act(key, said=invoice_id), invoice_id)

    def issue_new(self, total: int, *, key: str | None = None, note: str | None = None) -> IssueNew:
        """Ask to draft and issue an invoice of this total."""
        return IssueNew(self.act(key, said=(total, note)), self.content(total, note=note))

    def void(self, invoice_id: UUID, *, key: str | None = None) -> VoidInvoice:
        """Ask to void an invoice."""
        return VoidInvoice(self.act(key, said=invoice_id), invoice_id, "a mistake")

    def credit(self, invoice_id: UUID) -> CreditInvoice:
        """Ask to credit all of an invoice."""
        return CreditInvoice(self.act(said=invoice_id), invoice_id, "a mistake")

    def write_off(self, invoice_id: UUID) -> WriteOff:
        """Ask to give up all that is due on an invoice."""
        return WriteOff(self.act(said=invoice_id), invoice_id, "moved away")

    def replace(self, invoice_id: UUID) -> ReplaceInvoice:
        """Ask to put an invoice of 100 in the place of another one."""
        return ReplaceInvoice(self.act(said=invoice_id), invoice_id, self.content(100), "a mistake")

    def issued(self, count: int, total: int) -> list[UUID]:
        """Issue invoices of this total."""
        wanted = [self.issue_new(total) for _ in range(count)]
        return [UUID(invoice["id"]) for invoice in run(self.database, issue_new, *wanted)]

    def drafted(self, count: int, total: int) -> list[UUID]:
        """Make drafts of this total."""
        wanted = [CreateDraft(self.act(), self.content(total)) for _ in range(count)]
        return [UUID(draft["id"]) for draft in run(self.database, create_drafts, *wanted)]

    def invoice(self, invoice_id: UUID) -> queries.InvoiceDocument:
        """Read an invoice."""
        organization_id, today = self.organization_id, self.at.date()
        return self.database.read(
            lambda conn: queries.get_invoice(conn, organization_id, invoice_id, today=today)
        )

    def standings(self, *invoice_ids: UUID) -> dict[UUID, tuple[str, int]]:
        """Tell the status of invoices and what is paid on each."""
        column = INVOICES.c
        statement = select(column.id, column.status, column.paid).where(
            column.organization_id == self.organization_id, column.id.in_(invoice_ids)
        )
        rows = self.database.read(lambda conn: conn.execute(statement).all())
        return {row.id: (row.status, row.paid) for row in rows}

    def credited(self) -> list[int]:
        """List the numbers of all credit notes."""
        numbers = select(CREDIT_NOTES.c.sequence).where(
            CREDIT_NOTES.c.organization_id == self.organization_id
        )
        return self.database.read(lambda conn: sorted(conn.execute(numbers).scalars()))

    def balances(self) -> dict[str, int]:
        """Sum the accounts, by name."""
        held = self.database.read(lambda conn: balances(conn, self.organization_id))
        return {each["account"]: each["balance"] for each in held}

    def allocated(self, *invoice_ids: UUID) -> list[int]:
        """List what payments gave to invoices, from the rows of the allocations."""
        amounts = select(ALLOCATIONS.c.amount).where(
            ALLOCATIONS.c.organization_id == self.organization_id,
            ALLOCATIONS.c.invoice_id.in_(invoice_ids),
        )
        return self.database.read(lambda conn: sorted(conn.execute(amounts).scalars()))

    def receipts(self) -> list[int]:
        """List the numbers of all receipts."""
        numbers = select(PAYMENTS.c.receipt_sequence).where(
            PAYMENTS.c.organization_id == self.organization_id,
            PAYMENTS.c.receipt_sequence.is_not(None),
        )
        return self.database.read(lambda conn: sorted(conn.execute(numbers).scalars()))

    def sequences(self) -> list[int]:
        """List the numbers of all issued invoices."""
        numbers = select(INVOICES.c.sequence).where(
            INVOICES.c.organization_id == self.organization_id, INVOICES.c.status != "draft"
        )
        return self.database.read(lambda conn: sorted(conn.execute(numbers).scalars()))

    def keys(self) -> int:
        """Count the idempotency keys."""
        mine = KEYS.c.organization_id == self.organization_id
        count = select(func.count()).select_from(KEYS).where(mine)
        return self.database.read(lambda conn: conn.execute(count).scalar_one())


def run(database: Database, use_case: UseCase, *commands: Command) -> list[Any]:
    """Run commands that must succeed, as many at once as a batch may hold, and give their results.

    Raises:
        AssertionError: one was refused.
    """
    batches = [commands[at : at + BATCH_MAX] for at in range(0, len(commands), BATCH_MAX)]
    return [result(given) for batch in batches for given in answer_all(database, use_case, *batch)]


def answer_all(database: Database, use_case: UseCase, *commands: Command) -> list[Answer[Any]]:
    """Run commands in one transaction and give their answers."""
    return database.write(lambda conn: use_case(conn, commands))


def answer(database: Database, use_case: UseCase, command: Command) -> Answer[Any]:
    """Run one command in a transaction of its own and give its answer."""
    return answer_all(database, use_case, command)[0]


def result(given: Answer[Any]) -> Any:
    """Give the result in an answer.

    Raises:
        AssertionError: it is a refusal.
    """
    assert not isinstance(given.outcome, Refusal), given.outcome
    return given.outcome


def code(given: Answer[Any]) -> str:
    """Name the refusal in an answer, or say that it is none."""
    return given.outcome.code if isinstance(given.outcome, Refusal) else "done"


def content_of(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Read every row of every table, in the order of the keys."""

    def everything(conn: Connection) -> dict[str, list[tuple[Any, ...]]]:
        rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in METADATA.tables}
        for table, _ in filled(conn):
            found = conn.execute(select(table).order_by(*table.primary_key))
            rows[table.name] = [tuple(row) for row in found]
        return rows

    return database.read(everything)
