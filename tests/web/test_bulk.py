"""Many items in one request: each is answered as if it had been sent alone."""

import asyncio
from typing import Any

import httpx2
import pytest

from tallystick.kernel.coalescing import BATCH_MAX, Coalescer
from tallystick.kernel.errors import Unavailable
from tallystick.web.middleware import BODY_MAX_BYTES, BULK_MAX_BYTES
from tests.web.conftest import LINE, School

pytestmark = pytest.mark.anyio
SQLITE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)

KEY = {"Idempotency-Key": "monday"}
JSON = {"Content-Type": "application/json"}


async def results(response: httpx2.Response) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["results"]
    return found


async def sent(school: School, noun: str, items: list[Any], **headers: str) -> httpx2.Response:
    return await school.owner.post(f"/v1/{noun}/bulk", json={noun: items}, headers=headers)


def cash(amount: str, invoice: dict[str, Any], **members: Any) -> dict[str, Any]:
    paid = [{"invoice_id": invoice["id"]}]
    return {"amount": amount, "currency": "EUR", "method": "cash", "invoices": paid, **members}


async def test_good_and_bad_invoices(school: School) -> None:
    payer = (await school.customer())["id"]
    good = {"customer_id": payer, "lines": [LINE], "issue": True}
    items = [
        good,
        {**good, "lines": [LINE | {"unit_price": 100}], "colour": "red"},
        {**good, "customer_id": school.id},
        {**good, "issue": False, "issue_date": "2026-11-19"},
        {**good, "lines": [LINE | {"unit_price": "1.234"}]},
        {**good, "lines": []},
        7,
        {**good, "issue": False},
        good,
    ]
    found = await results(await sent(school, "invoices", items))
    assert [each["status"] for each in found] == [201, 422, 404, 422, 422, 409, 422, 201, 201]
    made = [each["invoice"] for each in found if "invoice" in each]
    assert [each["number"] for each in made] == ["INV-2026-000001", None, "INV-2026-000002"]
    assert [each["status"] for each in made] == ["open", "draft", "open"]
    for each in made:
        assert (await school.owner.get(f"/v1/invoices/{each['id']}")).json() == each
    problems = [each["problem"] for each in found if "problem" in each]
    assert [each["code"] for each in problems] == [
        "request.invalid",
        "customer.unknown",
        "request.invalid",
        "money.precision",
        "invoice.no_lines",
        "request.invalid",
    ]
    assert [error["pointer"] for error in problems[0]["errors"]] == [
        "/lines/0/unit_price",
        "/colour",
    ]
    assert problems[3]["errors"][0]["pointer"] == "/lines/0/unit_price"
    assert problems[5]["errors"] == [{"pointer": "", "detail": "Write an object."}]
    assert len((await school.owner.get("/v1/invoices")).json()["data"]) == 3


async def test_good_and_bad_payments(school: School) -> None:
    invoice = await school.invoice()
    items = [
        cash("60.00", invoice, reference="first"),
        cash("60.00", invoice),
        cash("0.00", invoice),
        {**cash("1.00", invoice), "currency": "USD"},
        cash("40.00", invoice),
        cash("1.00", invoice, excess="credit"),
    ]
    found = await results(await sent(school, "payments", items))
    assert [each["status"] for each in found] == [201, 409, 422, 409, 201, 201]
    refused = found[1]["problem"]
    assert (refused["code"], refused["due"]) == ("payment.exceeds_due", "40.00")
    assert refused["instance"] == "/v1/payments/bulk"
    paid = [each["payment"] for each in found if "payment" in each]
    assert [each["receipt_number"] for each in paid] == [
        "REC-2026-000001",
        "REC-2026-000002",
        "REC-2026-000003",
    ]
    assert [each["unallocated"] for each in paid] == ["0.00", "0.00", "1.00"]
    now = (await school.owner.get(f"/v1/invoices/{invoice['id']}")).json()
    assert (now["paid"], now["due"]) == ("100.00", "0.00")


async def test_a_repeated_request_replays_each(school: School) -> None:
    invoice = await school.invoice()
    items = [cash("60.00", invoice), cash("60.00", invoice), {"amount": "1"}]
    first = await sent(school, "payments", items, **KEY)
    second = await sent(school, "payments", items, **KEY)
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    for before, after in zip(await results(first), await results(second), strict=True):
        for each in (before, after):
            each.get("problem", {}).pop("request_id", None)
        assert before == after
    # What was not known before is done, and only that.
    more = await sent(school, "payments", [*items[:2], cash("40.00", invoice)], **KEY)
    assert [each["status"] for each in await results(more)] == [201, 409, 201]
    assert "Idempotent-Replayed" not in more.headers
    # Another item under the key of one is refused, as it would be alone.
    other = await results(await sent(school, "payments", [cash("1.00", invoice)], **KEY))
    assert other[0]["problem"]["code"] == "idempotency.key_reused"
    assert len((await school.owner.get("/v1/payments")).json()["data"]) == 2


