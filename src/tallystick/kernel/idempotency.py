"""Every effect exactly once per key: what was answered is answered again, refusals included.

A key belongs to one organization (commands of the platform use the nil organization) and is written
in the transaction of its effect, so there is never a key without a result nor a result without a
key. A twin that runs in another transaction at the same moment waits at the unique key, loses, and
is answered on its second look.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import Connection, String
from sqlalchemy.orm import Mapped, mapped_column

from tallystick.kernel import rows
from tallystick.kernel.actor import Act
from tallystick.kernel.database import attempt
from tallystick.kernel.errors import Refusal
from tallystick.kernel.schema import Base, table_of

KEY_MAX = 255


class IdempotencyKey(Base):
    """What was asked under a key, as a fingerprint, and what was answered."""

    __tablename__ = "idempotency_key"

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    # `key` is a word of SQL on MySQL.
    act_key: Mapped[str] = mapped_column(String(KEY_MAX), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    answer: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    touched_at: Mapped[datetime]


KEYS = table_of(IdempotencyKey)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What a use case says to one command, and whether it had said so before."""

    outcome: T | Refusal
    replayed: bool = False


class Command(Protocol):
    """Whatever carries an act."""

    @property
    def act(self) -> Act:
        """Who does it, when, and under which key."""


C = TypeVar("C", bound=Command)


class Answers(Generic[T]):
    """The answers of one batch: those in the database already, and those being given now.

    Make it *after* the locks are taken: then a twin that held them has committed and is visible.
    """

    def __init__(self, conn: Connection, commands: Sequence[Command]) -> None:
        wanted = {(command.act.organization_id, command.act.key) for command in commands}
        place = (KEYS.c.organization_id, KEYS.c.act_key)
        shown = (*place, KEYS.c.fingerprint, KEYS.c.answer)
        found = rows.find(conn, place, wanted, shown=shown)
        self._stored = {(row.organization_id, row.act_key): row for row in found}
        self._given: dict[tuple[UUID, str], tuple[Act, Answer[T]]] = {}
        self._touched: dict[tuple[UUID, str], datetime] = {}

    def known(self, act: Act) -> Answer[T] | None:
        """Give the answer that stands under the key of an act, or None when the act is new.

        The same key with another request is refused with idempotency.key_reused, and that refusal
        is not kept.
        """
        place = act.organization_id, act.key
        given = self._given.get(place)
        if given is not None:
            first, answer = given
            return (
                Answer(answer.outcome, replayed=True) if _same(act, first.fingerprint) else _REUSED
            )
        row = self._stored.get(place)
        if row is None:
            return None
        if not _same(act, row.fingerprint):
            return _REUSED
        self._touched[place] = act.at
        return Answer(_decoded(row.answer), replayed=True)

    def give(self, act: Act, outcome: T | Refusal) -> Answer[T]:
        """Keep the answer to a new act."""
        answer = Answer(outcome)
        self._given[act.organization_id, act.key] = act, answer
        return answer

    def write(self, writes: rows.Writes) -> None:
        """Add the new answers to what the transaction writes, and touch the repeated ones."""
        for act, answer in self._given.values():
            if isinstance(answer.outcome, Refusal) and not answer.outcome.kept:
                continue
            writes.add(
                KEYS,
                {
                    "organization_id": act.organization_id,
                    "act_key": act.key,
                    "fingerprint": act.fingerprint,
                    "answer": _encoded(answer.outcome),
                    "created_at": act.at,
                    "touched_at": act.at,
                },
            )
        for (organization_id, key), at in self._touched.items():
            # An engine that certifies at commit only notices a reader that also writes.
            writes.change(
                KEYS, {"organization_id": organization_id, "act_key": key}, {"touched_at": at}
            )


def each(
    conn: Connection, commands: Sequence[C], handle: Callable[[Connection, C], T]
) -> list[Answer[T]]:
    """Answer commands one after another.

    For use cases off the hot path: the function writes its own rows and raises its refusals. What a
    refused command wrote before it was refused is taken back.
    """
    answers: Answers[T] = Answers(conn, commands)
    given = []
    for command in commands:
        answer = answers.known(command.act)
        if answer is None:
            answer = answers.give(command.act, attempt(conn, partial(handle, conn, command)))
        given.append(answer)
    writes = rows.Writes()
    answers.write(writes)
    writes.flush(conn)
    return given


def is_kept(conn: Connection, organization_id: UUID, key: str) -> bool:
    """Say whether an answer stands under a key, whatever was asked."""
    place = organization_id, key
    return bool(rows.find(conn, [KEYS.c.organization_id, KEYS.c.act_key], [place]))


def rewrite(
    conn: Connection, organization_id: UUID, keys: Sequence[str], change: Callable[[Any], Any]
) -> None:
    """Change the values that were answered under these keys, for erasing what they quoted."""
    places = [(organization_id, key) for key in keys]
    writes = rows.Writes()
    for row in rows.find(conn, [KEYS.c.organization_id, KEYS.c.act_key], places):
        if "done" in row.answer:
            place = {"organization_id": organization_id, "act_key": row.act_key}
            writes.change(KEYS, place, {"answer": _encoded(change(row.answer["done"]))})
    writes.flush(conn)


def _same(act: Act, fingerprint: str) -> bool:
    return act.fingerprint == fingerprint


def _encoded(outcome: object) -> dict[str, Any]:
    if isinstance(outcome, Refusal):
        refused = {**asdict(outcome), "facts": dict(outcome.facts)}
        del refused["kept"]
        return {"refused": refused}
    return {"done": outcome}


def _decoded(stored: dict[str, Any]) -> Any:
    return Refusal(**stored["refused"]) if "refused" in stored else stored["done"]


_REUSED: Answer[Any] = Answer(
    Refusal(
        "idempotency.key_reused",
        "This Idempotency-Key was used for a different request. Send a new key with a new request, "
        "or the first request again unchanged.",
    )
)
