"""What corrects an issued invoice, in the model and among the commands that are drawn."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tallystick.invoices.content import DraftContent
from tallystick.invoices.issuing import IssueNew, issue_new
from tallystick.invoices.totals import MILLION, Line
from tallystick.invoices.writing_off import WriteOff, write_off_invoices
from tallystick.kernel import ids
from tallystick.payments.allocating import Share
from tallystick.payments.crediting import CreditInvoice, credit_invoices
from tallystick.payments.recording import RecordPayment, record_payments
from tallystick.payments.replacing import ReplaceInvoice, replace_invoices
from tests.properties.machine import ENOUGH, Wish, picks, wishes
from tests.properties.model import Command, Effect, Invoice, No, Payment, text
from tests.properties.money_back import MoneyMachine, MoneyModel


@dataclass
class CorrectingModel(MoneyModel):
    """The books, with what takes an invoice back."""

    def _judge(self, command: Command) -> Effect:
        match command:
            case CreditInvoice():
                return self._credit(command)
            case WriteOff():
                return self._write_off(command)
            case ReplaceInvoice():
                return self._replace(command)
            case _:
                return super()._judge(command)

    def _owed(self, invoice_id: UUID) -> Invoice:
        invoice = self.invoices.get(invoice_id)
        if invoice is None:
            raise No("invoice.unknown")
        if invoice.status in {"draft", "void"}:
            raise No(f"invoice.{invoice.status}")
        return invoice

    def _paying(self, invoice: Invoice) -> list[tuple[Payment, int]]:
        """List what payments give to an invoice, the newest first."""
        giving = [payment for payment in self.payments if invoice.id in payment.parts]
        giving.sort(key=lambda payment: payment.moved[invoice.id], reverse=True)
        return [(payment, payment.parts[invoice.id]) for payment in giving]

    def _write_off(self, command: WriteOff) -> Effect:
        invoice = self._owed(command.invoice_id)
        if command.amount is not None and command.amount <= 0:
            raise No("write_off.amount_not_positive")
        if invoice.due == 0:
            raise No("write_off.nothing_due")
        amount = invoice.due if command.amount is None else command.amount
        if amount > invoice.due:
            due = text(invoice.due, invoice.content.currency)
            raise No("write_off.exceeds_due", {"due": due})

        def effect(result: Any) -> None:
            assert invoice.booked_on is not None
            invoice.booked_on = max(self.today(command.act), invoice.booked_on)
            invoice.written_off += amount
            self.give_up(invoice, amount, invoice.booked_on)
            self.compare(invoice, result)

        return effect

    def _credit(self, command: CreditInvoice) -> Effect:
        invoice = self._owed(command.invoice_id)
        if invoice.status == "credited":
            raise No("invoice.credited")
        stands = invoice.total - invoice.credited
        amount = stands if command.amount is None else command.amount
        if amount <= 0:
            raise No("credit_note.amount_not_positive")
        if amount > stands:
            told = text(stands, invoice.content.currency)
            raise No("credit_note.exceeds_invoice", {"creditable": told})

        def effect(result: Any) -> None:
            today = self.today(command.act)
            _, last = self.counters.get(("CN", today.year), (0, today))
            dated = max(today, last)
            number = self._number("CN", today.year, dated)
            assert (result["number"], result["issue_date"]) == (number, str(dated))
            assert invoice.booked_on is not None
            day = max(dated, invoice.booked_on)
            restored = min(invoice.written_off, amount - invoice.due)
            if restored > 0:
                self.restore(invoice, restored, day)
            for payment, part in self._paying(invoice):
                released = min(part, amount - invoice.due)
                if released > 0:
                    self.move(payment, [(invoice, -released)], command.act.at, day)
                    self.done += 1
            invoice.credited += amount
            invoice.status = "credited" if invoice.credited == invoice.total else "open"
            invoice.booked_on = day
            self._book_note(invoice, amount, result)

        return effect

    def _book_note(self, invoice: Invoice, amount: int, result: Any) -> None:
        """Book a note; how it is split over the rates is checked elsewhere."""
        day, currency = invoice.booked_on, invoice.content.currency
        assert day is not None
        receivable = f"Assets:Receivable:{ids.code(invoice.content.customer_id)}"
        self.postings.append((day, receivable, currency, -amount))
        self.postings.append((day, "Income:Sales", currency, result["net"]))
        assert result["net"] + result["tax"] == result["total"] == amount
        for rate in result["tax_rates"]:
            account = f"Liabilities:Tax:{rate['tax_rate_ppm'] // 10_000}"
            self.postings.append((day, account, currency, rate["tax"]))

    def _replace(self, command: ReplaceInvoice) -> Effect:
        old = self._owed(command.invoice_id)
        if old.credited or old.written_off:
            raise No("invoice.corrected")
        new = Invoice(ids.NIL, command.content)
        kept = old.content.customer_id, old.content.currency
        if (new.content.customer_id, new.content.currency) != kept:
            raise No("invoice.replacement_differs")
        if new.total < old.paid and command.excess == "refuse":
            raise No("invoice.below_paid", {"paid": text(old.paid, old.content.currency)})
        day = self._issue_day(new, IssueNew(command.act, command.content, command.issue_date))

        def effect(result: Any) -> None:
            at, today = command.act.at, self.today(command.act)
            assert old.booked_on is not None
            taken_on = max(today, old.booked_on)
            paying = self._paying(old)
            for payment, part in paying:
                self.move(payment, [(old, -part)], at, taken_on)
            old.status, old.booked_on = "void", taken_on
            self._book(old, taken_on, -1)
            new.id = UUID(result["id"])
            self.invoices[new.id] = new
            self._number_new(new, day)
            paid = 0
            for payment, part in reversed(paying):
                given = min(part, new.due)
                if given:
                    self.move(payment, [(new, given)], at, today)
                    paid += 1
            # What was released, allocated, voided and issued is told beside the replacement.
            self.done += len(paying) + paid + 2
            self.compare(new, result)

        return effect


class CorrectingMachine(MoneyMachine):
    """The machine, with what corrects issued invoices."""

    make_model = CorrectingModel

    def _part(self, whole: int, thirds: int | None) -> int | None:
        return None if thirds is None else whole * thirds // 3

    @rule(pick=picks, thirds=st.sampled_from([None, 0, 1, 1, 2, 3, 4]), times=st.integers(1, 2))
    @precondition(lambda self: self.model.invoices)
    def credit(self, pick: int, thirds: int | None, times: int) -> None:
        invoice = self._invoice(pick, "open")
        amount = self._part(invoice.total, thirds)
        commands = [
            CreditInvoice(self._act(pick, thirds), invoice.id, "A mistake.", amount)
            for _ in range(times)
        ]
        self.play(credit_invoices, *commands)

    @rule(
        pick=picks,
        thirds=st.sampled_from([None, None, 0, 1, 2, 4]),
        back=st.sampled_from([None, 1, 2, 3]),
        days_ago=st.sampled_from([None, 1, 2]),
    )
    @precondition(lambda self: self.model.invoices)
    def write_off(
        self, pick: int, thirds: int | None, back: int | None, days_ago: int | None
    ) -> None:
        """Give up what is due, and now and then get part of it after all."""
        invoice = self._invoice(pick, "open")
        amount = self._part(invoice.due, thirds)
        self.play(write_off_invoices, WriteOff(self._act(pick), invoice.id, "Gone.", amount))
        if back is not None and invoice.status == "open" and invoice.written_off:
            self._get_after_all(invoice, back, days_ago)

    def _get_after_all(self, invoice: Invoice, back: int, days_ago: int | None) -> None:
        payment = RecordPayment(
            act=self._act(back),
            amount=max(1, (invoice.due + invoice.written_off) * back // 3),
            currency=invoice.content.currency,
            method="bank_transfer",
            invoices=(Share(invoice.id),),
            paid_on=self._day(days_ago),
        )
        self.play(record_payments, payment)

    @rule(
        pick=picks,
        back=st.sampled_from([2, 1, 3]),
        days_ago=st.sampled_from([None, 1]),
        then=st.sampled_from(["replace", "credit", "nothing"]),
    )
    @precondition(lambda self: len(self.model.invoices) + 1 < ENOUGH)
    def correct_a_new_one(self, pick: int, back: int, days_ago: int | None, then: str) -> None:
        """Write off, get and correct one that can be, so all of it comes up in any run."""
        tuition = Line("Tuition", MILLION, 1_000 + pick, 190_000)
        content = DraftContent(self._customer_id(pick), "EUR", (tuition,))
        self.play(issue_new, IssueNew(self._act(pick), content))
        invoice = list(self.model.invoices.values())[-1]
        command = WriteOff(self._act(pick), invoice.id, "Gone.", invoice.due // 3)
        self.play(write_off_invoices, command)
        self._get_after_all(invoice, back, days_ago)
        if then == "credit":
            note = CreditInvoice(self._act(pick), invoice.id, "A mistake.", invoice.total - 1)
            self.play(credit_invoices, note)
        if then == "replace":
            again = ReplaceInvoice(self._act(pick), invoice.id, content, "Wrong.", excess="credit")
            self.play(replace_invoices, again)

    @rule(pick=picks, wish=wishes, credit=st.booleans())
    @precondition(lambda self: self.model.invoices and len(self.model.invoices) < ENOUGH)
    def replace(self, pick: int, wish: Wish, *, credit: bool) -> None:
        """Mostly for the same customer and in the same currency."""
        old = self._invoice(pick, "open")
        content = self._content(wish)
        if pick % 9:
            content = replace(
                content, customer_id=old.content.customer_id, currency=old.content.currency
            )
        command = ReplaceInvoice(
            self._act(pick, wish),
            old.id,
            content,
            "Wrong lines.",
            issue_date=self._day(wish.days_ago),
            excess="credit" if credit else "refuse",
        )
        self.play(replace_invoices, command)


DRAWN = {"CreditInvoice", "WriteOff", "ReplaceInvoice"}
"""Without these among the answers the runs were about less than they should be."""
