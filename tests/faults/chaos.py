"""Processes that are killed again and again while clients work, and what these were promised.

Each client sends one request after another, every one under a key of its own, and repeats it until
it is answered, whatever happens to the server meanwhile. What was answered stands in a journal on
disk that no server knows of.
"""

import json
import random
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2

from tallystick.kernel import ids
from tallystick.testing.fakepay.faults import Fault, Faults
from tallystick.testing.fakepay.kinds import Kind
from tests.races.server import ServerProcess, WorkerProcess

ANSWER_S = 15.0
"""How long one try may take: a killed server never answers."""
GIVE_UP_S = 120.0
CLIENTS = 6
PAUSE_MAX_S = 0.08
"""Between two requests of a client: what is looked for happens at the kills."""
INTERVAL = (0.4, 0.7)
"""Between a start and the next kill, in start-up times: slow machines work for longer."""
WORKING_S = (0.5, 2.0)
"""How long a worker works before it is killed."""


@dataclass
class Request:
    """One request, to be sent as often as it takes."""

    path: str
    body: dict[str, Any]
    key: str = field(default_factory=lambda: ids.new().hex)

    @property
    def online(self) -> bool:
        """Whether a provider is asked; what such a request made may change by itself."""
        return self.path == ONLINE


ONLINE = "/v1/payments/online"
CARD = {"number": "1234567812345678", "expiry": "01-2040", "name": "J Doe"}
MENU = tuple(sorted(set(Kind) - {Kind.PENDING, Kind.REQUIRES_ACTION}))
"""What goes wrong at a provider without anybody's wish."""


def fail_often(faults: Faults, share: float) -> None:
    """Let this share of payments, and of questions about them, fail in every way there is."""
    each = 1 - (1 - share) ** (1 / len(MENU))
    for kind in MENU:
        faults.add(Fault(kind, seconds=0.3, share=each))
    faults.add(Fault(Kind.ERROR_BEFORE, "look_up", share=share))


