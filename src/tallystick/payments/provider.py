"""What the core asks of a company that takes payments online, and what it may answer.

A provider never decides what a payment is: it tells what is *known*, and settling decides. It has
no database, repeats nothing by itself, ends every call within its time, and raises for nothing that
the other side does. An answer that did not come, or that cannot be read, is `Unknown` and never
`Failed`: whoever pays may have been charged.

`tallystick.testing.providers` checks all of this for any provider.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from tallystick.payments.cards import Card


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a provider can do beside starting a payment; it refuses the rest without a call."""

    looks_up: bool
    """It can be asked what became of a payment or a refund, by our key."""
    refunds: bool
    events: bool
    """It tells by itself when something happened, and signs what it tells."""
    repeats_safely: bool
    """A second start under the same key gives the first one's outcome and charges nothing. Where
    this does not hold, `Failed` speaks of that one call, and not of an earlier, unanswered one."""
    takes_cards: bool = False
    """It takes card data themselves, instead of sending the payer to a page of its own. FakePay
    alone may, in development; a plug-in that says so is refused."""
    reports: bool = False
    """It lists what it took and gave back in a time, to compare our books with."""


@dataclass(frozen=True, slots=True)
class PaymentOrder:
    """A payment that a provider is asked to start."""

    key: UUID
    """The provider's key, under which the payment is found again: the payment's id, unless an older
    contract prescribes another."""
    amount: int
    """Minor units of the currency."""
    currency: str
    """ISO 4217 code."""
    description: str = ""
    """What the payer reads; a number of an invoice, never a person's name."""
    return_url: str | None = None
    """Where the provider's own page sends the payer afterwards."""
    card: Card | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """A part of a payment, or the whole, that a provider is asked to give back."""

    key: UUID
    """The refund's id, the provider's key for it."""
    payment_key: UUID
    """The key under which the payment was started."""
    payment_reference: str | None
    """The provider's own name for the payment, where it told one."""
    amount: int
    """Minor units of the currency."""
    currency: str


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The money was taken, or given back."""

    reference: str | None = None
    """The provider's own name for it, where it has one."""
    amount: int | None = None
    """Minor units that the provider says it was, where it says so."""


@dataclass(frozen=True, slots=True)
class Failed:
    """For certain nothing was taken or given back by this call."""

    code: Literal["declined", "not_sent", "not_offered"]
    """The provider said no; nothing left this machine; the provider has no such thing, or may not
    take what it was given."""
    reason: str
    """A sentence that the payer may read; the provider's own words where it declined."""


@dataclass(frozen=True, slots=True)
class RequiresAction:
    """The payer must do something first, on a page of the provider or of their bank."""

    url: str
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """The provider has it and has not decided."""

    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have happened or not. Ask later under the same key; never take it for a failure."""

    why: Literal["timeout", "dropped", "server_error", "garbage", "cannot_ask"]
    """No answer in time; the line broke; the provider failed; its answer makes no sense; it was not
    asked, or could not be."""


@dataclass(frozen=True, slots=True)
class Absent:
    """The provider itself says that it knows nothing under this key, so far."""


@dataclass(frozen=True, slots=True)
class Reported:
    """Money that a provider has taken or given back, as its report lists it."""

    what: Literal["payment", "refund"]
    key: UUID | None
    """Ours; None where it has none of ours."""
    reference: str | None
    """The provider's own name for it, where it has one."""
    amount: int | None
    """Minor units, where the report tells it."""
    at: datetime
    """When, by the provider's clock, in UTC."""


Outcome = Succeeded | Failed | RequiresAction | Pending | Unknown
Found = Outcome | Absent


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened at the provider, says the provider itself; look it up to know what.

    It bears no outcome on purpose: events come late, twice and in any order.
    """

    id: str
    """The provider's own; the same event told twice has the same."""
    about: Literal["payment", "refund", "other"]
    key: UUID | None
    """Of the payment or refund; None where it is about something else, or none of ours."""
    at: datetime
    """When it was signed, in UTC."""


@dataclass(frozen=True, slots=True)
class NotGenuine:
    """Not an event of this provider, or not one of now; nothing in it may be believed or stored."""

    why: Literal["not_offered", "unsigned", "forged", "stale", "unreadable"]


class Provider(Protocol):
    """A company that takes payments online. Its methods may be called by several threads at once.

    Each makes its calls with a hard limit of time, the provider's `timeout_s`, and may be called
    outside of transactions only.
    """

    @property
    def name(self) -> str:
        """Name it in one word of small letters; payments keep it as their method."""

    @property
    def abilities(self) -> Abilities:
        """Say what it can do; the same at every call."""

    def start(self, order: PaymentOrder) -> Outcome:
        """Start a payment, once.

        The payment is committed before, with everything needed to ask about it later. May not send
        the order a second time, whatever happens, and may not start another under a key of its own.
        `Failed` only where the provider said so itself, or where nothing was sent.
        """

    def look_up(self, key: UUID, reference: str | None) -> Found:
        """Ask what became of a payment. Changes nothing, and starts nothing.

        `Absent` only where the provider itself says so: a 404 of whatever stands between is
        `Unknown`. May contradict an earlier answer, since a failure can become a late success.
        """

    def refund(self, order: RefundOrder) -> Outcome:
        """Give money back, once, as `start` takes it: no repeat, and no answer is `Unknown`."""

    def look_up_refund(self, key: UUID, reference: str | None) -> Found:
        """Ask what became of a refund, as `look_up` does for a payment."""

    def report(self, since: datetime, until: datetime) -> Sequence[Reported] | Unknown:
        """List the payments taken and refunds given back in a time, whole or not at all.

        May not leave out what was charged back or refunded later, list what was only authorized or
        declined, or guess a key. A page that does not come makes all of it `Unknown`.

        Args:
            since: the first moment, by the provider's clock, in UTC.
            until: the moment after the last.
        """

    def read_event(
        self, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> Event | NotGenuine:
        """Check who signed an event and when, then read it. Makes no call.

        Args:
            headers: of the request, by name in small letters.
            body: of the request, byte for byte, because that is what was signed.
            now: to refuse one that was signed more than five minutes ago or ahead.
        """


@dataclass(frozen=True, slots=True)
class Given:
    """What a provider is made from."""

    options: Mapping[str, str] = field(repr=False)
    """Its settings, by name in small letters: `TALLYSTICK_ACME_API_KEY` is `api_key` of `acme`."""
    timeout_s: float
    """How long one call of a method may take."""
    development: bool
    """Whether this is a place to try things out; card data are taken nowhere else."""


MakeProvider = Callable[[Given], Provider]
"""What a plug-in names as its entry point of the group `tallystick.providers`."""
