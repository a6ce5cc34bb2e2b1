"""What the books must say, kept in plain dictionaries by rules written down a second time.

The model is told each command and the answer it got, and fails where it would have answered
otherwise. It knows nothing of tables, locks or batches.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from tallystick.invoices.content import DraftContent
from tallystick.invoices.correcting import VoidInvoice
from tallystick.invoices.drafting import ChangeDraft, CreateDraft, DeleteDraft
from tallystick.invoices.issuing import IssueInvoice, IssueNew
from tallystick.invoices.writing_off import WriteOff
from tallystick.kernel import ids
from tallystick.kernel.actor import Act
from tallystick.kernel.errors import Refusal
from tallystick.kernel.idempotency import Answer
from tallystick.parties.customers import CreateCustomer
from tallystick.payments.applying import ApplyCredit
from tallystick.payments.claiming import ClaimPayment, ConfirmPayment, DeclinePayment
from tallystick.payments.crediting import CreditInvoice
from tallystick.payments.recording import RecordPayment
from tallystick.payments.refunding import RefundPayment
from tallystick.payments.releasing import ReleaseAllocation
from tallystick.payments.replacing import ReplaceInvoice

DECIMALS = {"EUR": 2, "JPY": 0}
TERMS_DAYS = 14

Command = (
    CreateCustomer
    | CreateDraft
    | ChangeDraft
    | DeleteDraft
    | IssueInvoice
    | IssueNew
    | VoidInvoice
    | RecordPayment
    | ApplyCredit
    | ReleaseAllocation
    | RefundPayment
    | ClaimPayment
    | ConfirmPayment
    | DeclinePayment
    | CreditInvoice
    | WriteOff
    | ReplaceInvoice
)
Plan = list[tuple["Invoice", int]]
Effect = Callable[[Any], None]


class No(Exception):
    """The model refuses, with a code and what else must be told."""

    def __init__(self, code: str, facts: dict[str, Any] | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.facts = facts or {}


@dataclass
class Invoice:
    """An invoice and how far it is paid."""

    id: UUID
    content: DraftContent
    status: str = "draft"
    version: int = 1
    """Counted while it is a draft."""
    paid: int = 0
    credited: int = 0
    written_off: int = 0
    number: str | None = None
    issue_date: date | None = None
    due_date: date | None = None
    booked_on: date | None = None
    """The last day on which something was booked on it."""

    @property
    def net(self) -> int:
        return sum(self.nets.values())

    @property
    def nets(self) -> dict[int, int]:
        """Sum the lines by tax rate; quantities are whole here."""
        nets: dict[int, int] = {}
        for line in self.content.lines:
            amount = line.quantity_micro // 1_000_000 * line.unit_price
            nets[line.tax_rate_ppm] = nets.get(line.tax_rate_ppm, 0) + amount
        return nets

    @property
    def taxes(self) -> dict[int, int]:
        """Round the tax of each rate to the nearest unit, a half upwards."""
        return {
            rate: int((Decimal(net * rate) / 1_000_000).quantize(Decimal(1), ROUND_HALF_UP))
            for rate, net in self.nets.items()
        }

    @property
    def total(self) -> int:
        return self.net + sum(self.taxes.values())

    @property
    def due(self) -> int:
        return 0 if self.status == "void" else self.left

    @property
    def left(self) -> int:
        return self.total - self.paid - self.credited - self.written_off

    @property
    def payment_status(self) -> str:
        if self.left == 0 and self.total:
            return "paid"
        return "partial" if self.paid else "unpaid"


@dataclass
class Payment:
    """Money that came in and what it paid."""

    id: UUID
    customer_id: UUID
    amount: int
    currency: str
    parts: dict[UUID, int]
    receipt: str | None
    paid_on: date
    status: str = "succeeded"
    refunded: int = 0
    booked_on: date | None = None
    """The last day on which its money moved."""
    moved: dict[UUID, tuple[datetime, int]] = field(default_factory=dict)
    """When it last gave to an invoice or took back, and in which order among equals."""

    @property
    def unallocated(self) -> int:
        if self.status != "succeeded":
            return 0
        return self.amount - sum(self.parts.values()) - self.refunded


@dataclass
class Model:
    """The books of one organization."""

    zone: str
    customers: dict[UUID, str | None] = field(default_factory=dict)
    """External reference of each."""
    invoices: dict[UUID, Invoice] = field(default_factory=dict)
    payments: list[Payment] = field(default_factory=list)
    postings: list[tuple[date, str, str, int]] = field(default_factory=list)
    """Date, account, currency, amount."""
    answers: dict[str, tuple[str, Any]] = field(default_factory=dict)
    """Fingerprint and outcome under each key."""
    counters: dict[tuple[str, int], tuple[int, date]] = field(default_factory=dict)
    moves: int = 0
    """Times that money went to an invoice or was taken back."""
    done: int = 0
    """Commands that had an effect; each is told as one event."""

    def follow(self, command: Command, answer: Answer[Any]) -> None:
        """Answer a command by the rules and compare with the answer that was given."""
        act, outcome = command.act, answer.outcome
        if act.key in self.answers:
            said, earlier = self.answers[act.key]
            if said == act.fingerprint:
                assert (answer.replayed, outcome) == (True, earlier)
            else:
                assert isinstance(outcome, Refusal)
                assert (answer.replayed, outcome.code) == (False, "idempotency.key_reused")
            return
        assert not answer.replayed
        self.answers[act.key] = act.fingerprint, outcome
        judged = self._verdict(command)
        if isinstance(judged, No):
            assert isinstance(outcome, Refusal), f"not refused with {judged.code}: {outcome}"
            told = {name: outcome.facts.get(name) for name in judged.facts}
            assert (outcome.code, told) == (judged.code, judged.facts)
            return
        assert not isinstance(outcome, Refusal), outcome
        self.done += 1
        judged(outcome)

    def balances(self, *, on: date | None = None) -> dict[tuple[str, str], int]:
        """Sum the postings by account and currency, to the end of a day, without zeros."""
        sums: dict[tuple[str, str], int] = {}
        for day, account, currency, amount in self.postings:
            if on is None or day <= on:
                sums[account, currency] = sums.get((account, currency), 0) + amount
        return {place: total for place, total in sums.items() if total}

    def credit(self) -> dict[tuple[str, str], int]:
        """Sum what is owed to each customer."""
        sums: dict[tuple[str, str], int] = {}
        for payment in self.payments:
            place = f"Liabilities:Credit:{ids.code(payment.customer_id)}", payment.currency
            sums[place] = sums.get(place, 0) - payment.unallocated
        return {place: total for place, total in sums.items() if total}

    def today(self, act: Act) -> date:
        """Tell the day of an act in the organization's zone."""
        return act.at.astimezone(ZoneInfo(self.zone)).date()

    def _verdict(self, command: Command) -> Effect | No:
        try:
            return self._judge(command)
        except No as no:
            return no

    def _judge(self, command: Command) -> Effect:  # noqa: PLR0911  # one for each command
        """Refuse a command or tell what it does with its result."""
        match command:
            case CreateCustomer():
                return self._create_customer(command)
            case CreateDraft():
                return self._draft(command)
            case ChangeDraft():
                return self._change(command)
            case DeleteDraft():
                return self._delete(command)
            case IssueInvoice():
                return self._issue(command)
            case IssueNew():
                return self._issue_new(command)
            case VoidInvoice():
                return self._void(command)
            case RecordPayment():
                return self._pay(command)
            case _:
                raise NotImplementedError

    def _create_customer(self, command: CreateCustomer) -> Effect:
        reference = command.external_reference
        if reference is not None and reference in self.customers.values():
            raise No("customer.reference_taken")

        def effect(result: Any) -> None:
            self.customers[UUID(result["id"])] = reference

        return effect

    def _draft(self, command: CreateDraft) -> Effect:
        def effect(result: Any) -> None:
            invoice = Invoice(UUID(result["id"]), command.content)
            self.invoices[invoice.id] = invoice
            self.compare(invoice, result)

        return effect

    def _locked_draft(self, invoice_id: UUID, version: int) -> Invoice:
        invoice = self.invoices.get(invoice_id)
        if invoice is None:
            raise No("invoice.unknown")
        if invoice.status != "draft":
            raise No("invoice.issued")
        if invoice.version != version:
            raise No("precondition.stale", {"version": invoice.version})
        return invoice

    def _change(self, command: ChangeDraft) -> Effect:
        invoice = self._locked_draft(command.invoice_id, command.version)

        def effect(result: Any) -> None:
            invoice.content = command.content
            invoice.version += 1
            self.compare(invoice, result)

        return effect

    def _delete(self, command: DeleteDraft) -> Effect:
        invoice = self._locked_draft(command.invoice_id, command.version)

        def effect(result: Any) -> None:
            assert result == {"id": str(invoice.id), "deleted": True}
            del self.invoices[invoice.id]

        return effect

    def _issue(self, command: IssueInvoice) -> Effect:
        invoice = self.invoices.get(command.invoice_id)
        if invoice is None:
            raise No("invoice.unknown")
        if invoice.status != "draft":
            raise No("invoice.issued")
        day = self._issue_day(invoice, command)
        return lambda result: self._issued(invoice, day, result)

    def _issue_new(self, command: IssueNew) -> Effect:
        draft = Invoice(ids.NIL, command.content)
        day = self._issue_day(draft, command)

        def effect(result: Any) -> None:
            draft.id = UUID(result["id"])
            self.invoices[draft.id] = draft
            self._issued(draft, day, result)

        return effect

    def _issue_day(self, invoice: Invoice, command: IssueInvoice | IssueNew) -> date:
        if not invoice.content.lines:
            raise No("invoice.no_lines")
        if invoice.total == 0:
            raise No("invoice.total_zero")
        today = self.today(command.act)
        day = command.issue_date or today
        if day > today:
            raise No("invoice.date_in_future")
        _, last = self.counters.get((invoice.content.series, day.year), (0, day))
        if day < last and command.issue_date is not None:
            raise No("invoice.date_before_last")
        return max(day, last)

    def _issued(self, invoice: Invoice, day: date, result: Any) -> None:
        self._number_new(invoice, day)
        self.compare(invoice, result)

    def _number_new(self, invoice: Invoice, day: date) -> None:
        invoice.status = "open"
        invoice.number = self._number(invoice.content.series, day.year, day)
        invoice.issue_date = day
        terms = invoice.content.terms_days
        invoice.due_date = day + timedelta(days=TERMS_DAYS if terms is None else terms)
        invoice.booked_on = day
        self._book(invoice, day, 1)

    def _book(self, invoice: Invoice, day: date, sign: int) -> None:
        currency = invoice.content.currency
        receivable = f"Assets:Receivable:{ids.code(invoice.content.customer_id)}"
        self.postings.append((day, receivable, currency, sign * invoice.total))
        self.postings.append((day, "Income:Sales", currency, -sign * invoice.net))
        for rate, tax in invoice.taxes.items():
            account = f"Liabilities:Tax:{rate // 10_000}"
            self.postings.append((day, account, currency, -sign * tax))

    def _number(self, series: str, year: int, day: date) -> str:
        last, _ = self.counters.get((series, year), (0, day))
        self.counters[series, year] = last + 1, day
        return f"{series}-{year}-{last + 1:06d}"

    def _void(self, command: VoidInvoice) -> Effect:
        invoice = self.invoices.get(command.invoice_id)
        if invoice is None:
            raise No("invoice.unknown")
        if invoice.status == "draft":
            raise No("invoice.draft")
        if invoice.status == "void":
            raise No("invoice.void")
        if invoice.status == "credited":
            raise No("invoice.credited")
        if invoice.paid or invoice.credited or invoice.written_off:
            raise No("invoice.paid")
        assert invoice.booked_on is not None
        day = max(self.today(command.act), invoice.booked_on)

        def effect(result: Any) -> None:
            invoice.status = "void"
            invoice.booked_on = day
            self._book(invoice, day, -1)
            self.compare(invoice, result)

        return effect

    def _pay(self, command: RecordPayment) -> Effect:
        today = self.today(command.act)
        if command.amount <= 0:
            raise No("payment.amount_not_positive")
        if command.paid_on is not None and command.paid_on > today:
            raise No("payment.date_in_future")
        customer_id, plan = self._plan(command)

        def effect(result: Any) -> None:
            payment = Payment(
                id=UUID(result["id"]),
                customer_id=customer_id,
                amount=command.amount,
                currency=command.currency,
                parts={},
                receipt=None,
                paid_on=command.paid_on or today,
            )
            self.payments.append(payment)
            self._settle(payment, plan, command.act, result)

        return effect

    def _settle(self, payment: Payment, plan: Plan, act: Act, result: Any) -> None:
        today = self.today(act)
        _, last = self.counters.get(("REC", today.year), (0, today))
        day = max(today, last)
        payment.receipt = self._number("REC", today.year, day)
        cash = "Assets:Cash:BankTransfer"
        self.postings.append((payment.paid_on, cash, payment.currency, payment.amount))
        credit = f"Liabilities:Credit:{ids.code(payment.customer_id)}"
        self.postings.append((payment.paid_on, credit, payment.currency, -payment.amount))
        payment.booked_on = payment.paid_on
        self.move(payment, plan, act.at, payment.paid_on)
        assert (result["receipt_number"], result["receipt_date"]) == (payment.receipt, str(day))
        self.compare_payment(payment, result)

    def _plan(self, command: RecordPayment) -> tuple[UUID, Plan]:
        if not command.invoices:
            assert command.customer_id is not None
            theirs = [
                invoice
                for invoice in self.invoices.values()
                if invoice.status == "open"
                and invoice.content.customer_id == command.customer_id
                and invoice.content.currency == command.currency
            ]
            return command.customer_id, _oldest_first(theirs, command.amount, recover=False)
        named = [self.invoices.get(share.invoice_id) for share in command.invoices]
        customer_id, payable = _payable(command, named)
        if command.invoices[0].amount is None:
            due = sum(invoice.due for invoice in payable)
            given_up = sum(invoice.written_off for invoice in payable)
            if command.amount > due + given_up and command.excess == "refuse":
                raise No("payment.exceeds_due", {"due": text(due, command.currency)})
            return customer_id, _oldest_first(payable, command.amount, recover=True)
        plan: Plan = []
        for invoice, share in zip(payable, command.invoices, strict=True):
            assert share.amount is not None
            if share.amount > invoice.due + invoice.written_off:
                raise No("payment.exceeds_due", {"due": text(invoice.due, command.currency)})
            plan.append((invoice, share.amount))
        if sum(part for _, part in plan) < command.amount and command.excess == "refuse":
            raise No("payment.rest_unallocated")
        return customer_id, plan

    def move(self, payment: Payment, plan: Plan, at: datetime, wanted: date) -> None:
        """Give parts of a payment to invoices, or take them back where they are negative.

        What is given waits for the last day of the payment and of the invoice.
        """
        given_from = max(wanted, payment.booked_on or wanted)
        code, currency = ids.code(payment.customer_id), payment.currency
        for invoice, part in plan:
            assert invoice.booked_on is not None
            day = max(given_from, invoice.booked_on) if part > 0 else wanted
            if part > invoice.due:
                day = max(day, at.astimezone(ZoneInfo(self.zone)).date())
                self.restore(invoice, part - invoice.due, day)
            invoice.booked_on = max(day, invoice.booked_on)
            payment.booked_on = max(day, payment.booked_on or day)
            invoice.paid += part
            left = payment.parts.get(invoice.id, 0) + part
            payment.parts[invoice.id] = left
            if not left:
                del payment.parts[invoice.id]
            self.moves += 1
            last = payment.moved.get(invoice.id, (at, 0))
            payment.moved[invoice.id] = max(last, (at, self.moves))
            self.postings.append((day, f"Assets:Receivable:{code}", currency, -part))
            self.postings.append((day, f"Liabilities:Credit:{code}", currency, part))

    def restore(self, invoice: Invoice, amount: int, day: date) -> None:
        """Take part of a write-off back, which is told by an event of its own."""
        assert invoice.booked_on is not None
        invoice.written_off -= amount
        invoice.booked_on = max(day, invoice.booked_on)
        self.give_up(invoice, -amount, day)
        self.done += 1

    def give_up(self, invoice: Invoice, amount: int, day: date) -> None:
        """Book what is written off, or taken back where it is negative."""
        code, currency = ids.code(invoice.content.customer_id), invoice.content.currency
        self.postings.append((day, f"Assets:Receivable:{code}", currency, -amount))
        self.postings.append((day, "Expenses:WriteOff", currency, amount))

    @staticmethod
    def compare(invoice: Invoice, shown: Any) -> None:
        """Compare an invoice with what was told of it."""
        names = {
            "number": invoice.number,
            "status": invoice.status,
            "payment_status": invoice.payment_status,
            "currency": invoice.content.currency,
            "total": invoice.total,
            "paid": invoice.paid,
            "credited": invoice.credited,
            "written_off": invoice.written_off,
            "due": invoice.due,
            "issue_date": None if invoice.issue_date is None else str(invoice.issue_date),
            "due_date": None if invoice.due_date is None else str(invoice.due_date),
        }
        assert {name: shown[name] for name in names} == names

    @staticmethod
    def compare_payment(payment: Payment, shown: Any) -> None:
        """Compare a payment with what was told of it."""
        told = {UUID(part["invoice_id"]): part["amount"] for part in shown["allocations"]}
        assert told == payment.parts
        names = {
            "customer_id": str(payment.customer_id),
            "amount": payment.amount,
            "currency": payment.currency,
            "unallocated": payment.unallocated,
            "receipt_number": payment.receipt,
            "refunded": payment.refunded,
            "status": payment.status,
        }
        assert {name: shown[name] for name in names} == names


