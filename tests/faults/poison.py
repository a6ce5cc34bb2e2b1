"""Issuing that fails for good after the numbers were taken, in the transaction that took them."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, exc

from tallystick.invoices.issuing import IssueNew, issue_new
from tallystick.invoices.models import INVOICES
from tallystick.kernel.coalescing import Coalescer
from tallystick.kernel.database import Database
from tallystick.kernel.errors import Refusal
from tallystick.kernel.idempotency import Answer
from tests.races.books import Books
from tests.races.scenes import through_coalescers

CHECK, EXCEPTION = "breaks a CHECK", "raises"
"""The notes of poisoned invoices, which say how each fails."""


class Poisoned(Exception):
    """A mistake of ours in the middle of a transaction."""


def issue_or_fail(conn: Connection, commands: Sequence[IssueNew]) -> list[Answer[Any]]:
    """Issue invoices; when all their rows are sent, fail for each one that is poisoned."""
    answers: list[Answer[Any]] = [*issue_new(conn, commands)]
    for command, answer in zip(commands, answers, strict=True):
        if isinstance(answer.outcome, Refusal) or command.content.note is None:
            continue
        if command.content.note == EXCEPTION:
            raise Poisoned
        conn.execute(
            INVOICES.update().where(
                INVOICES.c.organization_id == command.act.organization_id,
                INVOICES.c.id == UUID(answer.outcome["id"]),
            ),
            {"paid": -1},
        )
    return answers


def issue_with_failures(
    books: Books, databases: Sequence[Database], *, clients: int, issues: int
) -> tuple[list[str], int]:
    """Let clients issue invoices, one in ten of them poisoned, through a coalescer per database.

    Gives the numbers that were told, and how many issues failed.
    """
    commands = [books.issue_new(1_000, note=_note(index)) for index in range(issues)]

    async def work(coalescer: Coalescer, mine: Sequence[IssueNew]) -> list[str | None]:
        return [await _issue(coalescer, command) for command in mine]

    async def play(coalescers: Sequence[Coalescer]) -> list[str | None]:
        waiting = [
            work(coalescers[client % len(coalescers)], commands[client::clients])
            for client in range(clients)
        ]
        return [told for one in await asyncio.gather(*waiting) for told in one]

    told = through_coalescers(databases, play, patience_s=600)
    numbers = [number for number in told if number is not None]
    return numbers, len(told) - len(numbers)


async def _issue(coalescer: Coalescer, command: IssueNew) -> str | None:
    try:
        answer = await coalescer.run(issue_or_fail, command)
    except (Poisoned, exc.DBAPIError):
        assert command.content.note is not None, "only the poisoned one fails"
        return None
    assert not isinstance(answer.outcome, Refusal), answer.outcome
    number: str = answer.outcome["number"]
    return number


def _note(index: int) -> str | None:
    return {3: CHECK, 13: EXCEPTION}.get(index % 20)
