"""Every operation against its own OpenAPI document: what fits it, and what does not."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    ignored_auth,
    negative_data_rejection,
    positive_data_acceptance,
)

from tallystick import migrations
from tallystick.kernel import clock
from tallystick.kernel.database import Database
from tallystick.kernel.sealing import Sealer
from tallystick.kernel.signing import Signer
from tallystick.payments.refunding import RefundPayment, refund_payments
from tallystick.web.app import make_app
from tests.factories import Books, Opening
from tests.web.conftest import MakeKey
from tests.web.providing import fakepay

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)

SETTINGS = settings(
    max_examples=2,  # for each operation, of what fits and again of what does not
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
NOT_ASKED = [
    # Many a body that fits its schema contradicts the books, which no schema can say.
    positive_data_acceptance,
    # Every operation is tried without a key elsewhere.
    ignored_auth,
]
# An item that does not fit is refused alone, within an answer that is a success.
NOT_ASKED_OF_MANY = [*NOT_ASKED, negative_data_rejection]


@pytest.fixture
def serving(database: Database) -> Iterator[FastAPI]:
    """Return the application, started for callers that are not asynchronous."""
    app = make_app(
        database=database,
        clock=clock.now,
        signer=Signer("a secret of the tests"),
        sealer=Sealer.derived("a secret of the tests"),
        environment="development",
        migration_status=lambda: (database.read(migrations.current), migrations.head()),
        # Refuses whatever card is made up, and sends nothing.
        providers={"fakepay": fakepay("http://127.0.0.1:9/fakepay", takes_cards=False)},
    )
    with asyncio.Runner() as runner:
        lifespan = app.router.lifespan_context(app)
        runner.run(lifespan.__aenter__())
        yield app
        runner.run(lifespan.__aexit__(None, None, None))


@pytest.fixture
def books(database: Database) -> Books:
    """Return the books that the requests are about."""
    return Opening(database)()


@pytest.fixture
def known(books: Books) -> dict[str, str]:
    """Return the ids of one object of each kind, by the names that paths have for them."""
    invoice = books.issued()
    payment = books.paid(1_000, invoice)
    refund = books.done(refund_payments, RefundPayment(books.act(), UUID(payment["id"]), 100))
    return {
        "organization_id": str(books.organization_id),
        "customer_id": invoice["customer_id"],
        "invoice_id": invoice["id"],
        "payment_id": payment["id"],
        "refund_id": refund["id"],
        "credit_note_id": books.credited(invoice, 1)["id"],
    }


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_every_answer_is_documented(
    serving: FastAPI, books: Books, known: dict[str, str], make_key: MakeKey, mode: GenerationMode
) -> None:
    headers = {
        "Authorization": f"Bearer {make_key('platform', None)}",
        "Tallystick-Organization": str(books.organization_id),
    }
    seen: Counter[int] = Counter()

    def check(case: Any, *, reach: bool) -> None:
        if mode is GenerationMode.POSITIVE and reach:
            case.path_parameters |= {
                name: known[name] for name in case.path_parameters if name in known
            }
        response = case.call(headers=headers)
        # What somebody else has changed meanwhile is refused whatever the body says.
        stale = response.status_code == 412
        excluded = NOT_ASKED_OF_MANY if stale or case.path.endswith("/bulk") else NOT_ASKED
        case.validate_response(response, headers=headers, excluded_checks=excluded)
        seen[response.status_code] += 1

    for found in schemathesis.openapi.from_asgi("/openapi.json", serving).get_all_operations():
        assert isinstance(found, Ok)
        cases = found.ok().as_strategy(generation_mode=mode)
        SETTINGS(given(case=cases, reach=st.booleans())(check))()
    assert seen.total() > 100
    assert {400, 404, 422} <= seen.keys() | ({400} if mode is GenerationMode.POSITIVE else set())
    assert all(status < 500 for status in seen)
