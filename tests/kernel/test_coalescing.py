"""Commands that wait at the same moment share a transaction, and nobody pays for a neighbour."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection

from tallystick.kernel.coalescing import BATCH_MAX, QUIET_TURNS, TURNS_MAX, Coalescer, Told
from tallystick.kernel.database import Database
from tallystick.kernel.errors import Unavailable
from tallystick.kernel.idempotency import Answer
from tallystick.parties.customers import create_customers
from tallystick.payments.recording import record_payments
from tests.factories import Books
from tests.kernel.conftest import WAIT_MAX_S, Note, Recorder

pytestmark = pytest.mark.anyio
# What never speaks to the database need not be asked of each.
SQLITE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True, scope="session")


@pytest.fixture
async def coalescer(connect: Callable[..., Database]) -> AsyncIterator[Coalescer]:
    """Return a coalescer on a database of its own."""
    made = Coalescer(connect())
    yield made
    await made.close()


@pytest.fixture
def holding(recorder: Recorder) -> Recorder:
    """Return a use case that keeps the one writer busy until its gate is opened."""
    recorder.gate.clear()
    return recorder


@pytest.fixture
def notes(books: Books) -> Callable[..., list[Note]]:
    """Return a factory of commands that say a letter and their number."""

    def make(letter: str, count: int) -> list[Note]:
        return [Note(books.act(), f"{letter}{number}") for number in range(count)]

    return make


@pytest.fixture
def gather(coalescer: Coalescer) -> Callable[..., Any]:
    """Return what runs commands at once and gives each its answer, or the error it met."""

    async def run(use_case: Any, commands: list[Any]) -> list[Any]:
        running = (coalescer.run(use_case, command) for command in commands)
        async with asyncio.timeout(WAIT_MAX_S):
            answers: list[Any] = await asyncio.gather(*running, return_exceptions=True)
        return answers

    return run


@pytest.fixture
def hold(
    coalescer: Coalescer, holding: Recorder, books: Books
) -> Callable[[], "asyncio.Task[Answer[str]]"]:
    """Return what sets the one writer to work until the gate of `holding` is opened."""

    def start() -> "asyncio.Task[Answer[str]]":
        return asyncio.ensure_future(coalescer.run(holding, Note(books.act(), "held")))

    return start


@SQLITE
async def test_an_idle_writer_starts_at_once(
    coalescer: Coalescer, recorder: Recorder, books: Books
) -> None:
    for number in range(3):
        answer = await coalescer.run(recorder, Note(books.act(), f"{number}"))
        assert answer == Answer(f"did {number}")
    assert recorder.batches == [["0"], ["1"], ["2"]]


@SQLITE
async def test_what_gathers_meanwhile_is_one_batch_of_at_most_64(
    coalescer: Coalescer,
    holding: Recorder,
    hold: Any,
    gather: Any,
    notes: Callable[..., list[Note]],
) -> None:
    use_case = Recorder()
    held = hold()
    running = asyncio.ensure_future(gather(use_case, notes("n", 200)))
    await asyncio.sleep(0.05)
    assert use_case.batches == []
    assert coalescer.told() == Told(1, (1, 0, 0, 0, 0, 0, 0), waiting=200, turned_away=0)
    holding.gate.set()
    assert await running == [Answer(f"did n{number}") for number in range(200)]
    assert [len(batch) for batch in use_case.batches] == [64, 64, 64, 8]
    assert [each for batch in use_case.batches for each in batch] == [f"n{n}" for n in range(200)]
    assert await held == Answer("did held")
    assert coalescer.told() == Told(201, (1, 0, 0, 1, 0, 0, 3), waiting=0, turned_away=0)


@SQLITE
async def test_no_use_case_starves_another(
    holding: Recorder, hold: Any, gather: Any, notes: Callable[..., list[Note]]
) -> None:
    order: list[tuple[str, int]] = []

    def first(_conn: Connection, commands: Any) -> list[Answer[str]]:
        order.append(("first", len(commands)))
        return [Answer("")] * len(commands)

    def second(_conn: Connection, commands: Any) -> list[Answer[str]]:
        order.append(("second", len(commands)))
        return [Answer("")] * len(commands)

    held = hold()
    await asyncio.sleep(0)
    busy = asyncio.ensure_future(gather(first, notes("a", 150)))
    await asyncio.sleep(0)
    other = asyncio.ensure_future(gather(second, notes("b", 70)))
    await asyncio.sleep(0)
    holding.gate.set()
    await asyncio.gather(held, busy, other)
    assert order == [("first", 64), ("second", 64), ("first", 64), ("second", 6), ("first", 22)]


async def test_who_was_just_answered_has_a_turn_to_ask_again(
    coalescer: Coalescer,
    holding: Recorder,
    hold: Any,
    notes: Callable[..., list[Note]],
) -> None:
    use_case = Recorder()

    async def ask_again(letter: str) -> None:
        # An answer is sent, and what follows from it arrives, in turns that differ.
        for note in notes(letter, 3):
            await coalescer.run(use_case, note)
            for _ in range(1 + 2 * "abcd".index(letter)):
                await asyncio.sleep(0)

    held = hold()
    asking = [asyncio.ensure_future(ask_again(letter)) for letter in "abcd"]
    await asyncio.sleep(0.02)
    holding.gate.set()
    await asyncio.gather(held, *asking)
    assert use_case.batches == [[f"{letter}{number}" for letter in "abcd"] for number in range(3)]


@SQLITE
async def test_who_waits_is_not_kept_for_those_who_come_one_by_one(
    coalescer: Coalescer, holding: Recorder, hold: Any, notes: Callable[..., list[Note]]
) -> None:
    use_case = Recorder()
    held = hold()
    await asyncio.sleep(0.02)
    holding.gate.set()
    await held
    running = []
    for note in notes("n", BATCH_MAX):
        running.append(asyncio.ensure_future(coalescer.run(use_case, note)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    await asyncio.gather(*running)
    assert len(use_case.batches[0]) <= TURNS_MAX


@SQLITE
async def test_nobody_waits_for_ever_when_the_writer_is_ended(
    coalescer: Coalescer, books: Books
) -> None:
    use_case = Recorder()
    others = asyncio.all_tasks()
    await coalescer.run(use_case, Note(books.act(), "a"))
    [writing] = asyncio.all_tasks() - others
    waiting = asyncio.ensure_future(coalescer.run(use_case, Note(books.act(), "b")))
    await asyncio.sleep(0)
    writing.cancel()
    async with asyncio.timeout(WAIT_MAX_S):
        assert await waiting == Answer("did b")
        await coalescer.close()
    assert writing.cancelled()


@SQLITE
async def test_more_than_there_is_room_for_is_turned_away_together(
    connect: Callable[..., Database], notes: Callable[..., list[Note]]
) -> None:
    coalescer = Coalescer(connect(), waiting_max=5)
    use_case = Recorder()
    with pytest.raises(Unavailable):
        await coalescer.run_together(use_case, notes("n", 6))
    assert use_case.batches == []
    answers = await coalescer.run_together(use_case, notes("n", 5))
    assert answers == [Answer(f"did n{number}") for number in range(5)]
    # A batch of five counts among those of up to eight.
    assert coalescer.told() == Told(5, (0, 0, 0, 1, 0, 0, 0), waiting=0, turned_away=6)
    await coalescer.close()


@SQLITE
async def test_nobody_waits_for_whoever_does_not_come(
    coalescer: Coalescer, holding: Recorder, hold: Any, notes: Callable[..., list[Note]]
) -> None:
    use_case = Recorder()
    first, second = notes("n", 2)
    held = hold()
    await asyncio.sleep(0.02)
    waiting = asyncio.ensure_future(coalescer.run(use_case, first))
    holding.gate.set()
    await held
    for _ in range(QUIET_TURNS + 1):
        await asyncio.sleep(0)
    # The batch has begun, so this one is too late for it.
    late = asyncio.ensure_future(coalescer.run(use_case, second))
    await asyncio.gather(waiting, late)
    assert use_case.batches == [["n0"], ["n1"]]


@SQLITE
async def test_a_full_batch_waits_for_nobody(
    coalescer: Coalescer,
    holding: Recorder,
    hold: Any,
    gather: Any,
    notes: Callable[..., list[Note]],
) -> None:
    use_case = Recorder()
    held = hold()
    running = asyncio.ensure_future(gather(use_case, notes("n", BATCH_MAX)))
    await asyncio.sleep(0.02)
    holding.gate.set()
    await held
    await asyncio.sleep(0)
    assert coalescer.told().waiting == 0
    await running


async def test_one_poisoned_payment_of_64_fails_alone(
    holding: Recorder, hold: Any, gather: Any, books: Books
) -> None:
    invoice = books.issued(BATCH_MAX * 100)
    commands = [books.payment(100, invoice) for _ in range(BATCH_MAX)]
    commands[40] = replace(commands[40], reference="\ud800")
    before = books.snapshot()
    held = hold()
    running = asyncio.ensure_future(gather(record_payments, commands))
    await asyncio.sleep(0.05)
    holding.gate.set()
    answers = await running
    await held
    assert isinstance(answers[40], Exception)
    assert not isinstance(answers[40], Unavailable)
    taken = [answer for index, answer in enumerate(answers) if index != 40]
    assert [answer.outcome["receipt_number"] for answer in taken] == [
        f"REC-2026-{number:06}" for number in range(1, 64)
    ]
    assert not any(answer.replayed for answer in taken)
    after = books.snapshot()
    for table in ("payment", "idempotency_key", "event", "allocation"):
        assert after[table][0] == before[table][0] + 63
    assert books.invoice(invoice)["due"] == 100


async def test_one_poisoned_customer_fails_alone(
    holding: Recorder, hold: Any, gather: Any, books: Books
) -> None:
    commands = [books.customer_command(name=f"N{number}") for number in range(8)]
    commands[3] = replace(commands[3], name="\udfff")
    held = hold()
    running = asyncio.ensure_future(gather(create_customers, commands))
    await asyncio.sleep(0.05)
    holding.gate.set()
    answers = await running
    await held
    assert [isinstance(answer, Exception) for answer in answers] == [n == 3 for n in range(8)]
    names = {row["name"] for row in books.snapshot()["customer"][1]}
    assert names == {f"N{number}" for number in range(8) if number != 3}


@SQLITE
async def test_each_of_several_poisoned_commands_gets_its_own_error(
    holding: Recorder, hold: Any, gather: Any, notes: Callable[..., list[Note]]
) -> None:
    use_case = Recorder()
    poisoned = {"n1", "n5"}
    use_case.raises = lambda texts: (
        LookupError(*poisoned.intersection(texts)) if poisoned.intersection(texts) else None
    )
    held = hold()
    running = asyncio.ensure_future(gather(use_case, notes("n", 8)))
    await asyncio.sleep(0.05)
    holding.gate.set()
    answers = await running
    await held
    assert [str(answer) for answer in answers if isinstance(answer, LookupError)] == ["n1", "n5"]
    assert [answer for answer in answers if not isinstance(answer, LookupError)] == [
        Answer(f"did n{number}") for number in (0, 2, 3, 4, 6, 7)
    ]
    assert len(use_case.batches) == 9


@SQLITE
async def test_an_outage_is_told_to_all_and_not_replayed(
    holding: Recorder, hold: Any, gather: Any, notes: Callable[..., list[Note]]
) -> None:
    use_case = Recorder()
    use_case.raises = lambda _texts: Unavailable("No answer.", retry_after_s=5)
    held = hold()
    running = asyncio.ensure_future(gather(use_case, notes("n", 64)))
    await asyncio.sleep(0.05)
    holding.gate.set()
    answers = await running
    await held
    assert {type(answer) for answer in answers} == {Unavailable}
    assert [len(batch) for batch in use_case.batches] == [64]


@SQLITE
async def test_an_outage_during_a_replay_is_waited_for_once(
    holding: Recorder, hold: Any, gather: Any, notes: Callable[..., list[Note]]
) -> None:
    use_case = Recorder()
    use_case.raises = lambda texts: LookupError() if len(texts) > 1 else Unavailable("No answer.")
    held = hold()
    running = asyncio.ensure_future(gather(use_case, notes("n", 64)))
    await asyncio.sleep(0.05)
    holding.gate.set()
    answers = await running
    await held
    assert {type(answer) for answer in answers} == {Unavailable}
    # Each further try would wait for the whole deadline, while nobody else is served.
    assert [len(batch) for batch in use_case.batches] == [64, 1]


@SQLITE
@pytest.mark.parametrize("error", [StopIteration(), KeyboardInterrupt(), SystemExit()], ids=repr)
async def test_whatever_is_raised_nobody_waits_for_ever(
    coalescer: Coalescer, books: Books, error: BaseException
) -> None:
    use_case = Recorder()
    use_case.raises = lambda _texts: error
    with pytest.raises(BaseException) as raised:  # noqa: PT011  # whatever it is turned into
        async with asyncio.timeout(2):
            await coalescer.run(use_case, Note(books.act()))
    assert not isinstance(raised.value, TimeoutError)
    use_case.raises = lambda _texts: None
    assert await coalescer.run(use_case, Note(books.act(), "next")) == Answer("did next")


@SQLITE
async def test_a_use_case_that_forgets_a_command_is_an_error(
    coalescer: Coalescer, books: Books
) -> None:
    def forget(_conn: Connection, _commands: Any) -> list[Answer[str]]:
        return []

    with pytest.raises(RuntimeError, match="answers each command once"):
        await coalescer.run(forget, Note(books.act()))


@SQLITE
async def test_a_full_queue_turns_commands_away(
    connect: Callable[..., Database], holding: Recorder, books: Books
) -> None:
    coalescer = Coalescer(connect(), waiting_max=3)
    held = asyncio.ensure_future(coalescer.run(holding, Note(books.act(), "held")))
    await asyncio.sleep(0)
    use_case = Recorder()
    waiting = [
        asyncio.ensure_future(coalescer.run(use_case, Note(books.act(), f"{number}")))
        for number in range(3)
    ]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable) as turned_away:
        await coalescer.run(use_case, Note(books.act(), "one too many"))
    assert turned_away.value.retry_after_s == 1
    assert coalescer.told().turned_away == 1
    holding.gate.set()
    assert await asyncio.gather(held, *waiting) == [
        *(Answer("did held"), Answer("did 0"), Answer("did 1"), Answer("did 2"))
    ]
    assert await coalescer.run(use_case, Note(books.act(), "now")) == Answer("did now")
    await coalescer.close()
    assert use_case.batches == [["0", "1", "2"], ["now"]]


@SQLITE
async def test_who_gives_up_while_waiting_is_left_out(
    coalescer: Coalescer, holding: Recorder, hold: Any, notes: Callable[..., list[Note]]
) -> None:
    use_case = Recorder()
    held = hold()
    waiting = [asyncio.ensure_future(coalescer.run(use_case, note)) for note in notes("n", 4)]
    await asyncio.sleep(0.02)
    waiting[1].cancel()
    waiting[2].cancel()
    await asyncio.sleep(0)
    holding.gate.set()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    await held
    assert [isinstance(each, asyncio.CancelledError) for each in results] == [
        *(False, True, True, False)
    ]
    assert use_case.batches == [["n0", "n3"]]


@SQLITE
async def test_a_batch_that_all_gave_up_on_never_runs(
    coalescer: Coalescer, holding: Recorder, hold: Any, books: Books
) -> None:
    use_case = Recorder()
    held = hold()
    waiting = asyncio.ensure_future(coalescer.run(use_case, Note(books.act())))
    await asyncio.sleep(0.02)
    waiting.cancel()
    holding.gate.set()
    await held
    assert await coalescer.run(use_case, Note(books.act(), "next")) == Answer("did next")
    assert use_case.batches == [["next"]]
    assert waiting.cancelled()


async def test_what_runs_already_runs_to_its_end(coalescer: Coalescer, books: Books) -> None:
    invoice = books.issued(10_000)
    gate = Recorder()
    gate.gate.clear()

    def slowly(conn: Connection, commands: Any) -> list[Answer[Any]]:
        answers: list[Answer[Any]] = [*record_payments(conn, commands)]
        gate(conn, [Note(books.act())])
        return answers

    running = asyncio.ensure_future(coalescer.run(slowly, books.payment(4_000, invoice)))
    await asyncio.to_thread(gate.begun.wait, WAIT_MAX_S)
    running.cancel()
    gate.gate.set()
    await coalescer.close()
    assert running.cancelled()
    assert books.invoice(invoice)["due"] == 6_000


@SQLITE
async def test_closing_finishes_what_waits_and_refuses_what_comes(
    coalescer: Coalescer, holding: Recorder, hold: Any, notes: Callable[..., list[Note]]
) -> None:
    use_case = Recorder()
    held = hold()
    waiting = [asyncio.ensure_future(coalescer.run(use_case, note)) for note in notes("n", 70)]
    await asyncio.sleep(0.02)
    closing = asyncio.ensure_future(coalescer.close())
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="shutting down"):
        await coalescer.run(use_case, notes("late", 1)[0])
    assert not closing.done()
    holding.gate.set()
    await closing
    assert all(each.done() for each in (held, *waiting))
    assert await asyncio.gather(*waiting) == [Answer(f"did n{number}") for number in range(70)]
    assert [len(batch) for batch in use_case.batches] == [64, 6]


async def test_an_answer_leaves_only_after_commit(gather: Any, books: Books) -> None:
    invoice = books.issued(10_000)
    answers = await gather(record_payments, [books.payment(100, invoice) for _ in range(10)])
    assert len(answers) == 10
    assert books.invoice(invoice)["due"] == 9_000
