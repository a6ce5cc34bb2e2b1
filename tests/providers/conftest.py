"""A FakePay of ours and one that is not, each with its own truth about what it charged."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from uuid import UUID

import pytest

from tallystick.kernel import ids
from tallystick.kernel.clock import now
from tallystick.payments.cards import Card
from tallystick.payments.provider import PaymentOrder
from tallystick.providers.fakepay import FakePay
from tallystick.testing.fakepay.events import Teller
from tallystick.testing.fakepay.faults import Fault, Faults
from tallystick.testing.fakepay.kinds import Kind
from tallystick.testing.fakepay.ledger import Ledger, Telling
from tallystick.testing.fakepay.server import Server
from tallystick.testing.subject import Subject

SECRET = "a secret of both sides"
NUMBER = "1234567812345678"
FOREIGN = Path(__file__).parent / "foreign_fakepay.py"


def order(*, number: str = NUMBER, name: str = "J Doe") -> PaymentOrder:
    card = Card(number=number, expiry="01-2040", name=name)
    return PaymentOrder(key=ids.new(), amount=19_999, currency="EUR", card=card)


def declined() -> PaymentOrder:
    return order(name="J0hn")


def provider(url: str, timeout_s: float, *, secret: str | None = SECRET) -> FakePay:
    return FakePay(url=url, timeout_s=timeout_s, takes_cards=True, secret=secret)


@pytest.fixture
def faults() -> Faults:
    return Faults(seed=1)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(tmp_path / "fakepay.db", now)
    yield made
    made.close()


@pytest.fixture
def standing_in(ledger: Ledger, faults: Faults) -> Iterator[Server]:
    with Server(0, ledger, faults).beside() as server:
        yield server


@pytest.fixture
def ours(standing_in: Server) -> Subject:
    ledger = standing_in.ledger
    teller = Teller(ledger, now, url="http://127.0.0.1:9", secret=SECRET)

    def charged(key: UUID) -> int:
        found = ledger.payment(str(key))
        return 0 if found is None else int(found["charges"])

    def given_back(key: UUID) -> int:
        return int(ledger.refund(str(key)) is not None)

    def event(at: datetime) -> tuple[Mapping[str, str], bytes]:
        signing = Teller(ledger, lambda: at, url="http://127.0.0.1:9", secret=SECRET)
        body = teller.body(Telling(1, "payment.succeeded", str(ids.new()), 0))
        headers = signing.headers(1, body)
        return {name.lower(): value for name, value in headers.items()}, body

    def late() -> PaymentOrder:
        standing_in.faults.add(Fault(Kind.LATE_SUCCESS, seconds=0.2, times=1))
        return order()

    return Subject(
        make=provider,
        url=standing_in.url,
        order=order,
        charged=charged,
        declined=declined,
        late=late,
        given_back=given_back,
        event=event,
    )


@pytest.fixture(scope="session")
def foreign_url() -> Iterator[str]:
    """Start a FakePay that is not ours; the folder and the environment have nothing of ours."""
    process = subprocess.Popen(
        [sys.executable, "-I", str(FOREIGN)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}/fakepay"
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def foreign_charges(foreign_url: str) -> Callable[[UUID], int]:
    def charges(key: UUID) -> int:
        url = foreign_url.replace("/fakepay", f"/count/{key}")
        with urllib.request.urlopen(url, timeout=10) as answer:
            return int(json.load(answer))

    return charges


@pytest.fixture
def foreign(foreign_url: str, foreign_charges: Callable[[UUID], int]) -> Subject:
    def make(url: str, timeout_s: float) -> FakePay:
        return provider(url, timeout_s, secret=None)

    return Subject(
        make=make, url=foreign_url, order=order, charged=foreign_charges, declined=declined
    )
