"""The tasks that send mails: read what one says, compose it, send it; each outside of the others.

Whoever claimed the task marks it done after this. So a mail may be sent twice where a worker dies
between the two, under the same Message-ID, and is never forgotten.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Final

import structlog

from tallystick.kernel.database import Database
from tallystick.kernel.signing import Signer
from tallystick.kernel.tasks import Claimed, Handler
from tallystick.notices.channel import Channel
from tallystick.notices.composing import Composer
from tallystick.notices.subjects import READS, Read

PREFIX: Final = "mail."
"""What the kinds of these tasks begin with."""

log = structlog.get_logger(__name__)


class Outbox:
    """Sends the mails that tasks ask for."""

    def __init__(
        self, database: Database, channel: Channel, composer: Composer, signer: Signer
    ) -> None:
        self._database = database
        self._channel = channel
        self._composer = composer
        self._signer = signer

    def handlers(self) -> Mapping[str, Handler]:
        """Give who does tasks of which kind."""
        return {PREFIX + kind: partial(self._send, read) for kind, read in READS.items()}

    def _send(self, read: Read, task: Claimed, at: datetime) -> None:
        letter = self._database.read(lambda conn: read(conn, task, at, self._signer))
        if letter is None:
            log.info("mail not needed any more", task=str(task.id), kind=task.kind)
            return
        self._channel.send(self._composer.compose(letter, task.id), at)
        log.info("mail sent", task=str(task.id), kind=task.kind)
