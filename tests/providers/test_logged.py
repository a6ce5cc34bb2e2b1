"""No card number in any line that a process logs, at the most talkative level."""

import json
import subprocess
import sys

import pytest

from tests.providers.conftest import NUMBER

PROGRAM = """
import sys
from tallystick.kernel import ids, logs
from tallystick.payments.cards import Card
from tallystick.payments.provider import PaymentOrder
from tallystick.providers.fakepay import FakePay
import structlog

logs.start(level="debug", form=sys.argv[1], colors=False)
log = structlog.get_logger("test")
number, url = sys.argv[2:]

def order(name):
    card = Card(number=number, expiry="01-2040", name=name)
    return PaymentOrder(key=ids.new(), amount=1, currency="EUR", card=card)

for place in (url, url + "/elsewhere", "http://127.0.0.1:1/"):
    provider = FakePay(url=place, timeout_s=10, takes_cards=True)
    for name in ("J Doe", "J0hn"):
        one = order(name)
        outcome = provider.start(one)
        log.info("paid", order=one, card=one.card, parts=one.card.reveal(), outcome=outcome)
try:
    one = order("J Doe")
    raise ValueError(one, one.card)
except ValueError:
    log.exception("failed", order=one)
"""


@pytest.mark.parametrize("form", ["json", "console"])
def test_nothing_that_is_logged_holds_a_card(foreign_url: str, form: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, form, NUMBER, foreign_url],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ended.stderr.count("outgoing call") == 6
    assert ended.stderr.count("Card(123456********5678)") >= 6
    assert NUMBER not in ended.stderr + ended.stdout
    assert "J Doe" not in ended.stderr + ended.stdout
    if form == "json":
        lines = [json.loads(line) for line in ended.stderr.splitlines()]
        assert {"outgoing call", "paid", "failed"} <= {line["event"] for line in lines}
