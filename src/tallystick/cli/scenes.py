"""What happens in the demonstration organizations: made-up people, days counted back from today.

Every name says that it is a demonstration, and every address is one that reaches nobody.
"""

from dataclasses import dataclass, field

from tallystick.invoices.totals import Discount, Line
from tallystick.parties.customers import CustomerKind
from tallystick.payments.planning import Excess
from tallystick.payments.states import OfflineMethod

UNIT = 1_000_000
"""One, in millionths."""
PERCENT = 10_000
"""One percent, in parts per million."""


@dataclass(frozen=True, slots=True)
class Payer:
    """A customer."""

    key: str
    kind: CustomerKind
    name: str
    language: str = "en"
    tax_id: str | None = None
    email: str | None = None
    """None takes one that reaches nobody."""


@dataclass(frozen=True, slots=True)
class Invoiced:
    """An invoice, issued unless it stays a draft."""

    key: str
    days_ago: int
    payer: str
    lines: tuple[Line, ...]
    discount: Discount | None = None
    terms_days: int | None = None
    draft: bool = False
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """Money that came in for some invoices, or from a payer who named none."""

    key: str
    days_ago: int
    amount: int
    method: OfflineMethod
    invoices: tuple[str, ...] = ()
    payer: str | None = None
    excess: Excess = "refuse"
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Voided:
    """An invoice that should not have been issued."""

    key: str
    days_ago: int
    invoice: str
    reason: str


