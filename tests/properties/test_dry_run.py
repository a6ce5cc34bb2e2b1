"""Of a history that was made with a rule, a dry run of the rule tells just what its log tells."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject
from sqlalchemy import Connection, update

from tallystick import wiring
from tallystick.invoices.annotating import AnnotateInvoice, annotate_invoices
from tallystick.invoices.correcting import VoidInvoice, void_invoices
from tallystick.invoices.writing_off import WriteOff, write_off_invoices
from tallystick.kernel import ids
from tallystick.kernel.actor import Actor
from tallystick.kernel.database import Database
from tallystick.kernel.errors import Refusal
from tallystick.parties.models import CUSTOMERS, ORGANIZATIONS
from tallystick.payments import trying
from tallystick.payments.allocating import Share
from tallystick.payments.applying import ApplyCredit, apply_credit
from tallystick.payments.claiming import (
    ClaimPayment,
    ConfirmPayment,
    claim_payments,
    confirm_payments,
)
from tallystick.payments.crediting import CreditInvoice, credit_invoices
from tallystick.payments.provider import Failed, Succeeded
from tallystick.payments.recording import RecordPayment, record_payments
from tallystick.payments.releasing import ReleaseAllocation, release_allocations
from tallystick.payments.replacing import replace_invoices
from tallystick.payments.resolving import ResolvePayment, resolve_payments
from tallystick.payments.starting import start_payments
from tallystick.payments.trials import Case, Tally, prepare
from tallystick.rules import catalog, conditions, queries
from tallystick.rules.facts import FIELDS, SUBJECTS, Trigger
from tallystick.rules.managing import CreateRule, RuleContent, create_rules
from tallystick.rules.queries import FiringFilter
from tests.factories import START, Books, Opening
from tests.payments.online import start

EXAMPLES = {"sqlite": 500, "postgresql": 6, "mariadb": 6}
STEPS = 14
FEW_CENTS = st.integers(1, 60)
AMOUNTS = st.integers(1, 2_500)
DAYS = st.integers(0, 25)
APPROVER = Actor("user", UUID(int=7), "owner", None)
Found = dict[tuple[str, str | None], tuple[dict[str, Any], list[dict[str, Any]]]]


def written(field: Any, data: DataObject) -> Any:
    """Draw a value that a field may well have."""
    if field.choices:
        return data.draw(st.sampled_from(field.choices))
    drawn: dict[str, Any] = {
        "money": data.draw(st.sampled_from(["0.00", "0.30", "9.00", "15.00"])),
        "number": data.draw(st.integers(0, 20)),
        "date": str(START.date() + timedelta(days=data.draw(DAYS))),
        "id": str(ids.NIL),
    }
    return drawn.get(field.type, data.draw(st.sampled_from(["INV", "EUR", "x", "DE"])))


def condition(trigger: Trigger, data: DataObject, depth: int = 0) -> dict[str, Any]:
    """Draw a condition on any of the fields there are."""
    if depth < 2 and data.draw(st.booleans()):
        parts = [condition(trigger, data, depth + 1) for _ in range(data.draw(st.integers(1, 3)))]
        return {data.draw(st.sampled_from(["all", "any"])): parts}
    asked = [field for field in FIELDS.values() if field.subject in SUBJECTS[trigger]]
    field = data.draw(st.sampled_from(asked))
    operator = data.draw(st.sampled_from(conditions.OPERATORS_OF[field.type]))
    value = written(field, data)
    if operator == "is_null":
        value = data.draw(st.booleans())
    elif operator == "in":
        value = [value, written(field, data)]
    elif operator == "between":
        value = sorted([value, written(field, data)], key=lambda each: (len(str(each)), each))
    return {"field": field.name, "operator": operator, "value": value}


def rule(data: DataObject) -> RuleContent:
    """Draw a rule about payments."""
    trigger: Trigger = data.draw(st.sampled_from(["payment_settled"] * 3 + ["payment_recorded"]))
    kinds = [kind for kind in catalog.KINDS.values() if trigger in kind.triggers]
    chosen = data.draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=3, unique_by=id))
    drawn = {"percent": "3", "within_days": 10}
    return RuleContent(
        "A rule",
        trigger,
        [
            {"action": kind.name, **{name: drawn[name] for name in kind.parameters}}
            for kind in chosen
        ],
        condition(trigger, data) if data.draw(st.integers(0, 2)) == 2 else None,
        customer_kind=data.draw(st.sampled_from([None, None, "student"])),
        valid_from=data.draw(st.sampled_from([None, None, START.date() + timedelta(days=9)])),
    )


class History:
    """What happens in the books of one organization, drawn step by step."""

    def __init__(self, books: Books, data: DataObject) -> None:
        self.books = books
        self.data = data
        self.customers = [
            UUID(books.customer(kind=kind)["id"]) for kind in ("student", "corporate")
        ]
        self.invoices: dict[UUID, list[dict[str, Any]]] = {each: [] for each in self.customers}
        self.payments: list[Any] = []
        for customer in self.customers:
            self.issue(customer)

    def run(self) -> None:
        """Let anything happen, mostly payments."""
        steps: list[Callable[[UUID], object]] = [
            *[self.pay] * 5,
            *[self.issue, self.online, self.claim, self.correct, self.move] * 1,
        ]
        for _ in range(STEPS):
            self.books.act.now += timedelta(days=self.data.draw(st.integers(0, 4)))
            self.data.draw(st.sampled_from(steps))(self.data.draw(st.sampled_from(self.customers)))

    def try_to(self, use_case: Any, command: Any) -> Any:
        """Do something that may be refused."""
        [answer] = self.books.answers(use_case, command)
        return None if isinstance(answer.outcome, Refusal) else answer.outcome

    def issue(self, customer: UUID) -> None:
        made = self.books.issued(self.data.draw(AMOUNTS), customer_id=customer)
        self.invoices[customer].append(dict(made))

    def one(self, customer: UUID) -> dict[str, Any]:
        chosen = self.data.draw(st.sampled_from(self.invoices[customer]))
        return dict(self.books.invoice(chosen))  # type: ignore[arg-type]  # it needs the id alone

    def amount(self, due: int) -> int:
        """Draw all, a little less or more, or anything."""
        few = self.data.draw(FEW_CENTS)
        drawn = self.data.draw(st.sampled_from([due, due - few, due - few, due + few, few]))
        return max(1, drawn)

    def command(self, customer: UUID) -> RecordPayment:
        """Draw money that comes in, for up to three invoices or for the customer."""
        draw = self.data.draw
        today = date.fromisoformat(str(self.books.act.now.date()))
        chosen = [self.one(customer) for _ in range(draw(st.integers(1, 3)))]
        named = {each["id"]: each for each in chosen}
        shares: list[Share] = []
        amount = self.amount(sum(each["due"] for each in named.values()))
        if draw(st.booleans()):
            shares = [Share(UUID(name)) for name in named]
            if draw(st.booleans()):
                shares = [
                    Share(UUID(name), self.amount(each["due"])) for name, each in named.items()
                ]
                amount = sum(share.amount or 0 for share in shares) + draw(st.integers(0, 300))
        return self.books.payment(
            amount,
            *shares,
            customer_id=customer,
            method=draw(st.sampled_from(["cash", "cheque"])),
            excess=draw(st.sampled_from(["refuse", "credit", "credit"])),
            paid_on=draw(st.sampled_from([None, today - timedelta(days=3)])),
            reference=draw(st.sampled_from([None, "x1"])),
        )

    def pay(self, customer: UUID) -> None:
        made = self.try_to(record_payments, self.command(customer))
        if made is not None:
            self.payments.append(made)
            self.confirm(made)

    def claim(self, customer: UUID) -> None:
        said = self.command(customer)
        values = {name: getattr(said, name) for name in ("act", "amount", "currency", "method")}
        wish = ClaimPayment(
            **values, customer_id=customer, invoices=said.invoices, excess=said.excess
        )
        made = self.try_to(claim_payments, wish)
        if made is not None:
            self.correct(customer)
            self.confirm(made)

    def confirm(self, payment: Any) -> None:
        if payment["status"] != "pending_confirmation" or self.data.draw(st.booleans()):
            return
        act = replace(self.books.act(), actor=APPROVER)
        other = payment["amount"] + self.data.draw(st.sampled_from([0, 0, 5]))
        self.try_to(confirm_payments, ConfirmPayment(act, UUID(payment["id"]), amount=other))

    def online(self, customer: UUID) -> None:
        invoice = self.one(customer)
        amount = self.amount(invoice["due"])
        payment = self.try_to(start_payments, start(self.books, amount, invoice))  # type: ignore[arg-type]
        if payment is None:
            return
        self.pay(customer)
        outcome = self.data.draw(st.sampled_from([Succeeded(), Failed("declined", "No."), None]))
        if outcome is not None:
            command = ResolvePayment(self.books.act(), UUID(payment["id"]), outcome)
            self.try_to(resolve_payments, command)
            if isinstance(outcome, Failed) and self.data.draw(st.booleans()):
                late = ResolvePayment(self.books.act(), UUID(payment["id"]), Succeeded())
                self.try_to(resolve_payments, late)

    def correct(self, customer: UUID) -> None:
        act, invoice = self.books.act(), self.one(customer)
        place, few = UUID(invoice["id"]), self.data.draw(FEW_CENTS)
        put_off = self.books.act.now.date() + timedelta(days=few)
        fields = frozenset({"due_date"})
        use_case, command = self.data.draw(
            st.sampled_from(
                [
                    (credit_invoices, CreditInvoice(act, place, "A mistake", few)),
                    (write_off_invoices, WriteOff(act, place, "Moved away", few)),
                    (void_invoices, VoidInvoice(act, place, "A mistake")),
                    (annotate_invoices, AnnotateInvoice(act, place, fields, due_date=put_off)),
                    (None, None),
                ]
            )
        )
        if use_case is not None:
            self.try_to(use_case, command)
            return
        command = self.books.replacement(invoice, 900, customer_id=customer, excess="credit")  # type: ignore[arg-type]
        made = self.try_to(replace_invoices, command)
        if made is not None:
            self.invoices[customer].append(dict(made))

    def move(self, customer: UUID) -> None:
        if not self.payments:
            return
        payment = self.data.draw(st.sampled_from(self.payments))
        act, place = self.books.act(), UUID(payment["id"])
        if self.data.draw(st.booleans()):
            self.try_to(apply_credit, ApplyCredit(act, place))
        elif payment["allocations"]:
            given_to = UUID(payment["allocations"][0]["invoice_id"])
            self.try_to(release_allocations, ReleaseAllocation(act, place, given_to))


def tolerate(books: Books, customer: UUID, data: DataObject) -> None:
    """Let rests be written off, of one customer more than of others."""
    general, own = data.draw(st.sampled_from([(0, 40), (40, None), (100, 0)]))

    def work(conn: Connection) -> None:
        here = ORGANIZATIONS.c.id == books.organization_id
        conn.execute(update(ORGANIZATIONS).where(here).values(payment_tolerance=general))
        conn.execute(
            update(CUSTOMERS).where(CUSTOMERS.c.id == customer).values(payment_tolerance=own)
        )

    books.database.write(work)


def tried(books: Books, content: RuleContent, *, limit: int) -> tuple[Found, Tally]:
    """Try a rule over all payments, and give the cases in which it does something."""
    now = books.act.now + timedelta(seconds=1)
    trial = books.read(prepare, content, since=START.date(), until=None, now=now)
    after, found, tally = None, {}, Tally()
    while True:
        chunk = books.database.read(
            lambda conn, after=after: trying.find_cases(conn, trial, after, limit=limit)
        )
        tally.add(chunk)
        found |= dict(shown(case) for case in chunk.cases if case.fires)
        after = chunk.next_after
        if after is None:
            return found, tally


def shown(case: Case) -> Any:
    invoice_id = None if case.invoice_id is None else str(case.invoice_id)
    facts = {
        name: str(value) if isinstance(value, UUID | date) else value
        for name, value in case.facts.items()
    }
    results = [
        {name: getattr(each, name) for name in ("action", "outcome", "code", "detail", "amount")}
        for each in case.results
    ]
    return (str(case.payment["id"]), invoice_id), (facts, results)


def logged(books: Books) -> Found:
    firings = books.read(queries.list_firings, FiringFilter(), limit=500).items
    return {
        (str(each["payment_id"]), each["invoice_id"]): (each["facts"], each["results"])
        for each in firings
    }


def test_a_dry_run_tells_what_the_log_tells(own_database: Database, engine: str) -> None:
    opening = Opening(own_database)
    said: Counter[str] = Counter()

    @settings(
        max_examples=EXAMPLES[engine],
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def run(data: DataObject) -> None:
        books = opening()
        content = rule(data)
        history = History(books, data)
        tolerate(books, history.customers[0], data)
        books.done(create_rules, CreateRule(books.act(), content))
        history.run()
        log = logged(books)
        found, tally = tried(books, content, limit=data.draw(st.sampled_from([2, 100])))
        assert {place: results for place, (_, results) in found.items()} == {
            place: results for place, (_, results) in log.items()
        }
        for place, (facts, _) in log.items():
            assert found[place][0].items() >= facts.items()
        assert tally.fires == len(log)
        said.update(
            f"{each['action']} {each['outcome']}" for _, made in log.values() for each in made
        )

    run()
    assert sum(finding.violations for finding in own_database.read_snapshot(wiring.audit)) == 0
    print(said)