def _payable(command: RecordPayment, named: list[Invoice | None]) -> tuple[UUID, list[Invoice]]:
    customer_id = command.customer_id
    payable = []
    for invoice in named:
        if invoice is None:
            raise No("invoice.unknown")
        if invoice.status != "open":
            raise No("invoice.not_payable")
        if invoice.content.currency != command.currency:
            raise No("money.currency")
        customer_id = customer_id or invoice.content.customer_id
        if invoice.content.customer_id != customer_id:
            raise No("payment.customers_differ")
        payable.append(invoice)
    assert customer_id is not None
    return customer_id, payable


def _oldest_first(invoices: list[Invoice], amount: int, *, recover: bool) -> Plan:
    """Pay what is due, the oldest first, and only then what was given up, where it may be."""
    ordered = sorted(invoices, key=lambda each: (str(each.due_date), each.id))
    parts = dict.fromkeys((invoice.id for invoice in ordered), 0)
    for invoice in ordered:
        part = min(amount, invoice.due)
        parts[invoice.id] += part
        amount -= part
    for invoice in ordered if recover else []:
        part = min(amount, invoice.written_off)
        parts[invoice.id] += part
        amount -= part
    return [(invoice, parts[invoice.id]) for invoice in ordered if parts[invoice.id]]


def text(minor: int, currency: str) -> str:
    return f"{Decimal(minor).scaleb(-DECIMALS[currency]):f}"
