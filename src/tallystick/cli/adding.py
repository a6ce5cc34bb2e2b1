"""Make people who log in, and the token by which the first of them is made."""

import hashlib
from uuid import UUID

from sqlalchemy import Connection

from tallystick import wiring
from tallystick.auth import passwords, setting_up, users
from tallystick.auth.setting_up import Person
from tallystick.cli import opened
from tallystick.cli.output import say, show_line
from tallystick.kernel import clock, ids
from tallystick.kernel.actor import OPERATOR, Act
from tallystick.parties.organizations import find_organization
from tallystick.settings import Settings


def add(
    *,
    email: str,
    name: str,
    user_name: str | None,
    slug: str | None,
    role: str | None,
    platform: bool,
    password: str,
) -> None:
    """Make a user, and print their id."""
    users.check_email(email)
    users.check_user_name(user_name)
    passwords.check(password, about=(email, user_name, name))
    act = _act("user add")
    person = Person(
        id=ids.new(),
        email=email,
        name=name,
        user_name=user_name,
        password_hash=passwords.hashed(password),
        platform=platform,
    )

    def made(conn: Connection) -> UUID:
        place = None if slug is None else UUID(find_organization(conn, slug)["id"])
        return setting_up.add_person(conn, act, person, organization_id=place, role=role)

    with opened.database() as database:
        user_id = database.write(made)
    reach = [f"{role} of {slug}"] if slug is not None else []
    reach += ["of the platform"] if platform else []
    say(f"{name} can log in as {email}{''.join(f', {each}' for each in reach)}.")
    show_line(str(user_id))


def setup_token(found: Settings) -> str | None:
    """Make the token by which the first person is made; None where somebody is of the platform."""
    act = _act("setup token")
    database = wiring.open_database(found)
    try:
        token_id = database.write(lambda conn: setting_up.new_token(conn, act))
    finally:
        database.close()
    return None if token_id is None else wiring.signer(found).sign("setup", token_id.bytes)


def _act(what: str) -> Act:
    return Act(
        actor=OPERATOR,
        organization_id=ids.NIL,
        at=clock.now(),
        key=f"cli:{ids.new()}",
        fingerprint=hashlib.sha256(what.encode()).hexdigest(),
    )
