"""Stand in for FakePay, in a process of its own."""

import signal
from pathlib import Path

from tallystick import settings
from tallystick.cli.output import say
from tallystick.kernel import clock
from tallystick.settings import BadSetting
from tallystick.testing.fakepay.events import Teller
from tallystick.testing.fakepay.faults import Fault, Faults
from tallystick.testing.fakepay.kinds import Kind
from tallystick.testing.fakepay.ledger import Ledger
from tallystick.testing.fakepay.server import Server


def fakepay(
    *,
    port: int,
    ledger: Path,
    kinds: list[str],
    share: float,
    seconds: float,
    events_to: str | None,
) -> None:
    """Serve until the process is told to stop; what was charged is on the disk all the while."""
    faults = Faults(*(Fault(Kind(kind), seconds=seconds, share=share) for kind in kinds))
    books = Ledger(ledger, clock.now)
    try:
        server = Server(port, books, faults, _teller(books, events_to))
    except OSError as error:
        message = (
            f"This machine cannot listen on 127.0.0.1, port {port}: {error.strerror}. Choose "
            "another with --port."
        )
        raise BadSetting(message) from None
    # Whoever stops a service sends the one, a person at a terminal the other.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    say(f"FakePay stands in at {server.url}, its books are in {ledger}. Stop it with Ctrl-C.")
    if kinds:
        say(f"Faults: {', '.join(kinds)}, each on {share:.0%} of the payments.")
    try:
        server.run()
    except KeyboardInterrupt:
        faults.clear()
    finally:
        books.close()


def _teller(books: Ledger, url: str | None) -> Teller | None:
    if url is None:
        return None
    secret = settings.load().fakepay_secret
    if secret is None:
        message = (
            "Events are signed, so set TALLYSTICK_FAKEPAY_SECRET to a text of at least "
            f"{settings.FAKEPAY_SECRET_MIN} characters, here and where Tallystick runs."
        )
        raise BadSetting(message)
    try:
        return Teller(books, clock.now, url=url, secret=secret.get_secret_value())
    except ValueError as error:
        raise BadSetting(f"--events-to cannot be used. {error}") from None
