"""Clients of a dialect, in this process and on the application as it is composed."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import httpx2
import pytest

from tallystick import migrations
from tallystick.kernel.database import Database
from tallystick.kernel.sealing import Sealer
from tallystick.kernel.signing import Signer
from tallystick.providers.fakepay import FakePay
from tallystick.web.app import make_app
from tallystick.web.dialects.frame import Chosen
from tests.factories import books, open_books
from tests.providers.conftest import foreign_url

__all__ = ["books", "foreign_url", "open_books"]

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
API_KEY = "a key of the tests"

Serve = Callable[..., AbstractAsyncContextManager[httpx2.AsyncClient]]


class Ticking:
    """A clock that goes on a little each time that it is read."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        """Tell the time."""
        self.now += timedelta(milliseconds=10)
        return self.now


@pytest.fixture(scope="session", autouse=True)
def _no_freezing() -> Iterator[None]:
    """Leave the collector of the test process alone: every test starts an application."""
    with pytest.MonkeyPatch.context() as patch:
        idle = SimpleNamespace(collect=lambda: 0, freeze=lambda: None, enable=lambda: None)
        patch.setattr("tallystick.web.app.gc", idle)
        yield


@pytest.fixture
def serve(database: Database) -> Serve:
    """Return a way to serve dialects and to speak to them."""

    shared = database

    @asynccontextmanager
    async def serve(
        chosen: Chosen,
        *,
        database: Database = shared,
        fakepay: FakePay | None = None,
        **headers: str,
    ) -> AsyncIterator[httpx2.AsyncClient]:
        app = make_app(
            database=database,
            clock=Ticking(),
            signer=Signer("a secret of the tests"),
            sealer=Sealer.derived("a secret of the tests"),
            environment="development" if chosen.trusting else "production",
            migration_status=lambda: (database.read(migrations.current), migrations.head()),
            dialects=chosen,
            providers={} if fakepay is None else {"fakepay": fakepay},
        )
        transport = httpx2.ASGITransport(app=app)
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(
                transport=transport, base_url="http://tallystick.test", headers=headers
            ) as client,
        ):
            yield client

    return serve
