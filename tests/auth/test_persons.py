"""Two keys of one person are one person."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from tallystick.auth import api_keys, persons
from tallystick.auth.credentials import Minted, create_key
from tallystick.kernel import ids
from tallystick.kernel.actor import OPERATOR, Actor
from tests.factories import Books


def _key(books: Books, maker: Actor) -> UUID:
    act = replace(books.act(), actor=maker)
    place = books.organization_id
    _, made = books.database.write(
        lambda conn: create_key(conn, act, organization_id=place, role="owner", name="a test")
    )
    return UUID(made["id"])


def _rotated(books: Books, key_id: UUID, by: Actor) -> UUID:
    act = replace(books.act(), actor=by)
    _, made = books.database.write(
        lambda conn: api_keys.rotate_key(
            conn,
            act,
            organization_id=books.organization_id,
            key_id=key_id,
            overlap=timedelta(0),
            minted=Minted.new(),
        )
    )
    return UUID(made["id"])


def test_whoever_stands_behind_two_keys_is_one(books: Books) -> None:
    ada, ben = (Actor("user", ids.new(), "owner", books.organization_id) for _ in range(2))
    program, another = _key(books, OPERATOR), _key(books, OPERATOR)
    one, two, bens = _key(books, ada), _key(books, ada), _key(books, ben)
    of_one = _key(books, Actor("key", one, "owner", books.organization_id))
    following = _rotated(books, program, ben)

    def are_one(first: UUID, second: UUID) -> bool:
        return books.read(persons.are_one, first, second) and books.read(
            persons.are_one, second, first
        )

    same = [(ada.id, ada.id), (ada.id, one), (one, two), (of_one, two), (of_one, ada.id)]
    # Who has made the key that follows has had its text in their hands.
    same += [(following, program), (following, ben.id), (following, bens)]
    assert [pair for pair in same if not are_one(*pair)] == []
    others = [(ada.id, ben.id), (one, bens), (program, another), (program, ada.id), (of_one, bens)]
    assert [pair for pair in others if are_one(*pair)] == []
