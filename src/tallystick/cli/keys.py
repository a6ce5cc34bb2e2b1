"""Make API keys."""

import hashlib
from uuid import UUID

from sqlalchemy import Connection

from tallystick.auth.credentials import KeyDocument, create_key
from tallystick.cli import opened
from tallystick.cli.output import say, show_line
from tallystick.kernel import clock, ids
from tallystick.kernel.actor import OPERATOR, Act
from tallystick.parties.organizations import find_organization


def create(*, slug: str | None, role: str, name: str) -> None:
    """Make a key of one organization, or of the platform without one, and print it."""

    def made(conn: Connection) -> tuple[str, KeyDocument]:
        organization_id = None if slug is None else UUID(find_organization(conn, slug)["id"])
        act = Act(
            actor=OPERATOR,
            organization_id=organization_id or ids.NIL,
            at=at,
            key=f"cli:{ids.new()}",
            fingerprint=hashlib.sha256(b"key create").hexdigest(),
        )
        return create_key(conn, act, organization_id=organization_id, role=role, name=name)

    at = clock.now()
    with opened.database() as database:
        key, document = database.write(made)
    reach = "the whole platform" if slug is None else f"{role} of {slug}"
    say(f"Key {document['prefix']}… ({name}), {reach}. It is shown this once; keep it safe.")
    show_line(key)
