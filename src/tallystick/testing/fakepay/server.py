"""HTTP around the stand-in: the contract's one address, and below it what is ours alone.

    POST {path}                        the contract
    GET  {path}/payments/ID            what became of a payment
    POST {path}/payments/ID/succeed    the payer has acted, or the bank has decided
    POST {path}/refunds                {"refundId", "transactionId", "amount", "currency"}
    GET  {path}/refunds/ID             what became of a refund
    GET  {path}/report?since=&until=   what it charged and gave back in a time
    GET  {path}/ledger                 everything it charged and gave back
    GET, POST, DELETE {path}/faults    which faults are set; set one more; clear all

Payments are served one at a time, as FakePay does; while a fault waits, the others go on.
"""

import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import unquote_plus

from tallystick.testing.fakepay import contract
from tallystick.testing.fakepay.events import Teller
from tallystick.testing.fakepay.faults import SECONDS_MAX, Fault, Faults
from tallystick.testing.fakepay.kinds import Kind
from tallystick.testing.fakepay.ledger import Ledger

PATH: Final = "/fakepay"
BODY_MAX: Final = 2**16
DECLINED: Final = "Card declined by the issuer."
"""The reason of a failure that turns into a late success."""

_TICK_S: Final = 0.1
_STOP_S: Final = 0.02
"""How late it notices that it is to stop."""
_ID = "([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
_GARBAGE: Final = b"<!doctype html><title>Welcome</title><p>It works!</p>"

Reply = tuple[int, Any]
"""A status and what becomes JSON; None is no body at all."""


