"""How the figures of an invoice are told, to be redone with a pocket calculator."""

import json
from datetime import UTC, datetime

from tallystick.invoices.content import DraftContent, prepare
from tallystick.invoices.totals import Discount, Line
from tallystick.invoices.trace import told
from tallystick.kernel import ids
from tallystick.kernel.actor import OPERATOR, Act


def test_the_trace_tells_each_step() -> None:
    content = DraftContent(
        customer_id=ids.NIL,
        currency="EUR",
        lines=(
            Line("Cloth", 2_500_000, 1_999, 190_000, Discount("percent", 100_000)),
            Line("Book", 1_000_000, 500, 70_000),
        ),
        discount=Discount("fixed", 99),
    )
    act = Act(OPERATOR, ids.NIL, datetime(2026, 3, 2, tzinfo=UTC), "key", "fingerprint")
    prepared = prepare(act, ids.NIL, content, terms_days=30)
    trace = told(prepared.content, prepared.lines)
    assert json.loads(json.dumps(trace)) == trace
    assert trace == {
        "unit": "minor units of the currency",
        "rounding": "half away from zero",
        "sharing": "largest remainder, among equals the lowest rate first",
        "lines": [
            {
                "line": 1,
                "rate": "19",
                "steps": [
                    {
                        "term": "BT-129 x BT-146",
                        "name": "quantity x price",
                        "how": "2.5 x 1999 = 4997.5, rounded to 4998",
                        "amount": 4_998,
                    },
                    {
                        "term": "BT-136",
                        "name": "line discount",
                        "how": "10 % of 4998 = 499.8, rounded to 500",
                        "amount": 500,
                    },
                    {
                        "term": "BT-131",
                        "name": "line net amount",
                        "how": "4998 - 500",
                        "amount": 4_498,
                    },
                ],
            },
            {
                "line": 2,
                "rate": "7",
                "steps": [
                    {
                        "term": "BT-129 x BT-146",
                        "name": "quantity x price",
                        "how": "1 x 500 = 500",
                        "amount": 500,
                    },
                    {"term": "BT-136", "name": "line discount", "how": "none", "amount": 0},
                    {
                        "term": "BT-131",
                        "name": "line net amount",
                        "how": "500 - 0",
                        "amount": 500,
                    },
                ],
            },
        ],
        "document": [
            {
                "term": "BT-106",
                "name": "sum of line net amounts",
                "how": "sum of BT-131",
                "amount": 4_998,
            },
            {"term": "BT-107", "name": "document discount", "how": "fixed", "amount": 99},
        ],
        "rates": [
            {
                "rate": "7",
                "steps": [
                    {
                        "term": "BT-131",
                        "name": "lines at this rate",
                        "how": "sum of BT-131 at this rate",
                        "amount": 500,
                    },
                    {
                        "term": "BT-92",
                        "name": "share of the document discount",
                        # 99 x 500 = 49500 = 9 x 4998 + 4518
                        "how": "99 x 500 / 4998 = 9, remainder 4518, raised to 10",
                        "amount": 10,
                    },
                    {"term": "BT-116", "name": "taxable amount", "how": "500 - 10", "amount": 490},
                    {
                        "term": "BT-117",
                        "name": "tax",
                        "how": "7 % of 490 = 34.3, rounded to 34",
                        "amount": 34,
                    },
                ],
            },
            {
                "rate": "19",
                "steps": [
                    {
                        "term": "BT-131",
                        "name": "lines at this rate",
                        "how": "sum of BT-131 at this rate",
                        "amount": 4_498,
                    },
                    {
                        "term": "BT-92",
                        "name": "share of the document discount",
                        # 99 x 4498 = 445302 = 89 x 4998 + 480
                        "how": "99 x 4498 / 4998 = 89, remainder 480",
                        "amount": 89,
                    },
                    {
                        "term": "BT-116",
                        "name": "taxable amount",
                        "how": "4498 - 89",
                        "amount": 4_409,
                    },
                    {
                        "term": "BT-117",
                        "name": "tax",
                        "how": "19 % of 4409 = 837.71, rounded to 838",
                        "amount": 838,
                    },
                ],
            },
        ],
        "totals": [
            {
                "term": "BT-109",
                "name": "total without tax",
                "how": "4998 - 99",
                "amount": 4_899,
            },
            {"term": "BT-110", "name": "tax", "how": "sum of BT-117", "amount": 872},
            {
                "term": "BT-112",
                "name": "total with tax",
                "how": "4899 + 872",
                "amount": 5_771,
            },
        ],
    }
