"""Fill a database with the demonstration organizations, through the same use cases as everybody.

Every command has a fixed idempotency key, so a second run is answered and changes nothing.
"""

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Connection

from tallystick.cli import opened
from tallystick.cli.output import say
from tallystick.cli.scenes import (
    SCENES,
    Claimed,
    Credited,
    GivenUp,
    Invoiced,
    Payer,
    Received,
    Refunded,
    Scene,
    Step,
    Voided,
)
from tallystick.invoices.content import DraftContent
from tallystick.invoices.correcting import VoidInvoice, void_invoices
from tallystick.invoices.drafting import CreateDraft, create_drafts
from tallystick.invoices.issuing import IssueNew, issue_new
from tallystick.invoices.writing_off import WriteOff, write_off_invoices
from tallystick.kernel import clock, ids
from tallystick.kernel.actor import OPERATOR, Act
from tallystick.kernel.errors import Refusal, Refused
from tallystick.kernel.idempotency import Answer
from tallystick.parties.customers import CreateCustomer, create_customers
from tallystick.parties.organizations import CreateOrganization, create_organizations
from tallystick.payments.allocating import Share
from tallystick.payments.claiming import ClaimPayment, claim_payments
from tallystick.payments.crediting import CreditInvoice, credit_invoices
from tallystick.payments.recording import RecordPayment, record_payments
from tallystick.payments.refunding import RefundPayment, refund_payments

T = TypeVar("T")

FOUNDED_DAYS_AGO = 120


def run() -> None:
    """Make the demonstration organizations, or say that they are there."""
    now = clock.now()
    with opened.database() as database:
        new = database.write(lambda conn: sum(Play(conn, scene, now).all() for scene in SCENES))
    names = " and ".join(f"{scene.name} as `{scene.slug}`" for scene in SCENES)
    if not new:
        say(f"The demonstration is there already: {names}. Nothing was changed.")
        return
    steps = [step for scene in SCENES for step in scene.steps]
    invoices = sum(isinstance(step, Invoiced) for step in steps)
    payments = sum(isinstance(step, Received) for step in steps)
    payers = sum(len(scene.payers) for scene in SCENES)
    say(f"Made {names}: {payers} customers, {invoices} invoices, {payments} payments.")