async def test_the_keys_of_items(school: School) -> None:
    invoice = await school.invoice()
    items = [cash("1.00", invoice), cash("2.00", invoice)]
    longest = {"Idempotency-Key": "x" * 250}
    assert len(await results(await sent(school, "payments", items, **longest))) == 2
    longer = await sent(school, "payments", items, **{"Idempotency-Key": "x" * 251})
    assert (longer.status_code, longer.json()["code"]) == (422, "idempotency.key_malformed")
    # The single operation may not speak for an item.
    alone = await school.owner.post(
        "/v1/payments", json=items[1], headers={"Idempotency-Key": f"{'x' * 250}/0002"}
    )
    assert (alone.status_code, alone.json()["code"]) == (422, "idempotency.key_reused")


@SQLITE
@pytest.mark.parametrize("count", [0, 1_001])
async def test_how_many_items_there_may_be(school: School, count: int) -> None:
    for noun in ("invoices", "payments"):
        response = await sent(school, noun, [{}] * count)
        assert (response.status_code, response.json()["code"]) == (422, "request.invalid")
        assert [error["pointer"] for error in response.json()["errors"]] == [f"/{noun}"]


async def test_a_thousand_in_one_go(school: School) -> None:
    payer = (await school.customer())["id"]
    item = {"customer_id": payer, "lines": [LINE], "issue": True}
    found = await results(await sent(school, "invoices", [item] * 1_000))
    numbers = [each["invoice"]["number"] for each in found]
    assert numbers == [f"INV-2026-{number:06}" for number in range(1, 1_001)]
    payments = [cash("100.00", each["invoice"]) for each in found]
    paid = await results(await sent(school, "payments", payments))
    assert {each["payment"]["allocated"] for each in paid} == {"100.00"}
    assert len({each["payment"]["receipt_number"] for each in paid}) == 1_000


@SQLITE
async def test_others_get_their_turn_between_two_chunks(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = await school.invoice()
    sizes: list[int] = []
    transaction = Coalescer._transaction  # noqa: SLF001  # watched

    loop, begun = asyncio.get_running_loop(), asyncio.Event()

    def watched(self: Coalescer, use_case: Any, commands: list[Any]) -> Any:
        sizes.append(len(commands))
        loop.call_soon_threadsafe(begun.set)
        return transaction(self, use_case, commands)

    monkeypatch.setattr(Coalescer, "_transaction", watched)
    many = asyncio.create_task(sent(school, "payments", [cash("0.01", invoice)] * 200))
    await begun.wait()
    alone = await school.owner.post("/v1/payments", json=cash("0.02", invoice))
    assert alone.status_code == 201
    assert not many.done()
    assert {each["status"] for each in await results(await many)} == {201}
    assert sum(sizes) == 201
    assert max(sizes) <= BATCH_MAX
    assert len(sizes) in {4, 5}


@SQLITE
async def test_what_was_not_tried_says_so(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    invoice = await school.invoice()
    items = [cash("0.01", invoice)] * (BATCH_MAX + 2)
    together = Coalescer.run_together
    chunks: list[int] = []

    async def failing(self: Coalescer, use_case: Any, commands: Any) -> Any:
        chunks.append(len(commands))
        if len(chunks) > 1:
            raise Unavailable("The database does not answer.")
        return await together(self, use_case, commands)

    with monkeypatch.context() as patch:
        patch.setattr(Coalescer, "run_together", failing)
        first = await results(await sent(school, "payments", items, **KEY))
        assert [each["status"] for each in first] == [201] * BATCH_MAX + [503] * 2
        assert first[-1]["problem"]["code"] == "server.unavailable"
        assert first[-1]["problem"]["retryable"] is True
        # Nothing done at all is the request's own failure.
        whole = await sent(school, "payments", items)
        assert (whole.status_code, whole.json()["code"]) == (503, "server.unavailable")
    again = await results(await sent(school, "payments", items, **KEY))
    assert again[:BATCH_MAX] == first[:BATCH_MAX]
    assert {each["status"] for each in again} == {201}
    paid = (await school.owner.get(f"/v1/invoices/{invoice['id']}")).json()["paid"]
    assert paid == "0.66"


@SQLITE
async def test_our_mistake_with_one_item_stops_no_other(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = await school.invoice()
    together = Coalescer.run_together

    async def failing(self: Coalescer, use_case: Any, commands: Any) -> Any:
        answers = await together(self, use_case, commands)
        return [answers[0], RuntimeError("SELECT secret"), *answers[2:]]

    monkeypatch.setattr(Coalescer, "run_together", failing)
    found = await results(await sent(school, "payments", [cash("1.00", invoice)] * 3))
    assert [each["status"] for each in found] == [201, 500, 201]
    assert found[1]["problem"]["code"] == "server.error"
    assert "secret" not in str(found)


@SQLITE
async def test_the_body_may_be_larger_here(school: School) -> None:
    text = b'{"payments": ["' + b"x" * BODY_MAX_BYTES + b'"]}'
    response = await school.owner.post("/v1/payments/bulk", content=text, headers=JSON)
    assert [each["status"] for each in await results(response)] == [422]
    alone = await school.owner.post("/v1/payments", content=text, headers=JSON)
    assert (alone.status_code, alone.json()["code"]) == (413, "request.too_large")
    text = b'{"payments": ["' + b"x" * BULK_MAX_BYTES + b'"]}'
    response = await school.owner.post("/v1/payments/bulk", content=text, headers=JSON)
    assert (response.status_code, response.json()["code"]) == (413, "request.too_large")
    assert response.json()["detail"] == "The body has more than 8388608 bytes."
