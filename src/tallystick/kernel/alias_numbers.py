"""Give, find and move the numbers under which older contracts know our objects.

Whoever writes the numbers of one kind holds its block first, locked to the end of the transaction;
so two who number the same object at once meet there, and the second sees what the first gave.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import Connection, Row, Select, select

from tallystick.kernel import rows
from tallystick.kernel.actor import Act
from tallystick.kernel.aliases import DIALECT_BLOCKS, DIALECT_NUMBERS
from tallystick.kernel.database import attempt
from tallystick.kernel.errors import Refusal, Refused
from tallystick.kernel.idempotency import Answer, Answers

NUMBER_MAX = 2**63 - 1
REPLACED = "replaced"
"""The kind under which a contract keeps objects whose number stands for another one now; the fact
`number` is the one that they had."""

_N = DIALECT_NUMBERS.c


@dataclass(frozen=True, slots=True)
class Alias:
    """The number of one object in one contract."""

    number: int
    organization_id: UUID
    object_id: UUID
    natural_key: str | None
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """An object that needs a number, unless it has one."""

    organization_id: UUID
    object_id: UUID
    natural_key: str | None = None
    """Taken when it is free; an object made through another door goes without when it is not."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    number: int | None = None
    """The number it had elsewhere; taken when it is free, as demonstration data ask."""


@dataclass(frozen=True, slots=True)
class GiveNumbers:
    """Number objects of one kind."""

    act: Act
    dialect: str
    kind: str
    objects: tuple[Wanted, ...]


def by_number(
    conn: Connection, dialect: str, kind: str, numbers: Collection[int]
) -> dict[int, Alias]:
    """Find the objects that have these numbers."""
    keys = {(dialect, kind, number) for number in numbers if 0 < number <= NUMBER_MAX}
    found = rows.find(conn, [_N.dialect, _N.kind, _N.number], keys)
    return {row.number: _alias(row) for row in found}


def by_object(
    conn: Connection, dialect: str, kind: str, object_ids: Collection[UUID]
) -> dict[UUID, Alias]:
    """Find the numbers that these objects have."""
    keys = {(dialect, kind, object_id) for object_id in object_ids}
    found = rows.find(conn, [_N.dialect, _N.kind, _N.object_id], keys)
    return {row.object_id: _alias(row) for row in found}


def objects(dialect: str, kind: str) -> Select[UUID]:
    """Select the ids of all objects that have a number of a kind, to stand in another query."""
    return select(_N.object_id).where(_N.dialect == dialect, _N.kind == kind)


def organizations(conn: Connection, dialect: str, kind: str, *, limit: int) -> list[UUID]:
    """Name organizations whose objects have numbers of a kind, no more than so many of them."""
    statement = select(_N.organization_id).where(_N.dialect == dialect, _N.kind == kind)
    return list(conn.execute(statement.distinct().limit(limit)).scalars())


def give_numbers(
    conn: Connection, commands: Sequence[GiveNumbers]
) -> list[Answer[dict[UUID, Alias]]]:
    """Give numbers from the blocks, in a transaction of its own; who has one keeps it.

    Needs no idempotency key: doing so twice changes nothing. Locks the blocks, in their order.
    """
    blocks = {
        place: Block(conn, *place)
        for place in sorted({(command.dialect, command.kind) for command in commands})
    }
    return [
        Answer(blocks[command.dialect, command.kind].give(command.objects, command.act.at))
        for command in commands
    ]


def forget_key(conn: Connection, organization_id: UUID, object_id: UUID) -> None:
    """Free the natural keys of an object whose personal data are erased."""
    conn.execute(
        DIALECT_NUMBERS.update()
        .where(
            _N.organization_id == organization_id,
            _N.object_id == object_id,
            _N.natural_key.is_not(None),
        )
        .values(natural_key=None)
    )