class Play:
    """One organization while its scene is played: who and what has which id."""

    def __init__(self, conn: Connection, scene: Scene, now: datetime) -> None:
        self.new = 0
        self._conn = conn
        self._scene = scene
        self._now = now
        self.organization_id = ids.NIL
        self.payers: dict[str, UUID] = {}
        self.invoices: dict[str, UUID] = {}
        self._payments: dict[str, UUID] = {}
        self.paid: list[tuple[UUID, str]] = []
        """Each payment with each invoice that it names."""

    def all(self) -> int:
        """Let everything happen, and give how much of it was new."""
        self.found()
        for payer in self._scene.payers:
            self.add_payer(payer)
        for step in self._scene.steps:
            self._take(step)
        return self.new

    def _take(self, step: Step) -> None:
        match step:
            case Invoiced():
                self.add_invoice(step)
            case Received():
                self.receive(step)
            case Voided():
                self.void(step)
            case Credited():
                act = self._act(f"credit {step.key}", step.days_ago)
                invoice_id = self.invoices[step.invoice]
                self._do(
                    credit_invoices, CreditInvoice(act, invoice_id, step.reason, lines=step.lines)
                )
            case GivenUp():
                act = self._act(f"write-off {step.key}", step.days_ago)
                invoice_id = self.invoices[step.invoice]
                self._do(write_off_invoices, WriteOff(act, invoice_id, step.reason, step.amount))
            case Refunded():
                act = self._act(f"refund {step.key}", step.days_ago)
                payment_id = self._payments[step.payment]
                self._do(
                    refund_payments,
                    RefundPayment(act, payment_id, step.amount, reason=step.reason),
                )
            case Claimed():
                self._claim(step)

    def found(self) -> None:
        """Make the organization."""
        scene = self._scene
        command = CreateOrganization(
            act=self._act("organization", FOUNDED_DAYS_AGO),
            slug=scene.slug,
            name=scene.name,
            country=scene.country,
            currency=scene.currency,
            time_zone=scene.time_zone,
            tax_id=scene.tax_id,
            address=scene.address,
            terms_days=scene.terms_days,
        )
        self.organization_id = UUID(self._do(create_organizations, command)["id"])

    def add_payer(self, payer: Payer) -> None:
        """Make a customer."""
        given, _, family = payer.name.removesuffix(" (demo)").partition(" ")
        person = payer.kind != "corporate"
        command = CreateCustomer(
            act=self._act(f"customer {payer.key}", FOUNDED_DAYS_AGO),
            kind=payer.kind,
            name=payer.name,
            given_name=given if person else None,
            family_name=family if person else None,
            email=payer.email or f"{payer.key}@{self._scene.slug}.example",
            phone=None,
            address=self._scene.address,
            tax_id=payer.tax_id,
            language=payer.language,
            external_reference=f"demo-{payer.key}",
        )
        self.payers[payer.key] = UUID(self._do(create_customers, command)["id"])

    def add_invoice(self, step: Invoiced) -> None:
        """Make an invoice."""
        act = self._act(f"invoice {step.key}", step.days_ago)
        content = DraftContent(
            customer_id=self.payers[step.payer],
            currency=self._scene.currency,
            lines=step.lines,
            discount=step.discount,
            terms_days=step.terms_days,
            note=step.note,
        )
        if step.draft:
            document = self._do(create_drafts, CreateDraft(act, content))
        else:
            document = self._do(issue_new, IssueNew(act, content))
        self.invoices[step.key] = UUID(document["id"])

    def receive(self, step: Received) -> None:
        """Record a payment."""
        command = RecordPayment(
            act=self._act(f"payment {step.key}", step.days_ago),
            amount=step.amount,
            currency=self._scene.currency,
            method=step.method,
            customer_id=None if step.payer is None else self.payers[step.payer],
            invoices=tuple(Share(self.invoices[key]) for key in step.invoices),
            excess=step.excess,
            reference=step.reference,
        )
        document = self._do(record_payments, command)
        payment_id = UUID(document["id"])
        self._payments[step.key] = payment_id
        self.paid += [(payment_id, key) for key in step.invoices]

    def _claim(self, step: Claimed) -> None:
        command = ClaimPayment(
            act=self._act(f"claim {step.key}", step.days_ago),
            amount=step.amount,
            currency=self._scene.currency,
            method=step.method,
            invoices=(Share(self.invoices[step.invoice]),),
            reference=step.reference,
        )
        self._do(claim_payments, command)

    def void(self, step: Voided) -> None:
        """Void an invoice."""
        act = self._act(f"void {step.key}", step.days_ago)
        self._do(void_invoices, VoidInvoice(act, self.invoices[step.invoice], step.reason))

    def _act(self, name: str, days_ago: int) -> Act:
        key = f"demo:{self._scene.slug}:{name}"
        return Act(
            actor=OPERATOR,
            organization_id=self.organization_id,
            at=self._now - timedelta(days=days_ago),
            key=key,
            # Not of the content: its days move, and a second run is still the same request.
            fingerprint=hashlib.sha256(key.encode()).hexdigest(),
        )

    def _do(
        self, use_case: Callable[[Connection, Sequence[Any]], list[Answer[T]]], command: Any
    ) -> T:
        answer = use_case(self._conn, [command])[0]
        if isinstance(answer.outcome, Refusal):
            refusal = answer.outcome
            raise Refused(refusal.code, refusal.detail, pointer=refusal.pointer)
        self.new += not answer.replayed
        return answer.outcome
