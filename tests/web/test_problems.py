"""Every code has its row in the table, its page, and somebody who uses it."""

import ast
import re
from http import HTTPStatus
from pathlib import Path

import httpx2
import pytest

import tallystick
from tallystick.web.kinds.access import ACCESS
from tallystick.web.kinds.alarms import ALARMS
from tallystick.web.kinds.auth import AUTH, LOGINS
from tallystick.web.kinds.corrections import CORRECTIONS
from tallystick.web.kinds.invoices import INVOICES
from tallystick.web.kinds.parties import PARTIES
from tallystick.web.kinds.payments import PAYMENTS
from tallystick.web.kinds.refunds import REFUNDS
from tallystick.web.kinds.reports import REPORTS
from tallystick.web.kinds.requests import REQUESTS
from tallystick.web.kinds.rules import RULES
from tallystick.web.problems import TABLE

SOURCE = Path(tallystick.__file__).parent
SAYING = {"Refused", "Invalid", "Refusal", "problem", "_problem", "refused", "__init__"}
"""What is called with a code as its first text."""
CODE = re.compile(r"[a-z_]+\.[a-z_]+")
NEVER_SERVED = ("settings.", "migrations.", "database.", "file.", "task.", "key.scope_unknown")
"""Codes that the command line alone says."""


@pytest.fixture(scope="module")
def said() -> set[str]:
    """Return every code that the product can answer with, as its source says."""
    codes: set[str] = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = node.func.attr if isinstance(node.func, ast.Attribute) else None
            called = node.func.id if isinstance(node.func, ast.Name) else called
            told = node.args if called in SAYING else []
            told = told + [keyword.value for keyword in node.keywords if keyword.arg == "code"]
            texts = [str(each.value) for each in told if isinstance(each, ast.Constant)]
            codes |= {text for text in texts if CODE.fullmatch(text)}
    # The ids of a path are refused through a table of their own.
    codes |= {"customer.unknown", "invoice.unknown", "payment.unknown", "refund.unknown"}
    return {code for code in codes if not code.startswith(NEVER_SERVED)}


def test_the_table_has_exactly_the_codes_that_are_said(said: set[str]) -> None:
    assert said == set(TABLE)


def test_no_code_stands_twice() -> None:
    assert len(TABLE) == sum(
        len(each)
        for each in (
            REQUESTS,
            AUTH,
            LOGINS,
            ACCESS,
            PARTIES,
            INVOICES,
            CORRECTIONS,
            PAYMENTS,
            REFUNDS,
            REPORTS,
            ALARMS,
            RULES,
        )
    )


def test_every_row_says_something() -> None:
    for code, kind in TABLE.items():
        assert kind.status >= HTTPStatus.BAD_REQUEST, code
        assert kind.title[0].isupper() == kind.title[0].isalpha(), code
        assert not kind.title.endswith("."), code
        assert kind.meaning.endswith("."), code
        assert kind.remedy.endswith((".", "….")), code
        # One that is kept under its key is answered the same for ever.
        passes = kind.status >= 500 or kind.retry_after_s > 0
        assert kind.retryable == passes or kind.status == 429, code


def test_the_same_code_never_has_two_titles() -> None:
    titles = [kind.title for code, kind in TABLE.items() if not code.endswith("terms_malformed")]
    assert len(set(titles)) == len(titles)


@pytest.mark.anyio
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_every_code_has_a_page(anonymous: httpx2.AsyncClient) -> None:
    index = await anonymous.get("/developers/errors/")
    assert (await anonymous.get("/developers/errors")).text == index.text
    for code, kind in TABLE.items():
        page = await anonymous.get(f"/developers/errors/{code}")
        assert page.status_code == 200
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert f"{kind.status} " in page.text
        assert f"<code>{code}</code>" in page.text
        assert f'href="/developers/errors/{code}"' in index.text
    # On a narrow screen a long code goes on in another line, and the page does not scroll sideways.
    assert "<code>two_<wbr>factor.<wbr>unreadable</code>" in index.text
    style = (await anonymous.get("/static/pages.css")).text
    assert ".codes li { grid-template-columns: minmax(0, 1fr) auto; }" in style
    for unknown in ("none.such", "..", "<script>"):
        response = await anonymous.get(f"/developers/errors/{unknown}")
        assert response.status_code == 404