@dataclass(frozen=True, slots=True)
class Credited:
    """Lines of an invoice that a credit note takes back."""

    key: str
    days_ago: int
    invoice: str
    lines: tuple[Line, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A rest that is written off."""

    key: str
    days_ago: int
    invoice: str
    amount: int
    reason: str


@dataclass(frozen=True, slots=True)
class Refunded:
    """Money of a payment that went back."""

    key: str
    days_ago: int
    payment: str
    amount: int
    reason: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """Money that a payer says is on its way; it waits to be confirmed."""

    key: str
    days_ago: int
    amount: int
    method: OfflineMethod
    invoice: str
    reference: str


Step = Invoiced | Received | Voided | Credited | GivenUp | Refunded | Claimed


@dataclass(frozen=True, slots=True)
class Scene:
    """One organization and what happened in it, the earliest first."""

    slug: str
    name: str
    country: str
    currency: str
    time_zone: str
    tax_id: str
    address: dict[str, str]
    terms_days: int
    payers: tuple[Payer, ...]
    steps: tuple[Step, ...] = field(repr=False)


def _line(words: str, price: int, *, tenths: int = 10, tax: int = 0, discount: int = 0) -> Line:
    """Write a line: minor units, tenths of the unit that the price is for, and whole percents."""
    return Line(
        description=words,
        quantity_micro=tenths * UNIT // 10,
        unit_price=price,
        tax_rate_ppm=tax * PERCENT,
        discount=Discount("percent", discount * PERCENT) if discount else None,
    )


_TUITION = _line("Tuition, one month", 450_00)
_LUNCH = _line("Lunch in the canteen", 6_50, tenths=200, tax=10)
_BUS = _line("School bus, one month", 58_00, tax=10)

NORTHFIELD = Scene(
    slug="northfield",
    name="Northfield School (demo)",
    country="ES",
    currency="EUR",
    time_zone="Europe/Madrid",
    tax_id="ESX0000000T",
    address={"line1": "1 Example Street", "postal_code": "00000", "city": "Nowhere"},
    terms_days=30,
    payers=(
        Payer("ada", "student", "Ada Exampleton (demo)"),
        Payer("ben", "student", "Ben Samplewood (demo)"),
        Payer("cleo", "student", "Cleo Testerly (demo)", language="es"),
        Payer("dan", "student", "Dan Placeholder (demo)"),
        Payer("eva", "student", "Eva Mockridge (demo)", language="de"),
        Payer("finn", "student", "Finn Dummyfield (demo)"),
        Payer("grace", "individual", "Grace Exampleton (demo)"),
        Payer("hugo", "individual", "Hugo Fictionell (demo)", language="fr"),
        Payer("ines", "individual", "Ines Inventada (demo)", language="es"),
        Payer("books", "corporate", "Imaginary Books Ltd (demo)", tax_id="ESB00000000"),
        Payer("catering", "corporate", "Pretend Catering SL (demo)", tax_id="ESB00000001"),
        Payer("foundation", "corporate", "Nowhere Foundation (demo)", tax_id="ESG00000000"),
    ),
    steps=(
        Invoiced("ada-1", 100, "ada", (_TUITION, _LUNCH)),
        Invoiced("ben-1", 100, "ben", (_TUITION, _LUNCH, _BUS)),
        Invoiced(
            "cleo-1",
            98,
            "cleo",
            (_TUITION,),
            discount=Discount("percent", 10 * PERCENT),
            note="Ten percent less for brothers and sisters.",
        ),
        Invoiced("dan-1", 95, "dan", (_TUITION, _BUS)),
        Invoiced("eva-1", 95, "eva", (_TUITION, _BUS)),
        Received("ben-cash", 92, 200_00, "cash", ("ben-1",)),
        Invoiced(
            "grace-1", 90, "grace", (_line("Language examination", 95_00, tenths=30, tax=21),)
        ),
        Invoiced("grace-2", 88, "grace", (_line("Piano lesson, hour", 32_00, tenths=45, tax=21),)),
        Received("ada-transfer", 80, 593_00, "bank_transfer", ("ada-1",), reference="TUITION ADA"),
        Invoiced(
            "books-1",
            80,
            "books",
            (_line("Hall, day", 320_00, tenths=25, tax=21),),
            discount=Discount("fixed", 50_00),
        ),
        Received("ben-card", 78, 456_80, "card_at_counter", ("ben-1",)),
        Received("cleo-cheque", 77, 405_00, "cheque", ("cleo-1",), reference="000123"),
        Invoiced("catering-1", 75, "catering", (_line("Kitchen, month", 700_00, tax=21),)),
        Credited("eva-bus", 76, "eva-1", (_BUS,), "No bus ran on her line that month."),
        Received("eva-part", 74, 300_00, "bank_transfer", ("eva-1",), reference="EVA"),
        Invoiced("foundation-1", 70, "foundation", (_line("Science prize, sponsored", 5_000_00),)),
        Received("grace-both", 66, 519_09, "bank_transfer", ("grace-1", "grace-2")),
        Invoiced("finn-1", 60, "finn", (_TUITION,)),
        Invoiced("finn-2", 60, "finn", (_TUITION, _LUNCH)),
        Voided("finn-void", 59, "finn-1", "Issued twice; the second one has the lunches."),
        Received("finn-card", 55, 593_00, "card_at_counter", ("finn-2",)),
        Received("catering-other", 50, 847_00, "other", ("catering-1",), reference="set off"),
        Invoiced(
            "hugo-1",
            45,
            "hugo",
            (_line("Summer camp, week", 280_00, tenths=20, tax=10, discount=25),),
        ),
        Received(
            "foundation-more",
            40,
            5_500_00,
            "bank_transfer",
            ("foundation-1",),
            excess="credit",
            reference="PRIZE AND NEXT YEAR",
        ),
        Received("hugo-cash", 38, 150_00, "cash", payer="hugo"),
        GivenUp("dan-rest", 30, "dan-1", 13_80, "Agreed with the parents."),
        Invoiced("ada-2", 25, "ada", (_TUITION, _LUNCH)),
        Invoiced("ben-2", 25, "ben", (_TUITION, _LUNCH, _BUS)),
        Invoiced("cleo-2", 20, "cleo", (_TUITION,), discount=Discount("percent", 10 * PERCENT)),
        Invoiced("ines-1", 15, "ines", (_line("Evening course", 120_00, tax=21),)),
        Received("ines-cash", 15, 145_20, "cash", ("ines-1",)),
        Refunded("foundation-back", 14, "foundation-more", 200_00, "Paid twice by mistake."),
        Received("ben-transfer", 12, 250_00, "bank_transfer", ("ben-2",)),
        Invoiced("books-2", 5, "books", (_line("Hall, day", 320_00, tax=21),), terms_days=14),
        Invoiced("eva-2", 3, "eva", (_TUITION, _BUS)),
        Claimed("ada-claim", 2, 593_00, "bank_transfer", "ada-2", "TUITION ADA"),
        Invoiced("dan-2", 1, "dan", (_TUITION, _BUS), draft=True),
        Invoiced(
            "catering-2", 1, "catering", (_line("Kitchen, month", 700_00, tax=21),), draft=True
        ),
    ),
)

HOSHI = Scene(
    slug="hoshi",
    name="Hoshi Language School (demo)",
    country="JP",
    currency="JPY",
    time_zone="Asia/Tokyo",
    tax_id="T0000000000000",
    address={"line1": "0-0-0 Example", "postal_code": "000-0000", "city": "Nowhere"},
    terms_days=14,
    payers=(
        Payer("kenji", "student", "Kenji Rei (demo)", language="ja"),
        Payer("moshi", "corporate", "Moshi Trading (demo)", language="ja"),
    ),
    steps=(
        Invoiced("kenji-1", 40, "kenji", (_line("Conversation, hour", 3_300, tenths=80, tax=10),)),
        Invoiced("moshi-1", 35, "moshi", (_line("Course at the office", 88_000, tax=10),)),
        Received("kenji-cash", 30, 29_040, "cash", ("kenji-1",)),
        Received("moshi-part", 20, 50_000, "bank_transfer", payer="moshi"),
        Invoiced("kenji-2", 6, "kenji", (_line("Conversation, hour", 3_300, tenths=40, tax=10),)),
    ),
)

SCENES = (NORTHFIELD, HOSHI)
