"""Hundreds of wrong passwords at real servers, through real sockets (RELIABILITY: brute force)."""

import json
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import delete

from tallystick.auth import passwords, setting_up
from tallystick.auth.models import ATTEMPTS
from tallystick.auth.setting_up import Person
from tallystick.kernel import clock, ids
from tallystick.kernel.actor import OPERATOR, Act
from tallystick.kernel.database import Database
from tests.races.http_guessers import AT_ONCE, Answer, guess
from tests.races.server import ServerProcess

RIGHT, WRONG = "four words in a row", "another four words in a row"
ADDRESS, OTHER_ADDRESS = "127.0.0.2", "127.0.0.3"


@pytest.fixture(scope="module")
def served(
    database: Database, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[ServerProcess]]:
    """Return two servers on one database."""
    assert database.url.database is not None, "migrated before it is served"
    folder = tmp_path_factory.mktemp("served")
    made = [ServerProcess(database_url, folder) for _ in range(2)]
    for server in made:
        server.start()
    yield made
    for server in made:
        server.stop()


@pytest.fixture
def urls(database: Database, served: list[ServerProcess]) -> Iterator[list[str]]:
    """Return their addresses; nothing was tried yet, and no log may tell what was."""
    database.write(lambda conn: conn.execute(delete(ATTEMPTS)))
    yield [server.url for server in served]
    for server in served:
        log = server.log.read_text()
        assert RIGHT not in log
        assert WRONG not in log


@pytest.fixture
def add(database: Database) -> Callable[[], str]:
    """Return a way to make somebody who can log in; it gives their address."""
    kept = passwords.hashed(RIGHT)

    def add() -> str:
        person = Person(ids.new(), f"{ids.new().hex}@example.com", "Ada", None, kept, False)  # noqa: FBT003  # not of the platform
        act = Act(OPERATOR, ids.NIL, clock.now(), str(ids.new()), "made by a test")
        database.write(
            lambda conn: setting_up.add_person(conn, act, person, organization_id=None, role=None)
        )
        return person.email

    return add


def _counted(answers: list[Answer]) -> dict[int, int]:
    return dict(Counter(status for status, _ in answers))


def _without_seconds(body: bytes) -> str:
    told = json.loads(body)
    assert 0 < told.pop("retry_after_s") <= 900
    return json.dumps(told | {"detail": None})


def test_hundreds_of_wrong_passwords_for_one_login(
    urls: list[str], add: Callable[[], str], *, full: bool
) -> None:
    count = 1_000 if full else 300
    ada, ben = add(), add()
    wrong = {"login": ada, "password": WRONG}
    tries = [wrong] * count
    # Somebody else logs in from the same address in the midst of it.
    tries[count // 2] = {"login": ben, "password": RIGHT}
    answers = guess(urls, tries, address=ADDRESS)
    assert answers[count // 2][0] == 200
    assert _counted(answers) == {401: 10, 429: count - 11, 200: 1}
    # The right password is not looked at from there any more, and it is from elsewhere.
    right = {"login": ada, "password": RIGHT}
    assert guess(urls, [right], address=ADDRESS)[0][0] == 429
    assert guess(urls, [right], address=OTHER_ADDRESS)[0][0] == 200


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True, scope="session")
def test_nobody_learns_who_is_known(urls: list[str], add: Callable[[], str]) -> None:
    unknown = f"{ids.new().hex}@example.com"
    told: list[tuple[set[bytes], set[str]]] = []
    for number, login in enumerate((add(), unknown)):
        tries = [{"login": login, "password": WRONG}] * 100
        answers = guess(urls, tries, address=f"127.0.1.{number + 1}")
        assert _counted(answers) == {401: 10, 429: 90}
        told.append(
            (
                {body for status, body in answers if status == 401},
                {_without_seconds(body) for status, body in answers if status == 429},
            )
        )
    assert told[0] == told[1]
    assert [len(each) for each in told[0]] == [1, 1]


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True, scope="session")
def test_many_names_from_one_address(urls: list[str], add: Callable[[], str]) -> None:
    ada = add()
    tries = [{"login": f"{ids.new().hex}@example.com", "password": WRONG} for _ in range(300)]
    answers = guess(urls, tries, address="127.0.2.1")
    counted = _counted(answers)
    # Those that were looked at when the hundredth turned out to be wrong are judged still.
    assert 100 <= counted[401] <= 100 + AT_ONCE
    assert counted == {401: counted[401], 429: 300 - counted[401]}
    right = {"login": ada, "password": RIGHT}
    assert guess(urls, [right], address="127.0.2.1")[0][0] == 429
    assert guess(urls, [right], address="127.0.2.2")[0][0] == 200


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True, scope="session")
def test_many_people_log_in_at_once_from_one_address(
    urls: list[str], add: Callable[[], str]
) -> None:
    tries = [{"login": add(), "password": RIGHT} for _ in range(130)]
    answers = guess(urls, tries, address="127.0.3.1", at_once=130)
    counted = _counted(answers)
    # Some may be told that too many wait; none that somebody guessed.
    assert counted.keys() <= {200, 503}
    # Nor does what was not looked at count as a guess, however often it was.
    again = [tries[n] for n, (status, _) in enumerate(answers) if status == 503][:3] * 12
    assert _counted(guess(urls, again, address="127.0.3.1")).keys() <= {200}
