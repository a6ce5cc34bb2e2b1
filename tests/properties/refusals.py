"""One command for each way in which a rule says no, on books that give every reason to."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from uuid import UUID

from tallystick.invoices.content import LINES_MAX
from tallystick.invoices.correcting import void_invoices
from tallystick.invoices.drafting import (
    ChangeDraft,
    CreateDraft,
    DeleteDraft,
    change_drafts,
    create_drafts,
    delete_drafts,
)
from tallystick.invoices.erasing import erase_customers
from tallystick.invoices.issuing import issue_invoices, issue_new
from tallystick.invoices.totals import MILLION, Discount, Line
from tallystick.kernel import ids
from tallystick.kernel.actor import OPERATOR, Act
from tallystick.kernel.database import Database
from tallystick.kernel.idempotency import Command
from tallystick.kernel.money import AMOUNT_MAX
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
    CreateOrganization,
    SetOrganizationActive,
    change_organizations,
    create_organizations,
    set_organizations_active,
)
from tallystick.payments.allocating import Share
from tallystick.payments.planning import INVOICES_MAX
from tallystick.payments.recording import record_payments
from tests.races.books import START, Books, UseCase, fingerprint, run

TODAY = START.date()
TOMORROW = TODAY + timedelta(days=1)

Refused = tuple[str, UseCase, Command]
"""The code that is due, and whom to ask what."""


@dataclass(frozen=True)
class Trap:
    """Books with something in every state: whatever is asked wrongly of them is refused."""

    books: Books
    draft: UUID
    empty: UUID
    free: UUID
    issued: UUID
    paid: UUID
    void: UUID
    of_another: UUID
    another: UUID
    retired: UUID
    erased: UUID
    closed: Books
    """Another organization, which is inactive."""
    closed_draft: UUID
    closed_invoice: UUID

    @classmethod
    def set(cls, database: Database) -> "Trap":
        """Fill the books."""
        books = Books.open(database)
        draft, empty, free = books.drafted(3, 100)
        for draft_id, lines in ((empty, ()), (free, (Line("Gift", MILLION, 0, 0),))):
            content = replace(books.content(100), lines=lines)
            run(database, change_drafts, ChangeDraft(books.act(), draft_id, 1, content))
        issued, paid, void = books.issued(3, 1_000)
        run(database, record_payments, books.pay(400, paid))
        run(database, void_invoices, books.void(void))
        another, retired, erased = (
            UUID(made["id"])
            for made in run(
                database,
                create_customers,
                *(replace(books.customer("B"), external_reference=f"R-{n}") for n in range(3)),
            )
        )
        content = replace(books.content(100), customer_id=another)
        of_another = run(database, issue_new, replace(books.issue_new(1), content=content))[0]["id"]
        run(database, set_customers_active, SetCustomerActive(books.act(), retired, active=False))
        run(database, erase_customers, EraseCustomer(books.act(), erased))
        closed = Books.open(database)
        closed_draft, closed_invoice = *closed.drafted(1, 100), *closed.issued(1, 100)
        closing = SetOrganizationActive(closed.act(), active=False)
        run(database, set_organizations_active, closing)
        return cls(
            *(books, draft, empty, free, issued, paid, void, UUID(of_another)),
            *(another, retired, erased, closed, closed_draft, closed_invoice),
        )

    def all(self) -> Iterator[Refused]:
        """Give every refusal there is, each under a key of its own."""
        yield from self._payments()
        yield from self._parts()
        yield from self._issues()
        yield from self._contents()
        yield from self._corrections()
        yield from self._customers()
        yield from self._organizations()

    def _payments(self) -> Iterator[Refused]:
        books, unknown = self.books, ids.new()
        payment = books.pay(100, self.issued)
        for code, command in (
            ("invoice.unknown", books.pay(100, unknown)),
            ("invoice.unknown", books.pay(100, self.closed_invoice)),
            ("customer.unknown", books.pay(100, customer_id=unknown)),
            ("customer.unknown", books.pay(100, customer_id=self.closed.customer_id)),
            ("invoice.not_payable", books.pay(100, self.draft)),
            ("invoice.not_payable", books.pay(100, self.void)),
            ("payment.customers_differ", books.pay(100, self.issued, self.of_another)),
            ("payment.customers_differ", books.pay(1, self.issued, customer_id=self.another)),
            ("money.currency", replace(payment, currency="USD")),
            ("payment.exceeds_due", books.pay(1_001, self.issued)),
            ("payment.exceeds_due", books.pay(1_601, self.issued, self.paid)),
            ("payment.amount_not_positive", books.pay(0, self.issued)),
            ("payment.amount_not_positive", books.pay(-5, self.issued)),
            ("payment.payer_missing", books.pay(100)),
            ("payment.too_many_invoices", books.pay(1, *[self.issued] * (INVOICES_MAX + 1))),
            ("payment.invoice_twice", books.pay(100, self.issued, self.issued)),
            ("payment.date_in_future", replace(payment, paid_on=TOMORROW)),
            ("organization.inactive", self.closed.pay(100, self.closed_invoice)),
        ):
            key = ids.new().hex
            yield code, record_payments, replace(command, act=replace(command.act, key=key))

    def _parts(self) -> Iterator[Refused]:
        for code, amount, shares in (
            ("payment.exceeds_due", 1_001, (Share(self.issued, 1_001),)),
            ("payment.exceeds_due", 602, (Share(self.issued, 1), Share(self.paid, 601))),
            ("payment.shares_mixed", 100, (Share(self.issued, 1), Share(self.paid))),
            ("payment.shares_exceed_amount", 100, (Share(self.issued, 60), Share(self.paid, 60))),
            ("payment.rest_unallocated", 100, (Share(self.issued, 60),)),
            ("payment.amount_not_positive", 100, (Share(self.issued, 0),)),
        ):
            yield code, record_payments, replace(self.books.pay(amount), invoices=shares)

    def _issues(self) -> Iterator[Refused]:
        books = self.books
        for code, command in (
            ("invoice.unknown", books.issue(ids.new())),
            ("invoice.unknown", books.issue(self.closed_draft)),
            ("invoice.issued", books.issue(self.issued)),
            ("invoice.issued", books.issue(self.void)),
            ("invoice.no_lines", books.issue(self.empty)),
            ("invoice.total_zero", books.issue(self.free)),
            ("invoice.date_in_future", replace(books.issue(self.draft), issue_date=TOMORROW)),
            (
                "invoice.date_before_last",
                replace(books.issue(self.draft), issue_date=TODAY - timedelta(days=1)),
            ),
            ("organization.inactive", self.closed.issue(self.closed_draft)),
        ):
            yield code, issue_invoices, command

    def _contents(self) -> Iterator[Refused]:
        books, plain = self.books, self.books.content(100)
        line = plain.lines[0]
        dear = replace(line, unit_price=AMOUNT_MAX, quantity_micro=2 * MILLION)
        for code, content in (
            ("customer.unknown", replace(plain, customer_id=ids.new())),
            ("customer.inactive", replace(plain, customer_id=self.retired)),
            ("invoice.too_many_lines", replace(plain, lines=(line,) * (LINES_MAX + 1))),
            ("invoice.terms_malformed", replace(plain, terms_days=-1)),
            ("invoice.series_reserved", replace(plain, series="REC")),
            ("invoice.discount_exceeds_total", replace(plain, discount=Discount("fixed", 101))),
            (
                "invoice.discount_exceeds_line",
                replace(plain, lines=(replace(line, discount=Discount("fixed", 101)),)),
            ),
            ("money.too_large", replace(plain, lines=(dear,))),
        ):
            yield code, issue_new, replace(books.issue_new(1), content=content)
            yield code, create_drafts, CreateDraft(books.act(), content)
            yield code, change_drafts, ChangeDraft(books.act(), self.draft, 1, content)
        closed = self.closed
        yield "organization.inactive", issue_new, closed.issue_new(100)
        yield "organization.inactive", create_drafts, CreateDraft(closed.act(), closed.content(1))
        early = replace(books.issue_new(1), issue_date=date(2026, 1, 1))
        yield "invoice.date_before_last", issue_new, early

    def _corrections(self) -> Iterator[Refused]:
        books, content, closed = self.books, self.books.content(100), self.closed
        for code, command in (
            ("invoice.unknown", books.void(ids.new())),
            ("invoice.draft", books.void(self.draft)),
            ("invoice.void", books.void(self.void)),
            ("invoice.paid", books.void(self.paid)),
            ("organization.inactive", closed.void(self.closed_invoice)),
        ):
            yield code, void_invoices, command
        for code, at, invoice_id, version in (
            ("invoice.unknown", books, ids.new(), 1),
            ("invoice.issued", books, self.issued, 1),
            ("precondition.stale", books, self.draft, 7),
            ("organization.inactive", closed, self.closed_draft, 1),
        ):
            changed = ChangeDraft(at.act(), invoice_id, version, content)
            yield code, change_drafts, changed
            yield code, delete_drafts, DeleteDraft(at.act(), invoice_id, version)

    def _customers(self) -> Iterator[Refused]:
        books, mine = self.books, self.books.customer_id
        new = books.customer("C")
        taken = replace(new, act=books.act(), external_reference="R-0")
        yield "customer.reference_taken", create_customers, taken
        malformed = replace(new, act=books.act(), email="nowhere")
        yield "customer.email_malformed", create_customers, malformed
        yield "organization.inactive", create_customers, self.closed.customer("C")
        for code, customer_id, version, changes in (
            ("customer.unknown", ids.new(), 1, {"name": "D"}),
            ("precondition.stale", mine, 7, {"name": "D"}),
            ("customer.erased", self.erased, 2, {"name": "D"}),
            ("customer.reference_taken", mine, 1, {"external_reference": "R-0"}),
            ("customer.email_malformed", mine, 1, {"email": "a@b@c"}),
        ):
            changed = ChangeCustomer(books.act(), customer_id, version, changes)
            yield code, change_customers, changed
        for code, customer_id, active in (
            ("customer.unknown", ids.new(), False),
            ("customer.active_already", mine, True),
            ("customer.inactive_already", self.retired, False),
            ("customer.erased", self.erased, True),
        ):
            setting = SetCustomerActive(books.act(), customer_id, active=active)
            yield code, set_customers_active, setting
        yield "customer.unknown", erase_customers, EraseCustomer(books.act(), ids.new())

    def _organizations(self) -> Iterator[Refused]:
        books, closed = self.books, self.closed
        for code, version, changes in (
            ("precondition.stale", 7, {"name": "S"}),
            ("organization.terms_malformed", 1, {"terms_days": -1}),
            ("organization.country_unknown", 1, {"country": "xx"}),
            ("organization.time_zone_unknown", 1, {"time_zone": "Mars/Olympus"}),
        ):
            changed = ChangeOrganization(books.act(), version, changes)
            yield code, change_organizations, changed
        reopened = ChangeOrganization(closed.act(), 2, {"name": "S"})
        yield "organization.inactive", change_organizations, reopened
        for code, at, active in (
            ("organization.active_already", books, True),
            ("organization.inactive_already", closed, False),
        ):
            setting = SetOrganizationActive(at.act(), active=active)
            yield code, set_organizations_active, setting
        founding = CreateOrganization(
            act=books.act(),
            slug="taken",
            name="S",
            country="DE",
            currency="EUR",
            time_zone="UTC",
            tax_id=None,
            address={},
            terms_days=1,
        )
        run(books.database, create_organizations, founding)
        for code, again in (
            ("organization.slug_taken", founding),
            ("organization.slug_malformed", replace(founding, slug="-")),
            ("money.currency_unknown", replace(founding, slug="new", currency="XYZ")),
        ):
            key = ids.new().hex
            act = Act(OPERATOR, ids.NIL, START, key, fingerprint(key))
            yield code, create_organizations, replace(again, act=act)