class Server(ThreadingHTTPServer):
    """One stand-in on this machine."""

    daemon_threads = True
    request_queue_size = 512

    def __init__(
        self, port: int, ledger: Ledger, faults: Faults, teller: Teller | None = None
    ) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.ledger = ledger
        self.faults = faults
        self.one_at_a_time = threading.Lock()
        self._teller = teller
        self._ending = threading.Event()

    @property
    def url(self) -> str:
        """The address to post cards to."""
        return f"http://127.0.0.1:{self.server_port}{PATH}"

    def run(self) -> None:
        """Serve until `stop`."""
        background = threading.Thread(target=self._tend, name="fakepay", daemon=True)
        background.start()
        try:
            self.serve_forever(poll_interval=_STOP_S)
        finally:
            self._ending.set()
            background.join()
            self.server_close()

    def stop(self) -> None:
        """End `run`; what hangs is let go."""
        self.faults.clear()
        self.shutdown()

    @contextmanager
    def beside(self) -> Iterator["Server"]:
        """Serve on a thread of its own meanwhile."""
        thread = threading.Thread(target=self.run, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.stop()
            thread.join()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: callers that go away are what this is for."""

    def _tend(self) -> None:
        while not self._ending.wait(_TICK_S):
            self.ledger.turn()
            if self._teller is not None:
                self._teller.tell()


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        """Answer what is asked."""
        self._serve()

    def do_POST(self) -> None:
        """Answer what is sent."""
        self._serve()

    def do_DELETE(self) -> None:
        """Answer what is cleared."""
        self._serve()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name it overrides
        """Log nothing: a body may hold a card."""

    def _serve(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > BODY_MAX:
            self._send(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, None)
            return
        body = self.rfile.read(int(length))
        for method, pattern, answer in _ROUTES:
            matched = re.fullmatch(PATH + pattern, self.path)
            if matched and method == self.command:
                answer(self, body, *matched.groups())
                return
        self._send(HTTPStatus.NOT_FOUND, None)

    def pay(self, body: bytes) -> None:
        fault = self.server.faults.take("payment")
        with self._befallen(fault) as acts:
            if not acts:
                return
            with self.server.one_at_a_time:
                try:
                    reply = self._pay(contract.judge(body), fault)
                except contract.Dropped:
                    self._drop()
                    return
            self._answer(reply, fault)

    def _pay(self, judged: contract.Charge | contract.Refusal, fault: Fault | None) -> Reply:
        ledger = self.server.ledger
        if isinstance(judged, contract.Refusal):
            if judged.transaction_id is not None:
                ledger.decline(judged.transaction_id, "", judged.reason)
            return HTTPStatus.BAD_REQUEST, contract.refused(judged.reason)
        transaction_id, last_four = judged.transaction_id, judged.last_four
        match fault.kind if fault else None:
            case Kind.LATE_SUCCESS:
                assert fault is not None
                ledger.decline(transaction_id, last_four, DECLINED, turns_in_s=fault.seconds)
                return HTTPStatus.BAD_REQUEST, contract.refused(DECLINED)
            case Kind.PENDING:
                ledger.wait_for_payer(transaction_id, last_four, "pending")
                return HTTPStatus.ACCEPTED, self._shown(transaction_id)
            case Kind.REQUIRES_ACTION:
                ledger.wait_for_payer(transaction_id, last_four, "requires_action")
                return HTTPStatus.ACCEPTED, self._shown(transaction_id)
            case _:
                ledger.charge(transaction_id, last_four)
                return HTTPStatus.OK, {"message": contract.PROCESSED}

    def show_payment(self, _body: bytes, transaction_id: str) -> None:
        shown = self._shown(transaction_id)
        missing = {"error": "unknown", "transactionId": transaction_id}
        self._look_up((HTTPStatus.OK, shown) if shown else (HTTPStatus.NOT_FOUND, missing))

    def succeed(self, _body: bytes, transaction_id: str) -> None:
        found = self.server.ledger.succeed(transaction_id)
        self._send(HTTPStatus.OK if found else HTTPStatus.NOT_FOUND, self._shown(transaction_id))

    def refund(self, body: bytes) -> None:
        fault = self.server.faults.take("refund")
        with self._befallen(fault) as acts:
            if acts:
                self._answer(self._refund(body), fault)

    def _refund(self, body: bytes) -> Reply:
        try:
            given = json.loads(body)
            refund_id, transaction_id = given["refundId"], given["transactionId"]
            amount, currency = int(given["amount"]), str(given["currency"])
        except (ValueError, KeyError, TypeError):
            return HTTPStatus.BAD_REQUEST, contract.refused("Invalid refund")
        if not re.fullmatch(_ID, str(refund_id)) or amount <= 0:
            return HTTPStatus.BAD_REQUEST, contract.refused("Invalid refund")
        made = self.server.ledger.give_back(refund_id, str(transaction_id), amount, currency)
        if made is None:
            return HTTPStatus.BAD_REQUEST, contract.refused("No such payment was charged")
        return HTTPStatus.OK, made

    def show_refund(self, _body: bytes, refund_id: str) -> None:
        shown = self.server.ledger.refund(refund_id)
        missing = {"error": "unknown", "refundId": refund_id}
        self._look_up((HTTPStatus.OK, shown) if shown else (HTTPStatus.NOT_FOUND, missing))

    def show_report(self, _body: bytes, since: str, until: str) -> None:
        times = {"since": unquote_plus(since), "until": unquote_plus(until)}
        self._look_up((HTTPStatus.OK, {**times, **self.server.ledger.between(**times)}))

    def show_ledger(self, _body: bytes) -> None:
        self._send(HTTPStatus.OK, self.server.ledger.report())

    def show_faults(self, _body: bytes) -> None:
        self._send(HTTPStatus.OK, self.server.faults.shown())

    def add_fault(self, body: bytes) -> None:
        try:
            fault = Fault.read(json.loads(body))
        except (ValueError, TypeError) as error:
            self._send(HTTPStatus.BAD_REQUEST, {"error": str(error)})
            return
        self.server.faults.add(fault)
        self._send(HTTPStatus.CREATED, fault.shown())

    def clear_faults(self, _body: bytes) -> None:
        self.server.faults.clear()
        self._send(HTTPStatus.OK, [])

    def _shown(self, transaction_id: str) -> dict[str, Any] | None:
        shown = self.server.ledger.payment(transaction_id)
        if shown is not None and shown["status"] == "requires_action":
            shown["url"] = f"{self.server.url}/payments/{transaction_id}/succeed"
        return shown

    def _look_up(self, reply: Reply) -> None:
        fault = self.server.faults.take("look_up")
        with self._befallen(fault) as acts:
            if acts:
                self._answer(reply, fault)

    @contextmanager
    def _befallen(self, fault: Fault | None) -> Iterator[bool]:
        """Show the fault that comes before acting; give whether there is acting at all."""
        kind = fault.kind if fault else None
        if kind in {Kind.HANG_BEFORE, Kind.ERROR_BEFORE, Kind.GARBAGE_BEFORE, Kind.DROP_BEFORE}:
            yield False
            self._fail(kind)
        else:
            yield True

    def _answer(self, reply: Reply, fault: Fault | None) -> None:
        if fault is not None and fault.kind is Kind.DELAY:
            self.server.faults.wait(fault.seconds)
        elif fault is not None and fault.kind.acts:
            self._fail(fault.kind)
            return
        self._send(*reply)

    def _fail(self, kind: Kind | None) -> None:
        match kind:
            case Kind.ERROR_BEFORE | Kind.ERROR_AFTER:
                self._send(HTTPStatus.INTERNAL_SERVER_ERROR, {"error": "internal error"})
            case Kind.GARBAGE_BEFORE | Kind.GARBAGE_AFTER:
                self._write(HTTPStatus.OK, "text/html", _GARBAGE)
            case Kind.HANG_BEFORE | Kind.HANG_AFTER:
                self.server.faults.wait(SECONDS_MAX)
                self._drop()
            case _:
                self._drop()

    def _drop(self) -> None:
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def _send(self, status: int, said: Any) -> None:
        body = b"" if said is None else json.dumps(said).encode()
        self._write(status, "application/json", body)

    def _write(self, status: int, kind: str, body: bytes) -> None:
        self.send_response_only(status)
        if body:
            self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


_ROUTES: Final = (
    ("POST", "", _Handler.pay),
    ("GET", f"/payments/{_ID}", _Handler.show_payment),
    ("POST", f"/payments/{_ID}/succeed", _Handler.succeed),
    ("POST", "/refunds", _Handler.refund),
    ("GET", f"/refunds/{_ID}", _Handler.show_refund),
    ("GET", r"/report\?since=([^&]+)&until=([^&]+)", _Handler.show_report),
    ("GET", "/ledger", _Handler.show_ledger),
    ("GET", "/faults", _Handler.show_faults),
    ("POST", "/faults", _Handler.add_fault),
    ("DELETE", "/faults", _Handler.clear_faults),
)
