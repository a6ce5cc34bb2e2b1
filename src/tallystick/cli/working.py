"""Do what is to be done without anybody asking, in a process of its own."""

import signal
import time

from tallystick import settings, wiring
from tallystick.cli import opened
from tallystick.cli.output import say

NAP_S = 3600.0


def work() -> None:
    """Run the jobs until the process is told to stop; the transaction in hand is ended first."""
    found = settings.load()
    with opened.database():
        pass
    wiring.start_logs(found)
    # Whoever stops a service sends the one, a person at a terminal the other.
    # Both are asked for: a shell that starts it in the background has the second one ignored.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    try:
        with wiring.make_worker(found) as worker:
            say("Tallystick works. Stop it with Ctrl-C.")
            with worker.beside():
                while True:
                    time.sleep(NAP_S)
    except KeyboardInterrupt:
        return
