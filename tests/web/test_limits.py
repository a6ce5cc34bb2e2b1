"""How often one caller may ask: exact counts, and what is said when it is too often."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from tallystick import migrations
from tallystick.auth.guessing import network
from tallystick.kernel.database import Database
from tallystick.kernel.errors import Refused
from tallystick.kernel.sealing import Sealer
from tallystick.kernel.signing import Signer
from tallystick.web.app import make_app
from tallystick.web.limits import REMEMBERED_MAX, UNLIMITED, Limit, Limits, Rate, Rates
from tests.web.conftest import MakeKey, Moment, School, Witness

Clients = Callable[..., httpx2.AsyncClient]
Opened = Callable[[Rates], AbstractAsyncContextManager[Clients]]


class Seconds:
    """A clock that runs when it is told to."""

    def __init__(self) -> None:
        self.passed = 0.0

    def __call__(self) -> float:
        return self.passed


def test_what_was_spent_comes_back() -> None:
    seconds = Seconds()
    limit = Limit(Rate(3, 2), seconds)
    assert [limit.spend("ann") for _ in range(5)] == [0, 0, 0, 0.5, 0.5]
    assert limit.spend("bea") == 0
    seconds.passed = 0.5
    assert [limit.spend("ann") for _ in range(2)] == [0, 0.5]
    seconds.passed = 100
    assert [limit.spend("ann") for _ in range(4)] == [0, 0, 0, 0.5]


@pytest.mark.parametrize(("at_once", "per_s"), [(60_000, 1_000), (60, 1), (120, 2), (7, 0.3)])
def test_exactly_so_many_at_once(at_once: int, per_s: float) -> None:
    limit = Limit(Rate(at_once, per_s), lambda: 1_234.567)
    assert sum(limit.spend("ann") == 0 for _ in range(at_once + 100)) == at_once


def test_asking_how_long_to_wait_spends_nothing() -> None:
    limit = Limit(Rate(1, 1), lambda: 5.0)
    assert limit.wait_s("ann") <= 0
    assert [limit.spend("ann"), limit.wait_s("ann"), limit.wait_s("ann")] == [0, 1, 1]
    assert limit.wait_s("bea") <= 0


def test_what_is_remembered_is_bounded() -> None:
    seconds = Seconds()
    limit = Limit(Rate(1, 0.001), seconds)
    for number in range(3 * REMEMBERED_MAX):
        assert limit.spend(number) == 0
        assert len(limit._spent_until) <= REMEMBERED_MAX  # noqa: SLF001  # nobody else can see it
    # The last ones are still known, and those who have it all back go first.
    assert limit.spend(3 * REMEMBERED_MAX - 1) > 0
    seconds.passed = 1e6
    while len(limit._spent_until) < REMEMBERED_MAX:  # noqa: SLF001
        limit.spend(-len(limit._spent_until))  # noqa: SLF001
    seconds.passed = 2e6
    limit.spend("new")
    assert len(limit._spent_until) == 1  # noqa: SLF001


def test_whoever_has_one_address_of_ipv6_has_many() -> None:
    assert network("192.0.2.7") == "192.0.2.7"
    assert network("2001:db8:1:2:3:4:5:6") == network("2001:db8:1:2::9") == "2001:db8:1:2::/64"
    assert network("2001:db8:1:3::9") != network("2001:db8:1:2::9")
    assert network("fe80::1%eth0") == "fe80::/64"
    assert network("::ffff:192.0.2.7") == "192.0.2.7"
    assert [network(each) for each in ("", "testclient", "a:b")] == ["", "testclient", "a:b"]


def test_a_refusal_says_how_long_to_wait() -> None:
    limits = Limits(Rates(Rate(1, 0.1), *[UNLIMITED.public] * 2), monotonic=lambda: 0.0)
    limits.request(1)
    with pytest.raises(Refused) as raised:
        limits.request(1)
    assert raised.value.refusal.code == "request.too_many"
    assert raised.value.refusal.facts == {"retry_after_s": 10}
    assert "Wait 10 seconds." in raised.value.refusal.detail
    limits.request(2)


@pytest.fixture
def opened(database: Database) -> Opened:
    """Return a way to run an application with certain rates."""

    @asynccontextmanager
    async def run(rates: Rates) -> AsyncIterator[Clients]:
        app: FastAPI = make_app(
            database=database,
            clock=Moment(),
            signer=Signer("a secret of the tests"),
            sealer=Sealer.derived("a secret of the tests"),
            environment="development",
            migration_status=lambda: (database.read(migrations.current), migrations.head()),
            rates=rates,
        )

        def client(key: str | None = None, address: str = "127.0.0.1") -> httpx2.AsyncClient:
            return httpx2.AsyncClient(
                transport=httpx2.ASGITransport(app=app, client=(address, 1)),
                base_url="http://tallystick.test",
                headers={} if key is None else {"Authorization": f"Bearer {key}"},
                event_hooks={"response": [Witness(app)]},
            )

        async with app.router.lifespan_context(app):
            yield client

    return run


def _too_many(response: Any, wait_s: str) -> None:
    assert (response.status_code, response.json()["code"]) == (429, "request.too_many")
    assert response.headers["Retry-After"] == wait_s
    assert response.json()["retryable"] is True


@pytest.mark.anyio
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_a_credential_has_its_own_limit(
    opened: Opened, school: School, make_key: MakeKey
) -> None:
    rates = Rates(Rate(3, 0.01), UNLIMITED.public, UNLIMITED.failures)
    async with opened(rates) as clients:
        one, other = (clients(make_key("viewer", school.id)) for _ in range(2))
        statuses = [(await one.get("/v1/customers")).status_code for _ in range(3)]
        assert statuses == [200, 200, 200]
        _too_many(await one.get("/v1/customers"), "100")
        # Whatever it asks for, and in whatever way it says who it is.
        _too_many(await one.post("/v1/customers", json={}), "100")
        assert (await other.get("/v1/customers")).status_code == 200
        assert (await one.get("/health/live")).status_code == 200


@pytest.mark.anyio
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_a_network_has_a_limit_of_wrong_credentials(
    opened: Opened, school: School, make_key: MakeKey
) -> None:
    rates = Rates(UNLIMITED.requests, UNLIMITED.public, Rate(2, 0.01))
    async with opened(rates) as clients:
        good, wrong = clients(make_key("viewer", school.id)), clients("tsk_wrong")
        assert (await good.get("/v1/customers")).status_code == 200
        assert (await wrong.get("/v1/customers")).status_code == 401
        assert (await clients().get("/v1/customers")).status_code == 401
        _too_many(await wrong.get("/v1/customers"), "100")
        # Who was good here before goes on, and so do others.
        assert (await good.get("/v1/customers")).status_code == 200
        elsewhere = clients("tsk_wrong", "192.0.2.7")
        assert (await elsewhere.get("/v1/customers")).status_code == 401


@pytest.mark.anyio
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_a_network_has_a_limit_of_open_operations(opened: Opened) -> None:
    rates = Rates(UNLIMITED.requests, Rate(2, 0.01), UNLIMITED.failures)
    forgotten = {"email": "ann@example.com"}
    wrong = {"login": "ann@example.com", "password": "x" * 20}
    async with opened(rates) as clients:
        here, elsewhere = clients(), clients(address="2001:db8::1")
        with capture_logs():
            statuses = [
                (await client.post("/v1/password-reset", json=forgotten)).status_code
                for client in (here, here, elsewhere)
            ]
            assert 429 not in statuses
            _too_many(await here.post("/v1/password-reset", json=forgotten), "100")
            _too_many(await here.post("/v1/verify-email", json={}), "100")
            # A whole school logs in from one network: only what fails is counted there.
            assert (await here.post("/v1/login", json=wrong)).status_code == 401


@pytest.mark.anyio
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_who_was_not_good_is_told_in_the_log(opened: Opened, school: School) -> None:
    async with opened(UNLIMITED) as clients:
        client = clients("tsk_wrong", "192.0.2.7")
        with capture_logs() as lines:
            await client.get("/v1/customers", headers={"Tallystick-Organization": school.slug})
            await clients(None, "192.0.2.7").get(f"/v1/organizations/{school.id}")
    assert lines == [
        {
            "event": "unknown key",
            "log_level": "warning",
            "operation": "list_customers",
            "address": "192.0.2.7",
            "organization": school.slug,
        },
        {
            "event": "no key",
            "log_level": "warning",
            "operation": "get_organization",
            "address": "192.0.2.7",
            "organization": None,
        },
    ]


@pytest.mark.anyio
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_who_may_not_is_told_in_the_log(
    opened: Opened, school: School, make_key: MakeKey
) -> None:
    async with opened(UNLIMITED) as clients:
        client = clients(make_key("viewer", school.id), "192.0.2.7")
        with capture_logs() as lines:
            assert (await client.post("/v1/customers", json={})).status_code == 403
    [line] = lines
    assert line.pop("actor")
    assert line == {
        "event": "forbidden",
        "log_level": "warning",
        "operation": "create_customer",
        "actor_kind": "key",
        "organization": school.id,
        "address": "192.0.2.7",
    }
