"""A provider for tests of the API: our stand-in for FakePay, over a socket."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from tallystick.kernel.clock import now
from tallystick.payments.provider import Provider
from tallystick.providers.fakepay import FakePay
from tallystick.testing.fakepay.faults import Fault, Faults
from tallystick.testing.fakepay.kinds import Kind
from tallystick.testing.fakepay.ledger import Ledger
from tallystick.testing.fakepay.server import Server
from tests.web.conftest import School

CARD = {"number": "4111-1111 1111 1111", "expiry": "01-2040", "name": "J Doe"}
SECRET = "a secret of both sides"


def fakepay(url: str, *, secret: str | None = SECRET, takes_cards: bool = True) -> FakePay:
    """Make the provider; without the secret it is one that can only be paid."""
    return FakePay(url=url, timeout_s=10.0, takes_cards=takes_cards, secret=secret)


@dataclass(frozen=True)
class Till:
    """A school that takes payments online, and the provider that takes them."""

    school: School
    server: Server

    def fails(self, kind: Kind, **values: Any) -> None:
        """Let the next call of the provider go wrong."""
        self.server.faults.add(Fault(kind, times=1, **values))

    async def body(self, **members: Any) -> dict[str, Any]:
        """Prepare a payment of a new invoice of 100.00."""
        invoice = await self.school.invoice()
        named = {"currency": "EUR", "invoices": [{"invoice_id": invoice["id"]}], "card": CARD}
        return named | members

    async def post(self, body: dict[str, Any], key: str | None = None) -> httpx2.Response:
        """Ask for a payment."""
        return await self.ask("/v1/payments/online", body, key)

    async def ask(
        self, path: str, body: dict[str, Any] | None = None, key: str | None = None
    ) -> httpx2.Response:
        """Ask for something as the owner, under a key or under none."""
        headers = {} if key is None else {"Idempotency-Key": key}
        return await self.school.owner.post(path, json=body, headers=headers)

    async def paid(self, **members: Any) -> dict[str, Any]:
        """Take a payment of a new invoice of 100.00."""
        response = await self.post(await self.body(**members))
        assert response.status_code == 201, response.text
        payment: dict[str, Any] = response.json()
        return payment

    async def payments(self) -> list[dict[str, Any]]:
        """Read all payments, newest first."""
        found: list[dict[str, Any]] = (await self.school.viewer.get("/v1/payments")).json()["data"]
        return found

    async def invoice(self, body: dict[str, Any]) -> dict[str, Any]:
        """Read the invoice that a payment is for."""
        path = f"/v1/invoices/{body['invoices'][0]['invoice_id']}"
        found: dict[str, Any] = (await self.school.viewer.get(path)).json()
        return found

    def charges(self, payment_id: str) -> int:
        """Tell how often the provider has charged for a payment."""
        found = self.server.ledger.payment(payment_id)
        return 0 if found is None else int(found["charges"])


@pytest.fixture
def server() -> Iterator[Server]:
    """Return the stand-in, served meanwhile."""
    ledger = Ledger(":memory:", now)
    with Server(0, ledger, Faults()).beside() as made:
        yield made
    ledger.close()


@pytest.fixture
def providers(server: Server) -> Mapping[str, Provider]:
    """Return the one provider there is."""
    return {"fakepay": fakepay(server.url)}


@pytest.fixture
def till(school: School, server: Server) -> Till:
    """Return a school that is paid online."""
    return Till(school, server)
