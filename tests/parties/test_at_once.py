"""What only one may have, when two ask for it at the same moment."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Connection

from tallystick.kernel import ids
from tallystick.kernel.database import Database
from tallystick.kernel.errors import Refusal
from tallystick.kernel.idempotency import Answer
from tallystick.parties.customers import create_customers
from tallystick.parties.organizations import create_organizations
from tests.factories import Books, Opening


@pytest.fixture
def at_once(
    threads: ThreadPoolExecutor, connect: Callable[..., Database]
) -> Callable[..., list[Answer[Any]]]:
    """Return what runs a second command while the first one has written and not yet committed."""

    def run(use_case: Any, one: Any, another: Any) -> list[Answer[Any]]:
        written, release = threading.Event(), threading.Event()

        def hold(conn: Connection) -> Answer[Any]:
            answers: list[Answer[Any]] = use_case(conn, [one])
            written.set()
            assert release.wait(10)
            return answers[0]

        first = threads.submit(connect().write, hold)
        assert written.wait(10)
        second = threads.submit(connect().write, lambda conn: use_case(conn, [another])[0])
        with pytest.raises(TimeoutError):
            second.result(0.15)
        release.set()
        return [first.result(10), second.result(10)]

    return run


def test_one_of_two_customers_gets_the_reference(
    books: Books, at_once: Callable[..., list[Answer[Any]]]
) -> None:
    one, another = (books.customer_command(external_reference="S-1") for _ in range(2))
    first, second = at_once(create_customers, one, another)
    assert not isinstance(first.outcome, Refusal)
    assert isinstance(second.outcome, Refusal)
    assert (second.outcome.code, second.replayed) == ("customer.reference_taken", False)
    assert len(books.snapshot()["customer"][1]) == 1
    assert books.answers(create_customers, another) == [Answer(second.outcome, replayed=True)]


def test_one_of_two_organizations_gets_the_slug(
    open_books: Opening, at_once: Callable[..., list[Answer[Any]]]
) -> None:
    slug = f"a-{ids.new().hex}"
    one, another = (open_books.command(slug=slug) for _ in range(2))
    first, second = at_once(create_organizations, one, another)
    assert not isinstance(first.outcome, Refusal)
    assert isinstance(second.outcome, Refusal)
    assert second.outcome.code == "organization.slug_taken"
