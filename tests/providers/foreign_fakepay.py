"""A FakePay that is not ours: written from contract 001 alone, in a process of its own.

It imports nothing but the standard library, and none of the product. It serves one request at a
time, knows no idempotency, and its handler dies on a card whose parts are no texts, as the known
one does. For the test and not in the contract: `GET /count/ID` tells how often it charged, and
`POST /next` with a word what befalls the next payment: `drop` the line before it charges or
`drop-charged` after it did, a `fault` of the server, `garbage`, `hang-SECONDS` after it charged,
`refuse-REASON`, or `hold-FOLDER`: it makes the file `begun` there and waits for the file `go`.
"""

import json
import re
import sys
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

UUID = re.compile(r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$")
CHARGED: Counter[str] = Counter()
NEXT: list[str] = []


class FakePay(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        if self.path == "/next":
            NEXT.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.reply(200, None)
            return
        if self.path != "/fakepay":
            self.reply(404, None)
            return
        try:
            sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        except ValueError:
            self.reply(400, {"error": "bad request"})
            return
        reason = self.find_fault(sent)
        if reason is not None:
            self.reply(400, {"error": "payment failed", "reason": reason})
            return
        self.charge(sent["transactionId"], NEXT.pop(0) if NEXT else "")

    def do_GET(self) -> None:
        if not self.path.startswith("/count/"):
            self.reply(404, None)
            return
        self.reply(200, CHARGED[self.path.removeprefix("/count/")])

    def charge(self, transaction_id: str, fault: str) -> None:
        if fault == "drop":
            return
        if fault.startswith("refuse-"):
            reason = fault.removeprefix("refuse-")
            self.reply(400, {"error": "payment failed", "reason": reason})
            return
        CHARGED[transaction_id] += 1
        if fault.startswith("hold-"):
            folder = Path(fault.removeprefix("hold-"))
            (folder / "begun").touch()
            while not (folder / "go").exists():
                time.sleep(0.01)
            fault = ""
        if fault == "fault":
            self.reply(500, {"error": "out of order"})
        elif fault == "garbage":
            self.reply(200, ["well"])
        elif fault != "drop-charged":
            time.sleep(float(fault.removeprefix("hang-") or 0))
            self.reply(200, {"message": "Payment processed successfully"})

    @staticmethod
    def find_fault(sent: dict[str, Any]) -> str | None:  # noqa: PLR0911  # the contract's list
        if "transactionId" not in sent:
            return "Missing transactionId"
        if "card" not in sent:
            return "Missing Card Object"
        # Exactly these members, says the contract.
        assert set(sent) == {"transactionId", "card"}
        card = sent["card"]
        assert set(card) == {"number", "expiry", "name"}
        if not UUID.match(sent["transactionId"]):
            return "Invalid transactionId. It must match UUID"
        if not re.match(r"^\d{16}$", card["number"]):
            return "Invalid card pan. It must be a 16-digit number."
        if not re.match(r"^(0[1-9]|1[0-2])-\d{4}$", card["expiry"]):
            return "Invalid card expiry. It must be in MM-YYYY format."
        if not re.match(r"^[a-zA-Z ]+$", card["name"]):
            return "Invalid card name. It must contain only letters and spaces."
        return None

    def reply(self, status: int, body: Any) -> None:
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments: Any) -> None:
        pass


class Server(HTTPServer):
    def handle_error(self, *arguments: Any) -> None:
        pass


if __name__ == "__main__":
    server = Server(("127.0.0.1", 0), FakePay)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()