class Journal:
    """What was acknowledged, one line each: key, path, id of what was made, amount."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("a", encoding="utf-8")
        self._lock = threading.Lock()

    def note(self, request: Request, answer: dict[str, Any], *, repeated: bool) -> None:
        """Write down an answer before anything else is asked."""
        line = {
            "key": request.key,
            "path": request.path,
            "id": answer["id"],
            "amount": request.body.get("amount"),
            "answer": answer,
            "repeated": repeated,
        }
        with self._lock:
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def read(self) -> list[dict[str, Any]]:
        """Read what was acknowledged, in its order."""
        return [json.loads(line) for line in self._path.read_text(encoding="utf-8").splitlines()]


class Client(threading.Thread):
    """Pays invoices, issues and voids some of its own, and asks some things twice."""

    def __init__(
        self,
        *,
        url: str,
        key: str,
        invoice_ids: Sequence[UUID],
        customer_id: UUID,
        journal: Journal,
        served: threading.Event,
        online_ids: Sequence[UUID] = (),
        charges: int | None = None,
    ) -> None:
        """Take invoices to pay in cash, and such to pay by card; only so many by card if told."""
        super().__init__(daemon=True)
        self._http = httpx2.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {key}"},
            timeout=ANSWER_S,
            trust_env=False,
        )
        self._served = served
        self._invoice_ids = invoice_ids
        self._customer_id = customer_id
        self._online_ids = online_ids
        self._charges = charges
        self._journal = journal
        self._answered: list[tuple[Request, dict[str, Any]]] = []
        self._random = random.Random()
        self.enough = threading.Event()
        self.in_flight = False
        self.retries = 0
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            with self._http:
                for request in self._requests():
                    answer = self._until_answered(request)
                    self._journal.note(request, answer, repeated=False)
                    self._answered.append((request, answer))
                    self._repeat_now_and_then()
                    if self._charges is None:
                        time.sleep(self._random.uniform(0, PAUSE_MAX_S))
        except BaseException as error:  # noqa: BLE001  # the test raises it again
            self.error = error

    def _requests(self) -> Iterator[Request]:
        """Draw requests that must succeed."""
        for _ in range(self._charges or 0):
            yield self._charge()
        while self._charges is None and not self.enough.is_set():
            drawn = self._random.random()
            if self._online_ids and drawn < 0.4:
                yield self._charge()
            elif drawn < 0.75:
                yield self._payment()
            else:
                line = {"description": "Tuition", "quantity": "1", "unit_price": "10.00"}
                body = {"customer_id": str(self._customer_id), "lines": [line], "issue": True}
                yield Request("/v1/invoices", body)
                if drawn > 0.9:
                    own = self._answered[-1][1]["id"]
                    yield Request(f"/v1/invoices/{own}/void", {"reason": "a mistake"})

    def _payment(self) -> Request:
        named = self._random.sample(self._invoice_ids, self._random.choice([1, 1, 2, 3]))
        amount = self._random.randint(len(named), 300)
        body = {
            "amount": f"{amount // 100}.{amount % 100:02d}",
            "currency": "EUR",
            "method": "cash",
            "invoices": [{"invoice_id": str(invoice_id)} for invoice_id in named],
        }
        return Request("/v1/payments", body)

    def _charge(self) -> Request:
        amount = self._random.randint(1, 300)
        body = {
            "amount": f"{amount // 100}.{amount % 100:02d}",
            "currency": "EUR",
            "invoices": [{"invoice_id": str(self._random.choice(self._online_ids))}],
            "card": CARD,
        }
        return Request(ONLINE, body)

    def _repeat_now_and_then(self) -> None:
        if self._random.random() > 0.1:
            return
        request, first = self._random.choice(self._answered)
        again = self._until_answered(request)
        self._journal.note(request, again, repeated=True)
        if request.online:
            again, first = {"id": again["id"]}, {"id": first["id"]}
        assert again == first, f"the key {request.key} was answered in two ways"

    def _until_answered(self, request: Request) -> dict[str, Any]:
        give_up_at = time.monotonic() + GIVE_UP_S
        last = ""
        while time.monotonic() < give_up_at:
            try:
                answer = self._send(request)
            except httpx2.TransportError as error:
                last = repr(error)
            else:
                last = f"{answer.status_code} {answer.text}"
                said: dict[str, Any] = answer.json()
                if answer.is_success:
                    return said
                if "payment_id" in said:
                    # It was decided that nothing was taken.
                    return said | {"id": said["payment_id"]}
                wait = said["code"] == "payment.in_flight" or answer.is_server_error
                assert wait, f"{request} was answered {last}"
            self.retries += 1
            # Knocking all the time would only keep the server from starting.
            time.sleep(0.01)
            self._served.wait(GIVE_UP_S)
        message = f"{request} was not answered in {GIVE_UP_S} s, last {last}"
        raise TimeoutError(message)

    def _send(self, request: Request) -> httpx2.Response:
        self.in_flight = True
        try:
            return self._http.post(
                request.path, json=request.body, headers={"Idempotency-Key": request.key}
            )
        finally:
            self.in_flight = False


@dataclass
class Toll:
    """What a run came to."""

    kills: int = 0
    kills_in_flight: int = 0
    retries: int = 0
    start_s: list[float] = field(default_factory=list)
    worker_start_s: list[float] = field(default_factory=list)


def kill_under_load(
    server: ServerProcess,
    worker: WorkerProcess,
    clients: Sequence[Client],
    served: threading.Event,
    *,
    kills: int,
) -> Toll:
    """Kill server and worker in turn while clients work, and let all of them finish.

    While it is served, `served` is set.

    Raises:
        BaseException: what the first client met that it should not.
    """
    toll = Toll()
    try:
        toll.start_s.append(server.start())
        toll.worker_start_s.append(worker.start())
        served.set()
        for client in clients:
            client.start()
        for number in range(kills):
            if number % 2:
                time.sleep(random.uniform(*WORKING_S))
                worker.kill()
                toll.kills += 1
                toll.worker_start_s.append(worker.start())
                continue
            time.sleep(random.uniform(*INTERVAL) * toll.start_s[-1])
            toll.kills_in_flight += _wait_for_one_in_flight(clients)
            # Cleared afterwards: what fails until then was sent to a server.
            server.kill()
            served.clear()
            toll.kills += 1
            toll.start_s.append(server.start())
            served.set()
        time.sleep(0.5)
    finally:
        served.set()
        for client in clients:
            client.enough.set()
        for client in clients:
            client.join(GIVE_UP_S)
    toll.retries = sum(client.retries for client in clients)
    for client in clients:
        if client.error is not None:
            raise client.error
        assert not client.is_alive(), "a client waits for ever"
    return toll


def _wait_for_one_in_flight(clients: Sequence[Client]) -> bool:
    for _ in range(1_000):
        if any(client.in_flight for client in clients):
            return True
        time.sleep(0.001)
    return False
