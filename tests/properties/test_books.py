"""Whatever is done in whatever order: the books are what plain arithmetic says."""

from collections import Counter
from functools import partial

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tallystick.kernel.database import Database
from tests.properties.corrections import DRAWN as CORRECTED
from tests.properties.corrections import CorrectingMachine
from tests.properties.money_back import DRAWN as MOVED

DRAWN = {
    *("CreateDraft", "IssueInvoice", "IssueNew", "VoidInvoice", "RecordPayment", "replayed"),
    *("payment.exceeds_due", "invoice.not_payable", "invoice.issued", "idempotency.key_reused"),
}
"""Without these among the answers the runs were about nothing."""
EXAMPLES = {"sqlite": 20, "postgresql": 5, "mariadb": 5}
STEPS = {"sqlite": 30, "postgresql": 25, "mariadb": 25}
ROUNDS_MAX = 16
"""Chance may leave something out once; hardly ever so often."""


def test_the_books_follow_the_model(own_database: Database, engine: str) -> None:
    wanted = DRAWN | MOVED | CORRECTED if engine == "sqlite" else {"RecordPayment", "IssueNew"}
    said: Counter[str] = Counter()
    rounds = 0
    while not said.keys() >= wanted and rounds < ROUNDS_MAX:
        rounds += 1
        run_state_machine_as_test(
            partial(CorrectingMachine, own_database, said),  # type: ignore[arg-type]  # it takes any factory
            settings=settings(
                max_examples=EXAMPLES[engine],
                stateful_step_count=STEPS[engine],
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    assert said.keys() >= wanted
