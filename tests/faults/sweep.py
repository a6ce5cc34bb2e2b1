"""Every moment at which a command can be cut off, one after another.

At each moment a child dies; then the same command comes again under the same key, and all of it
must have happened once: as many rows in every table as one undisturbed run adds.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from sqlalchemy import Select, func, literal, select, union_all

from tallystick.kernel.database import Database
from tallystick.kernel.idempotency import Command
from tallystick.migrations.tables import METADATA
from tests.faults import mutants
from tests.faults.dying import Batch, Moment, Mortal, Order
from tests.races.books import Books, UseCase, answer_all, result

MOMENTS: tuple[Moment, ...] = ("statement", "commit", "committed")
MOMENTS_MAX = 80
"""More statements than any command sends."""

Ask = Callable[[Books], Sequence[Command]]


def sweep(
    books: Books,
    mortal: Mortal,
    use_case: UseCase,
    ask: Ask,
    *,
    mutant: mutants.Name | None = None,
) -> Counter[str]:
    """Let a command die at every moment and repeat it; tell at how many of each kind.

    Raises:
        AssertionError: at one of them something was left half done, was lost or was doubled.
    """
    # The first command of its kind also begins its series, which none after it does.
    url = books.database.url.render_as_string(hide_password=False)
    mortal.obey(Order(url, Batch(use_case, ask(books)), "statement", 0))
    effect = _effect_of(books, use_case, ask(books))
    deaths: Counter[str] = Counter()
    for moment in MOMENTS:
        for number in range(1, MOMENTS_MAX):
            commands = ask(books)
            before = extent(books.database)
            batch = Batch(use_case, commands)
            fate = mortal.obey(Order(url, batch, moment, number, mutant))
            place = f"{moment} {number}"
            committed = fate == "finished" or moment == "committed"
            left = extent(books.database) - before
            assert left == (effect if committed else Counter()), f"left by death at {place}"
            answers = answer_all(books.database, use_case, *commands)
            assert [result(given) for given in answers]
            assert {given.replayed for given in answers} == {committed}, place
            assert extent(books.database) - before == effect, f"not once after {place}"
            if fate == "finished":
                break
            deaths[moment] += 1
    return deaths


def extent(database: Database) -> Counter[str]:
    """Count the rows of every table, and how often rows were changed."""
    rows = database.read(lambda conn: conn.execute(_ALL).all())
    return Counter({name: int(count) for name, count in rows})


def _counts() -> Iterator[Select[str, int]]:
    for table in METADATA.sorted_tables:
        yield select(literal(table.name), func.count()).select_from(table)
        if "version" in table.columns:
            changes = func.coalesce(func.sum(table.c.version), 0)
            yield select(literal(f"changes of {table.name}"), changes)


_ALL = union_all(*_counts())


def _effect_of(books: Books, use_case: UseCase, commands: Sequence[Command]) -> Counter[str]:
    before = extent(books.database)
    answer_all(books.database, use_case, *commands)
    return extent(books.database) - before
