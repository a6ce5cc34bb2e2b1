"""Draws commands at random, gives them to the product and to the model, and compares all they say.

After every step: the whole audit, every balance of the ledger now and as of yesterday, every
invoice and payment, the credit of each customer, one event for each effect; and whoever was refused
has written nothing but their key.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from sqlalchemy import Connection, func, select

from tallystick.invoices import queries as invoice_queries
from tallystick.invoices.content import DraftContent
from tallystick.invoices.correcting import VoidInvoice, void_invoices
from tallystick.invoices.drafting import (
    ChangeDraft,
    CreateDraft,
    DeleteDraft,
    change_drafts,
    create_drafts,
    delete_drafts,
)
from tallystick.invoices.issuing import IssueInvoice, IssueNew, issue_invoices, issue_new
from tallystick.invoices.queries import InvoiceFilter
from tallystick.invoices.totals import MILLION, Line
from tallystick.kernel import ids
from tallystick.kernel.actor import OPERATOR, Act
from tallystick.kernel.database import Database
from tallystick.kernel.errors import Refusal
from tallystick.kernel.events import EVENTS
from tallystick.kernel.idempotency import Answer
from tallystick.ledger.balances import balances
from tallystick.parties.customers import CreateCustomer, create_customers
from tallystick.parties.organizations import CreateOrganization, create_organizations
from tallystick.payments import queries as payment_queries
from tallystick.payments.allocating import Share
from tallystick.payments.queries import PaymentFilter
from tallystick.payments.recording import RecordPayment, record_payments
from tallystick.wiring import audit
from tests.factories import remove_all
from tests.properties.model import TERMS_DAYS, Command, Invoice, Model
from tests.races.books import content_of, fingerprint

UseCase = Callable[[Connection, Sequence[Any]], list[Answer[Any]]]
Aim = Literal["given", "oldest", "customer", "credit", "too much", "unpayable", "nothing"]

ZONES = ["Pacific/Auckland", "America/Mexico_City", "Europe/Madrid", "UTC"]
STARTS = [
    datetime(2026, 12, 30, 10, 30, tzinfo=UTC),
    datetime(2027, 3, 27, 23, 59, 59, tzinfo=UTC),
    datetime(2028, 2, 28, 12, 0, tzinfo=UTC),
]
ENOUGH = 12
"""Invoices in one run: more would make the runs slower and find nothing else."""

picks = st.integers(0, 60)
prices = st.sampled_from([1_000, 50, 333, 1, 99_999, 2_500, 0])
lines = st.builds(
    Line,
    st.just("Tuition"),
    st.integers(1, 3).map(lambda whole: whole * MILLION),
    prices,
    st.sampled_from([0, 70_000, 190_000]),
)


@dataclass(frozen=True)
class Wish:
    """What an invoice shall say; customers and drafts are picked by number."""

    pick: int
    customer: int
    lines: tuple[Line, ...]
    currency: str
    series: str
    terms_days: int | None
    days_ago: int | None
    """When it is issued: None today, 0 today by name, above before that, below in the future."""


wishes = st.builds(
    Wish,
    picks,
    picks,
    st.lists(lines, max_size=3).map(tuple),
    st.sampled_from(["EUR", "EUR", "EUR", "JPY"]),
    st.sampled_from(["INV", "INV", "B"]),
    st.sampled_from([None, None, 0, 1, 30]),
    st.sampled_from([None] * 8 + [0, 1, 3, -1]),
)


@dataclass(frozen=True)
class Purse:
    """A payment to draw: invoices picked by number, and a part in thirds of what they are due."""

    picks: tuple[int, ...]
    thirds: int
    over: int
    days_ago: int | None


purses = st.builds(
    Purse,
    st.lists(picks, min_size=1, max_size=3).map(tuple),
    st.integers(1, 3),
    st.sampled_from([1, 7, 100_000]),
    st.sampled_from([None] * 8 + [0, 2, -1]),
)
aims: st.SearchStrategy[Aim] = st.sampled_from(
    ["given", "oldest", "customer", "credit", "too much", "unpayable", "nothing"]
)


class Machine(RuleBasedStateMachine):
    """The books of one organization on one database, and the model beside them."""

    make_model: type[Model] = Model

    def __init__(self, database: Database, said: Counter[str]) -> None:
        super().__init__()
        self.database = database
        self.said = said
        """How often each answer was given, in all runs together."""
        self.model: Model = self.make_model("UTC")
        self.organization_id = ids.NIL
        self.now = STARTS[0]
        self.keys = 0
        self.history: list[tuple[UseCase, Command]] = []
        self.seen: dict[str, Any] = {}

    @initialize(zone=st.sampled_from(ZONES), start=st.sampled_from(STARTS))
    def found(self, zone: str, start: datetime) -> None:
        """Begin with empty books."""
        self.database.write(remove_all)
        self.now = start
        self.model = self.make_model(zone)
        founding = CreateOrganization(
            act=Act(OPERATOR, ids.NIL, start, "found", fingerprint()),
            slug="north",
            name="North School",
            country="DE",
            currency="EUR",
            time_zone=zone,
            tax_id=None,
            address={},
            terms_days=TERMS_DAYS,
        )
        answers = self.database.write(lambda conn: create_organizations(conn, [founding]))
        assert not isinstance(answers[0].outcome, Refusal)
        self.organization_id = UUID(answers[0].outcome["id"])
        self.play(create_customers, self._customer(None))
        tuition = Line("Tuition", MILLION, 1_000, 190_000)
        content = DraftContent(self._customer_id(0), "EUR", (tuition,))
        self.play(issue_new, *[IssueNew(self._act(), content) for _ in range(2)])
        self.play(create_drafts, CreateDraft(self._act(), content))

    def play(self, use_case: UseCase, *commands: Command) -> None:
        """Run commands in one batch, and let the model follow them one by one."""
        answers = self.database.write(lambda conn: use_case(conn, commands))
        assert len(answers) == len(commands)
        for command, answer in zip(commands, answers, strict=True):
            self.model.follow(command, answer)
            self.said[self._said(command, answer)] += 1
            self.history.append((use_case, command))
        seen = content_of(self.database)
        if all(isinstance(answer.outcome, Refusal) or answer.replayed for answer in answers):
            before = {**self.seen, "idempotency_key": None}
            assert before == {**seen, "idempotency_key": None}, "a refusal wrote something"
        # One key each, and that of the founding; nothing is kept of what came under a used key.
        assert len(seen["idempotency_key"]) == len(self.model.answers) + 1
        self.seen = seen

    @rule(reference=st.sampled_from([None, "A-1", "A-2"]))
    @precondition(lambda self: len(self.model.customers) < 3)
    def create_customer(self, reference: str | None) -> None:
        self.play(create_customers, self._customer(reference))

    @rule(several=st.lists(wishes, min_size=1, max_size=3))
    @precondition(lambda self: len(self.model.invoices) < ENOUGH)
    def draft(self, several: list[Wish]) -> None:
        commands = [CreateDraft(self._act(wish), self._content(wish)) for wish in several]
        self.play(create_drafts, *commands)

    @rule(wish=wishes, stale=st.sampled_from([False, False, True]))
    @precondition(lambda self: self.model.invoices)
    def change(self, wish: Wish, *, stale: bool) -> None:
        invoice = self._invoice(wish.pick, "draft")
        version = invoice.version + stale
        command = ChangeDraft(self._act(wish), invoice.id, version, self._content(wish))
        self.play(change_drafts, command)

    @rule(pick=picks)
    @precondition(lambda self: self.model.invoices)
    def delete(self, pick: int) -> None:
        invoice = self._invoice(pick, "draft")
        self.play(delete_drafts, DeleteDraft(self._act(pick), invoice.id, invoice.version))

    @rule(several=st.lists(wishes, min_size=1, max_size=3))
    @precondition(lambda self: self.model.invoices)
    def issue(self, several: list[Wish]) -> None:
        commands = [
            IssueInvoice(
                self._act(wish), self._invoice(wish.pick, "draft").id, self._day(wish.days_ago)
            )
            for wish in several
        ]
        self.play(issue_invoices, *commands)

    @rule(several=st.lists(wishes, min_size=1, max_size=4))
    @precondition(lambda self: len(self.model.invoices) < ENOUGH)
    def issue_new(self, several: list[Wish]) -> None:
        commands = [
            IssueNew(self._act(wish), self._content(wish), self._day(wish.days_ago))
            for wish in several
        ]
        self.play(issue_new, *commands)

    @rule(pick=picks, twice=st.booleans())
    @precondition(lambda self: self.model.invoices)
    def void(self, pick: int, *, twice: bool) -> None:
        invoice_id = self._invoice(pick, "open").id
        commands = [VoidInvoice(self._act(pick), invoice_id, "a mistake") for _ in range(1 + twice)]
        self.play(void_invoices, *commands)

    @rule(purse=purses)
    def pay_given(self, purse: Purse) -> None:
        self.play(record_payments, self._payment("given", purse))

    @rule(purse=purses)
    def pay_oldest_first(self, purse: Purse) -> None:
        self.play(record_payments, self._payment("oldest", purse))

    @rule(purse=purses)
    def pay_by_customer(self, purse: Purse) -> None:
        self.play(record_payments, self._payment("customer", purse))

    @rule(purse=purses)
    def pay_with_credit(self, purse: Purse) -> None:
        self.play(record_payments, self._payment("credit", purse))

    @rule(purse=purses)
    def pay_too_much(self, purse: Purse) -> None:
        self.play(record_payments, self._payment("too much", purse))

    @rule(purse=purses, aim=st.sampled_from(["unpayable", "nothing"]))
    def pay_what_cannot_be_paid(self, purse: Purse, aim: Aim) -> None:
        self.play(record_payments, self._payment(aim, purse))

    @rule(several=st.lists(st.tuples(aims, purses), min_size=2, max_size=5), again=st.booleans())
    def pay_in_one_batch(self, several: list[tuple[Aim, Purse]], *, again: bool) -> None:
        """A batch may hold its own first command again, and another body under its key."""
        commands = [self._payment(aim, purse) for aim, purse in several]
        if again:
            first = commands[0]
            other = replace(first.act, fingerprint=fingerprint("another body"))
            commands += [first, replace(first, act=other, amount=first.amount + 1)]
        self.play(record_payments, *commands)

    @rule(pick=picks, purse=purses)
    def repeat_among_new_ones(self, pick: int, purse: Purse) -> None:
        use_case, command = self.history[pick % len(self.history)]
        again = replace(command, act=replace(command.act, at=self.now))
        if use_case is record_payments:
            self.play(use_case, self._payment("oldest", purse), again)
        else:
            self.play(use_case, again)

    @rule(pick=picks, purse=purses)
    def use_a_key_for_something_else(self, pick: int, purse: Purse) -> None:
        _, earlier = self.history[pick % len(self.history)]
        command = self._payment("customer", purse)
        self.play(record_payments, replace(command, act=replace(command.act, key=earlier.act.key)))

    @rule(
        pause=st.sampled_from(
            [timedelta(minutes=5), timedelta(days=1), timedelta(days=20), timedelta(seconds=-2)]
        )
    )
    def time_passes(self, pause: timedelta) -> None:
        """Clocks of two machines differ, so time may also go back a little."""
        self.now += pause

    @rule(before=st.booleans(), new_year=st.booleans())
    def midnight_comes(self, *, before: bool, new_year: bool) -> None:
        zone = ZoneInfo(self.model.zone)
        today = self.now.astimezone(zone).date()
        day = date(today.year + 1, 1, 1) if new_year else today + timedelta(days=1)
        midnight = datetime.combine(day, time(0), zone).astimezone(UTC)
        self.now = midnight - timedelta(microseconds=1) if before else midnight

    @invariant()
    def all_agree(self) -> None:
        """Compare everything that can be read, in one transaction."""
        if self.history:
            self.database.read(self._compare)

    def _compare(self, conn: Connection) -> None:
        findings = audit(conn)
        assert [finding for finding in findings if finding.violations] == []
        yesterday = self._today() - timedelta(days=1)
        for on in (None, yesterday):
            held = balances(conn, self.organization_id, on=on)
            by_account = {(row["account"], row["currency"]): row["balance"] for row in held}
            assert by_account == self.model.balances(on=on)
        owed = balances(conn, self.organization_id, account="Liabilities:Credit")
        by_customer = {(row["account"], row["currency"]): row["balance"] for row in owed}
        assert by_customer == self.model.credit()
        told = conn.execute(
            select(func.count()).where(EVENTS.c.organization_id == self.organization_id)
        )
        assert told.scalar_one() == self.model.done
        self._compare_documents(conn)

    def _compare_documents(self, conn: Connection) -> None:
        today = self._today()
        invoices = invoice_queries.list_invoices(
            conn, self.organization_id, InvoiceFilter(), today=today, limit=100
        )
        assert {UUID(shown["id"]) for shown in invoices.items} == set(self.model.invoices)
        for shown in invoices.items:
            invoice = self.model.invoices[UUID(shown["id"])]
            self.model.compare(invoice, shown)
            late = invoice.due_date is not None and invoice.due_date < today
            assert shown["overdue"] == (invoice.status == "open" and invoice.due > 0 and late)
        payments = payment_queries.list_payments(
            conn, self.organization_id, PaymentFilter(), limit=100
        )
        by_id = {str(payment.id): payment for payment in self.model.payments}
        assert {paid["id"] for paid in payments.items} == set(by_id)
        for paid in payments.items:
            self.model.compare_payment(by_id[paid["id"]], paid)

    @staticmethod
    def _said(command: Command, answer: Answer[Any]) -> str:
        if answer.replayed:
            return "replayed"
        outcome = answer.outcome
        return outcome.code if isinstance(outcome, Refusal) else type(command).__name__

    def _today(self) -> date:
        return self.now.astimezone(ZoneInfo(self.model.zone)).date()

    def _day(self, days_ago: int | None) -> date | None:
        return None if days_ago is None else self._today() - timedelta(days=days_ago)

    def _act(self, *said: object) -> Act:
        self.keys += 1
        key = f"key-{self.keys}"
        return Act(OPERATOR, self.organization_id, self.now, key, fingerprint(key, said))

    def _customer(self, reference: str | None) -> CreateCustomer:
        return CreateCustomer(
            act=self._act(reference),
            kind="student",
            name="Ann",
            given_name=None,
            family_name=None,
            email=None,
            phone=None,
            address={},
            tax_id=None,
            language=None,
            external_reference=reference,
        )

    def _customer_id(self, pick: int) -> UUID:
        customers = list(self.model.customers)
        return customers[pick % len(customers)]

    def _content(self, wish: Wish) -> DraftContent:
        return DraftContent(
            self._customer_id(wish.customer),
            wish.currency,
            wish.lines,
            terms_days=wish.terms_days,
            series=wish.series,
        )

    def _invoice(self, pick: int, status: str) -> Invoice:
        """Pick an invoice: of this status mostly, of any now and then."""
        everyone = list(self.model.invoices.values())
        fitting = [invoice for invoice in everyone if invoice.status == status]
        chosen = everyone if pick % 5 == 4 or not fitting else fitting
        return chosen[pick // 5 % len(chosen)]

    def _payable(self, purse: Purse) -> list[Invoice]:
        """Pick open invoices of one customer and currency, each once."""
        open_ones = [
            invoice
            for invoice in self.model.invoices.values()
            if invoice.status == "open" and invoice.due
        ]
        if not open_ones:
            return []
        content = open_ones[purse.picks[0] % len(open_ones)].content
        fitting = [
            invoice
            for invoice in open_ones
            if invoice.content.customer_id == content.customer_id
            and invoice.content.currency == content.currency
        ]
        chosen = {pick % len(fitting): fitting[pick % len(fitting)] for pick in purse.picks}
        return list(chosen.values())

    def _payment(self, aim: Aim, purse: Purse) -> RecordPayment:
        if aim == "unpayable":
            return self._stray_payment(purse)
        invoices = self._payable(purse)
        if aim == "customer" or not invoices:
            return self._payment_of_customer(purse)
        due = sum(invoice.due for invoice in invoices)
        part = max(1, due * purse.thirds // 3)
        shares = tuple(Share(invoice.id) for invoice in invoices)
        payment = RecordPayment(
            act=self._act(aim, purse),
            amount={"credit": due + purse.over, "too much": due + purse.over, "nothing": 0}.get(
                aim, part
            ),
            currency=invoices[0].content.currency,
            method="bank_transfer",
            invoices=shares,
            excess="credit" if aim == "credit" else "refuse",
            paid_on=self._day(purse.days_ago),
        )
        if aim != "given":
            return payment
        amounts = [max(1, invoice.due * purse.thirds // 3) for invoice in invoices]
        shares = tuple(
            Share(invoice.id, amount) for invoice, amount in zip(invoices, amounts, strict=True)
        )
        # Now and then more came in than the shares, with and without leave to keep the rest.
        rest = purse.over if purse.over < 100 and purse.thirds == 2 else 0
        return replace(
            payment,
            amount=sum(amounts) + rest,
            invoices=shares,
            excess="credit" if purse.over == 7 else "refuse",
        )

    def _payment_of_customer(self, purse: Purse) -> RecordPayment:
        return RecordPayment(
            act=self._act("customer", purse),
            amount=purse.over * purse.thirds,
            currency="EUR",
            method="bank_transfer",
            customer_id=self._customer_id(purse.picks[0]),
            paid_on=self._day(purse.days_ago),
        )

    def _stray_payment(self, purse: Purse) -> RecordPayment:
        """Name invoices as they come: drafts, void ones, of other customers, or none at all."""
        everyone = list(self.model.invoices.values())
        named = {everyone[pick % len(everyone)].id: None for pick in purse.picks if everyone}
        return RecordPayment(
            act=self._act("unpayable", purse),
            amount=purse.over,
            currency="EUR",
            method="bank_transfer",
            invoices=tuple(Share(invoice_id) for invoice_id in named or {ids.new(): None}),
            paid_on=self._day(purse.days_ago),
        )
