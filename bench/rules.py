"""What rules cost: payments of an organization with ten rules against those of one with none."""

from typing import Any, Final

from bench import books
from bench.contests import Bursts, Contestant, compare, race
from bench.measure import Row
from bench.payments import CONNECTIONS
from bench.stage import INVOICES, ORGANIZATIONS, Stage
from bench.wrk import Wrk
from tallystick.kernel.database import Database
from tallystick.kernel.errors import Refusal
from tallystick.rules.managing import CreateRule, RuleContent, create_rules

TITLE: Final = f"payments over HTTP, {CONNECTIONS} connections, ten active rules"
GOAL: Final = 0.85
WITH, WITHOUT = "ten rules", "no rules"


def _asked(field: str, operator: str, value: Any) -> dict[str, Any]:
    return {"field": field, "operator": operator, "value": value}


CONDITIONS: Final = (
    _asked("payment.amount", "gt", "1000000.00"),
    _asked("payment.method", "in", ["cheque", "other"]),
    _asked("invoice.due", "between", ["0.01", "5.00"]),
    _asked("invoice.days_overdue", "gt", 30),
    _asked("customer.kind", "eq", "corporate"),
    _asked("customer.language", "eq", "fr"),
    _asked("invoice.due_date", "lt", "2020-01-01"),
    {"all": [_asked("invoice.due", "eq", "0"), _asked("payment.unallocated", "gt", "0")]},
    {
        "any": [
            _asked("payment.reference", "contains", "x"),
            _asked("payment.currency", "eq", "JPY"),
        ]
    },
    {
        "all": [
            _asked("invoice.payment_status", "eq", "partial"),
            {"any": [_asked("payment.amount", "lt", "0.50"), _asked("invoice.paid", "lt", "0")]},
        ]
    },
)
"""Each is asked of every payment, and holds of none: what a rule does is work that somebody
ordered."""


def empty_row() -> Row:
    """Give the row before anything is measured."""
    return Row(name=TITLE, goal=GOAL, unit="payments/s", against="the same server, without rules")


def measure(stage: Stage) -> tuple[Row, Bursts]:
    """Measure both on the same server in turns."""
    database = Database(stage.ours.url)
    try:
        [tenant] = books.fill(database, organizations=1, invoices=INVOICES, first=ORGANIZATIONS + 1)
        books.add_samples(database, tenant)
        for number, condition in enumerate(CONDITIONS):
            content = RuleContent(
                f"Rule {number}",
                "payment_settled",
                [{"action": "settle_within_tolerance"}],
                condition,
            )
            command = CreateRule(books.act(tenant.id), content)
            [made] = database.write(lambda conn, todo=command: create_rules(conn, [todo]))  # type: ignore[misc]  # a default binds the loop's value
            assert not isinstance(made.outcome, Refusal), made.outcome
    finally:
        database.close()
    contestants: dict[str, Contestant] = {}
    requests = {}
    for name, found in ((WITH, tenant), (WITHOUT, stage.one)):
        requests[name] = Wrk("payments.lua", [(found.key, str(each)) for each in found.invoices])
        contestants[name] = stage.load(requests[name], 1, CONNECTIONS)
    try:
        stage.warm_up(requests[WITH], CONNECTIONS)
        bursts = race(TITLE, contestants, stage.say)
    finally:
        for each in requests.values():
            each.close()
    return compare(empty_row(), bursts, WITH, [WITHOUT], at=None), bursts
