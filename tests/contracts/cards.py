"""Clients of contract 001, each in an organization of its own, and a FakePay that is not ours."""

import asyncio
import json
import re
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest

from tallystick.kernel.alias_numbers import GiveNumbers, Wanted, give_numbers
from tallystick.providers.fakepay import FakePay
from tallystick.web.dialects.frame import Chosen
from tests.contracts.conftest import Serve
from tests.factories import Books

BASE = "/dialects/card-invoices"
UNREAD: Any = object()
_LINK = re.compile(r'<([^>]*)>; rel="([a-z]+)"')


class Cards:
    """Sends what the contract says and holds the whole answer against it."""

    def __init__(self, client: httpx2.AsyncClient, books: Books) -> None:
        self.client = client
        self.books = books
        self.headers = httpx2.Headers()
        customer = books.customer(kind="individual", name="John Doe", email="john.doe@example.com")
        wanted = (Wanted(books.organization_id, UUID(customer["id"])),)
        command = GiveNumbers(books.act(), "card-invoices", "customer", wanted)
        self.john = books.done(give_numbers, command)[UUID(customer["id"])].number

    async def __call__(
        self,
        method: str,
        path: str,
        status: int,
        expected: Any = UNREAD,
        sent: Any = None,
        **headers: str,
    ) -> Any:
        """Send one request, compare its answer, and give its body."""
        response = await self.client.request(method, BASE + path, json=sent, headers=headers)
        assert response.status_code == status, response.text
        assert response.headers["Content-Type"] == "application/json"
        self.headers = response.headers
        body = response.json()
        if expected is not UNREAD:
            assert body == expected
        return body

    def links(self) -> dict[str, str]:
        """Give the addresses in the Link header of the last answer, by relation."""
        found = _LINK.findall(self.headers.get("Link", ""))
        return {relation: address for address, relation in found}


class Foreign:
    """A FakePay that is not ours, and its own truth about what it charged."""

    def __init__(self, url: str) -> None:
        self.url = url

    def then(self, *faults: str) -> None:
        """Say what befalls the next payments."""
        for fault in faults:
            self._ask("/next", fault.encode())

    def hold(self, folder: Path) -> None:
        """Have the next payment held until it is let go."""
        folder.mkdir()
        self.then(f"hold-{folder}")

    async def holds(self, folder: Path) -> None:
        """Wait until the payment that is held has come."""
        while not self._has_begun(folder):  # noqa: ASYNC110  # another process tells by a file
            await asyncio.sleep(0.01)

    @staticmethod
    def _has_begun(folder: Path) -> bool:
        return (folder / "begun").exists()

    @staticmethod
    def let_go(folder: Path) -> None:
        """Have it go on with the payment that is held."""
        (folder / "go").touch()

    def charges(self, invoice_id: str) -> int:
        """Count how often the invoice was charged."""
        return int(json.loads(self._ask(f"/count/{invoice_id}", None)))

    def provider(self, timeout_s: float = 10.0, **values: Any) -> FakePay:
        """Make the provider that calls it."""
        return FakePay(**{"url": self.url, "timeout_s": timeout_s, "takes_cards": True, **values})

    def _ask(self, path: str, body: bytes | None) -> bytes:
        request = urllib.request.Request(self.url.replace("/fakepay", path), data=body)
        with urllib.request.urlopen(request, timeout=10) as answer:
            found: bytes = answer.read()
            return found


@asynccontextmanager
async def serving(
    serve: Serve, books: Books, fakepay: FakePay | None = None
) -> AsyncIterator[Cards]:
    """Serve the contract in development, for one organization."""
    slug = books.organization["slug"]
    chosen = Chosen(names=("card-invoices",), trusting=True, organization=slug)
    async with serve(chosen, fakepay=fakepay) as client:
        yield Cards(client, books)


@pytest.fixture
def foreign(foreign_url: str) -> Foreign:
    """Return a FakePay that is not ours."""
    return Foreign(foreign_url)


@pytest.fixture
async def cards(serve: Serve, books: Books, foreign: Foreign) -> AsyncIterator[Cards]:
    """Return a client in development."""
    async with serving(serve, books, foreign.provider()) as made:
        yield made