class Block:
    """The numbers of one kind in one contract, held to the end of the transaction.

    Hold it before anything else that the transaction locks.
    """

    def __init__(self, conn: Connection, dialect: str, kind: str) -> None:
        self._conn = conn
        self._dialect = dialect
        self._kind = kind
        place = {"dialect": dialect, "kind": kind}
        columns = [DIALECT_BLOCKS.c.dialect, DIALECT_BLOCKS.c.kind]
        found = rows.find(conn, columns, [(dialect, kind)], lock=True)
        if not found:
            # Where somebody else makes it now, the key tells, and the transaction is repeated.
            conn.execute(DIALECT_BLOCKS.insert(), {**place, "last": 0, "version": 1})
            found = rows.find(conn, columns, [(dialect, kind)], lock=True)
        self._last: int = found[0].last
        self._version: int = found[0].version

    def give(self, wanted: Sequence[Wanted], at: datetime) -> dict[UUID, Alias]:
        """Number the objects that have no number yet, and give the numbers of all."""
        known = by_object(
            self._conn, self._dialect, self._kind, {each.object_id for each in wanted}
        )
        new = {each.object_id: each for each in wanted if each.object_id not in known}
        for each in wanted:
            # A reader was quicker with the number, and knew nothing to remember.
            if each.facts and each.object_id in known and not known[each.object_id].facts:
                self._change(each.object_id, {"facts": {**each.facts}})
        # A reader may have seen an object just before another one took its place and its number.
        for object_id, alias in self._replaced(new).items():
            known[object_id] = replace(alias, number=alias.facts["number"], facts={})
            del new[object_id]
        if not new:
            return known
        taken_keys = self._holders({each.natural_key for each in new.values()} - {None})
        asked = {each.number for each in new.values() if each.number is not None}
        taken = by_number(self._conn, self._dialect, self._kind, asked).keys()
        added: list[dict[str, Any]] = []
        last = max([self._last, *(asked - taken)])
        for each in new.values():
            number = each.number
            if number is None or number in taken:
                last += 1
                number = last
            key = None if each.natural_key in taken_keys else each.natural_key
            if key is not None:
                taken_keys[key] = each.object_id
            known[each.object_id] = Alias(
                number, each.organization_id, each.object_id, key, each.facts
            )
            added.append(self._row(known[each.object_id], at))
        self._conn.execute(DIALECT_NUMBERS.insert(), added)
        self._move(last)
        return known

    def _replaced(self, object_ids: Collection[UUID]) -> dict[UUID, Alias]:
        if self._kind == REPLACED:
            return {}
        return by_object(self._conn, self._dialect, REPLACED, object_ids)

    def holder(self, natural_key: str) -> UUID | None:
        """Give the object that has a natural key."""
        return self._holders({natural_key}).get(natural_key)

    def rename(self, object_id: UUID, natural_key: str) -> None:
        """Give an object another natural key, which the caller has found free."""
        self._change(object_id, {"natural_key": natural_key})

    def point(self, old_id: UUID, new_id: UUID, facts: Mapping[str, Any]) -> None:
        """Let the number of an object stand for another one, which took its place."""
        self._change(old_id, {"object_id": new_id, "facts": {**facts} or None})

    def _change(self, object_id: UUID, values: dict[str, Any]) -> None:
        self._conn.execute(
            DIALECT_NUMBERS.update().where(
                _N.dialect == self._dialect, _N.kind == self._kind, _N.object_id == object_id
            ),
            values,
        )
        # An engine that certifies at commit only notices a block that is also written.
        self._move(self._last)

    def _holders(self, natural_keys: Collection[str | None]) -> dict[str | None, UUID]:
        keys = {(self._dialect, self._kind, key) for key in natural_keys}
        found = rows.find(self._conn, [_N.dialect, _N.kind, _N.natural_key], keys)
        return {row.natural_key: row.object_id for row in found}

    def _move(self, last: int) -> None:
        self._last, self._version = last, self._version + 1
        self._conn.execute(
            DIALECT_BLOCKS.update().where(
                DIALECT_BLOCKS.c.dialect == self._dialect, DIALECT_BLOCKS.c.kind == self._kind
            ),
            {"last": self._last, "version": self._version},
        )

    def _row(self, alias: Alias, at: datetime) -> dict[str, Any]:
        return {
            "dialect": self._dialect,
            "kind": self._kind,
            "number": alias.number,
            "organization_id": alias.organization_id,
            "object_id": alias.object_id,
            "natural_key": alias.natural_key,
            "facts": {**alias.facts} or None,
            "created_at": at,
        }


T = TypeVar("T")


class Keyed(Protocol):
    """A command under an idempotency key."""

    @property
    def act(self) -> Act:
        """Who does it, when, and under which key."""


K = TypeVar("K", bound=Keyed)


def together(
    conn: Connection, commands: Sequence[K], work: Callable[[Connection, K], Answer[T]]
) -> list[Answer[T]]:
    """Run commands that do something in the core and to a number, each wholly or not at all.

    The work answers with what the core answered, and raises a refusal of the contract's own, which
    takes back what the core did and is kept under the key.
    """
    answers = []
    for command in commands:
        outcome = attempt(conn, partial(_done, conn, command, work))
        if isinstance(outcome, Refusal):
            kept: Answers[T] = Answers(conn, [command])
            answer = kept.known(command.act)
            if answer is None:
                answer = kept.give(command.act, outcome)
            writes = rows.Writes()
            kept.write(writes)
            writes.flush(conn)
            answers.append(answer)
        else:
            answers.append(outcome)
    return answers


def _done(conn: Connection, command: K, work: Callable[[Connection, K], Answer[T]]) -> Answer[T]:
    answer = work(conn, command)
    if isinstance(answer.outcome, Refusal):
        refusal = answer.outcome
        raise Refused(refusal.code, refusal.detail, pointer=refusal.pointer, facts=refusal.facts)
    return answer


def _alias(row: Row[Any]) -> Alias:
    return Alias(row.number, row.organization_id, row.object_id, row.natural_key, row.facts or {})
