"""What becomes of money while the database is slow or away."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI

from tallystick.kernel.errors import Unavailable
from tallystick.payments.provider import Provider
from tallystick.payments.resolving import resolve_payments
from tallystick.payments.returning import resolve_refunds, start_refunds
from tallystick.payments.starting import repeat_payments, start_payments
from tallystick.testing.fakepay.kinds import Kind
from tallystick.testing.fakepay.server import Server
from tests.web.conftest import Moment
from tests.web.providing import SECRET, Till, fakepay, server, till

__all__ = ["server", "till"]
pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("engine", ["sqlite"], indirect=True)]

Before = Callable[[Any], None]


@pytest.fixture
def providers(server: Server, request: pytest.FixtureRequest) -> Mapping[str, Provider]:
    """Return the one provider there is; without its secret it cannot be asked."""
    return {"fakepay": fakepay(server.url, secret=getattr(request, "param", SECRET))}


@pytest.fixture
def around(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, Before], None]:
    """Return what lets something happen whenever a use case is run."""
    coalescer = app.state.edge.coalescer
    run = coalescer.run
    befores: dict[Any, Before] = {}

    async def running(use_case: Any, command: Any) -> Any:
        if use_case in befores:
            befores[use_case](command)
        return await run(use_case, command)

    monkeypatch.setattr(coalescer, "run", running)
    monkeypatch.setattr("tallystick.web.provider_calls.INSISTS_EVERY_S", 0.01)
    return befores.__setitem__


def _slow(moment: Moment) -> Before:
    def wait(_command: Any) -> None:
        moment.now += timedelta(seconds=3)

    return wait


async def test_what_took_too_long_to_note_is_not_sent(
    till: Till, around: Callable[[Any, Before], None], moment: Moment
) -> None:
    around(start_payments, _slow(moment))
    body = await till.body()
    response = await till.post(body)
    problem = response.json()
    assert (response.status_code, problem["code"]) == (502, "provider.unreachable")
    assert (problem["retryable"], problem["payment_status"]) == (True, "failed")
    assert till.charges(problem["payment_id"]) == 0
    assert (await till.invoice(body))["reserved"] == "0.00"


@pytest.mark.parametrize("providers", [None], indirect=True)
async def test_a_repeat_that_took_too_long_to_note_is_not_sent(
    till: Till, around: Callable[[Any, Before], None], moment: Moment
) -> None:
    till.fails(Kind.DROP_AFTER)
    body = await till.body()
    payment = (await till.post(body, "pay")).json()
    around(repeat_payments, _slow(moment))
    moment.now += timedelta(minutes=1)
    again = await till.post(body, "pay")
    # The first call may have taken the money, so this says nothing of it.
    assert (again.status_code, again.json()["status"]) == (202, "processing")
    assert till.charges(payment["id"]) == 1
    around(repeat_payments, lambda _command: None)
    moment.now += timedelta(minutes=1)
    assert (await till.post(body, "pay")).status_code == 201
    assert till.charges(payment["id"]) == 2  # it counts what it is sent


async def test_a_refund_that_took_too_long_to_note_is_not_sent(
    till: Till, around: Callable[[Any, Before], None], moment: Moment
) -> None:
    payment = await till.paid()
    around(start_refunds, _slow(moment))
    response = await till.ask("/v1/refunds", {"payment_id": payment["id"]})
    assert response.status_code == 502, response.text
    found = (await till.school.viewer.get(f"/v1/payments/{payment['id']}")).json()
    assert (found["refunded"], found["refund_reserved"]) == ("0.00", "0.00")


@pytest.mark.parametrize("of", ["payment", "refund"])
async def test_an_answer_that_cannot_be_kept_now_is_kept_later(
    till: Till, around: Callable[[Any, Before], None], of: str
) -> None:
    tries = 0

    def away(_command: Any) -> None:
        nonlocal tries
        tries += 1
        if tries <= 3:  # then it is back
            raise Unavailable("The database does not answer.")

    if of == "payment":
        around(resolve_payments, away)
        response = await till.post(await till.body())
    else:
        payment = await till.paid()
        around(resolve_refunds, away)
        response = await till.ask("/v1/refunds", {"payment_id": payment["id"]})
    assert (response.status_code, response.json()["code"]) == (503, "server.unavailable")
    for _ in range(500):
        [payment] = await till.payments()
        if (payment["status"] if of == "payment" else payment["refund_reserved"]) in {
            "succeeded",
            "0.00",
        }:
            break
        await asyncio.sleep(0.01)
    assert tries == 4
    assert till.charges(payment["id"]) == 1
    assert payment["refunded"] == ("0.00" if of == "payment" else "100.00")
