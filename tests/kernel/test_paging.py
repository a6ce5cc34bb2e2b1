"""Pages: newest first, nothing twice and nothing left out, though rows are added meanwhile."""

from uuid import UUID

import pytest

from tallystick.kernel.paging import Page
from tallystick.parties.customers import create_customers, list_customers
from tests.factories import Books


@pytest.mark.parametrize(
    ("limit", "sizes"), [(1, [1] * 7), (3, [3, 3, 1]), (6, [6, 1]), (7, [7]), (100, [7])]
)
def test_pages_end_where_the_list_ends(books: Books, limit: int, sizes: list[int]) -> None:
    made = books.outcomes(create_customers, *[books.customer_command() for _ in range(7)])
    seen: list[str] = []
    found: list[int] = []
    after: UUID | None = None

    while not found or after is not None:
        page = books.read(list_customers, after=after, limit=limit)
        found.append(len(page.items))
        seen += [item["id"] for item in page.items]
        after = page.next_after
    assert found == sizes
    assert seen == [each["id"] for each in reversed(made)]


def test_what_is_added_meanwhile_moves_nothing(books: Books) -> None:
    made = books.outcomes(create_customers, *[books.customer_command() for _ in range(7)])
    seen: list[str] = []
    after: UUID | None = None

    while not seen or after is not None:
        page = books.read(list_customers, after=after, limit=2)
        seen += [item["id"] for item in page.items]
        after = page.next_after
        books.customer()
    assert seen == [each["id"] for each in reversed(made)]


def test_an_empty_list_has_one_empty_page(books: Books) -> None:
    assert books.read(list_customers) == Page([], None)
