"""Conditions: what is read is what was meant, and what is no condition says where and why."""

import contextlib
import re
from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.kernel import ids, money
from tallystick.kernel.errors import Invalid
from tallystick.payments.states import OFFLINE_METHODS
from tallystick.rules import conditions
from tallystick.rules.facts import FIELDS, TRIGGERS, Facts, known
from tallystick.rules.forms import METHODS

CUSTOMER = UUID("018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e0f")
FACTS: Facts = {
    "payment.amount": 50_000,
    "payment.method": "cash",
    "payment.paid_on": date(2026, 11, 20),
    "payment.reference": None,
    "invoice.due": 0,
    "invoice.payment_status": "paid",
    "invoice.days_overdue": 3,
    "customer.id": CUSTOMER,
}


def asked(field: str, operator: str, value: Any) -> Any:
    """Write one comparison."""
    return {"field": field, "operator": operator, "value": value}


def read(document: Any) -> conditions.Condition:
    """Read a condition of a settled payment in euros."""
    return conditions.read(document, "payment_settled", "EUR")


HOLDS = [
    (asked("payment.amount", "eq", "500.00"), True),
    (asked("payment.amount", "ne", "500"), False),
    (asked("payment.amount", "gte", "500"), True),
    (asked("payment.amount", "gt", "500"), False),
    (asked("payment.amount", "lte", "499.99"), False),
    (asked("payment.amount", "lt", "500.01"), True),
    (asked("payment.amount", "between", ["500", "600"]), True),
    (asked("payment.amount", "in", ["1", "500"]), True),
    (asked("payment.method", "contains", "AS"), True),
    (asked("payment.method", "in", ["cheque"]), False),
    (asked("payment.paid_on", "lt", "2026-11-21"), True),
    (asked("payment.reference", "is_null", value=True), True),
    (asked("payment.paid_on", "is_null", value=False), True),
    (asked("payment.reference", "eq", "x"), False),
    (asked("payment.reference", "ne", "x"), False),
    (asked("invoice.payment_status", "eq", "paid"), True),
    (asked("invoice.days_overdue", "gt", 2), True),
    (asked("invoice.due", "is_null", value=False), True),
    (asked("customer.id", "eq", str(CUSTOMER)), True),
    ({"all": [asked("invoice.due", "eq", "0"), asked("payment.amount", "lt", "1")]}, False),
    ({"any": [asked("invoice.due", "eq", "0"), asked("payment.amount", "lt", "1")]}, True),
    ({"all": [{"any": [asked("invoice.due", "gt", "0")]}]}, False),
]


@pytest.mark.parametrize(("document", "expected"), HOLDS)
def test_what_holds(document: Any, expected: bool) -> None:  # noqa: FBT001  # a table
    condition = read(document)
    assert conditions.holds(condition, FACTS) is expected
    assert read(conditions.write(condition, "EUR")) == condition


def nested(depth: int) -> Any:
    """Write groups in each other."""
    document: Any = asked("payment.amount", "eq", "1")
    for _ in range(depth):
        document = {"all": [document]}
    return document


ONE = asked("payment.amount", "eq", "1")
HOSTILE: dict[str, tuple[Callable[[], Any], str, str]] = {
    "nothing": (lambda: None, "/condition", "null"),
    "a list": (lambda: [ONE], "/condition", "a list"),
    "no members": (dict, "/condition", "field, operator and value"),
    "a further member": (lambda: {**ONE, "x": 1}, "/condition", "“x”"),
    "all and any": (lambda: {"all": [ONE], "any": [ONE]}, "/condition", "“all”"),
    "an empty group": (lambda: {"all": []}, "/condition/all", "at least one"),
    "a field that is none": (
        lambda: {"all": [ONE, asked("payment.amuont", "eq", "1")]},
        "/condition/all/1/field",
        "Did you mean payment.amount?",
    ),
    "a name with a meaning in Python": (
        lambda: asked("payment.__class__", "eq", "1"),
        "/condition/field",
        "There is no field “payment.__class__”",
    ),
    "a field of another trigger": (
        lambda: asked("refund.amount", "eq", "1"),
        "/condition/field",
        "There is no field",
    ),
    "a field that is a list": (lambda: asked([], "eq", "1"), "/condition/field", "a list"),  # type: ignore[arg-type]
    "an operator that is none": (
        lambda: asked("payment.amount", "equals", "1"),
        "/condition/operator",
        "There are eq, ne",
    ),
    "an operator of another type": (
        lambda: asked("payment.amount", "contains", "1"),
        "/condition/operator",
        "There is no operator for payment.amount “contains”",
    ),
    "an operator that is an object": (
        lambda: asked("payment.amount", {}, "1"),  # type: ignore[arg-type]
        "/condition/operator",
        "an object",
    ),
    "an amount that is a number": (
        lambda: asked("payment.amount", "eq", 1),
        "/condition/value",
        "a decimal text",
    ),
    "an amount with three decimals": (
        lambda: asked("payment.amount", "eq", "1.005"),
        "/condition/value",
        "“1.005”",
    ),
    "an amount beyond all": (
        lambda: asked("payment.amount", "eq", "1e400"),
        "/condition/value",
        "“1e400”",
    ),
    "a day that is none": (
        lambda: asked("payment.paid_on", "eq", "2026-02-30"),
        "/condition/value",
        "a day such as",
    ),
    "a day of a week": (
        lambda: asked("payment.paid_on", "eq", "2026-W10-1"),
        "/condition/value",
        "a day such as",
    ),
    "a control character": (
        lambda: asked("payment.reference", "eq", "a\0b"),
        "/condition/value",
        "a control character",
    ),
    "the number of a card": (
        lambda: asked("payment.reference", "in", ["x", "4111 1111 1111 1111"]),
        "/condition/value/1",
        "a payment card",
    ),
    "a number that is not whole": (
        lambda: asked("invoice.days_overdue", "eq", 1.0),
        "/condition/value",
        "not a fraction",
    ),
    "a number beyond all": (
        lambda: asked("invoice.days_overdue", "eq", 2**63),
        "/condition/value",
        "from -1000000 to 1000000",
    ),
    "forty thousand members": (
        lambda: {f"k{each}": 1 for each in range(40_000)},
        "/condition",
        "“k4”.",
    ),
    "a word that is none": (
        lambda: asked("invoice.payment_status", "eq", "payed"),
        "/condition/value",
        "Did you mean paid?",
    ),
    "an id that is none": (lambda: asked("customer.id", "eq", "1"), "/condition/value", "an id"),
    "a number that is a truth": (
        lambda: asked("invoice.days_overdue", "eq", value=True),
        "/condition/value",
        "true",
    ),
    "a pair of three": (
        lambda: asked("payment.amount", "between", ["1", "2", "3"]),
        "/condition/value",
        "two values",
    ),
    "a pair turned round": (
        lambda: asked("payment.amount", "between", ["2", "1"]),
        "/condition/value",
        "the lower one first",
    ),
    "is_null of a text": (
        lambda: asked("payment.amount", "is_null", "true"),
        "/condition/value",
        "true or false",
    ),
    "a huge text": (
        lambda: asked("payment.reference", "eq", "x" * 10**6),
        "/condition/value",
        "1 to 255",
    ),
    "a huge field": (
        lambda: asked("x" * 10**6, "eq", "1"),
        "/condition/field",
        "There is no field",
    ),
    "groups within groups": (lambda: nested(1_000), "/condition" + "/all/0" * 8, "8 deep"),
    "ten thousand comparisons": (lambda: {"any": [ONE] * 10_000}, "/condition/any", "at most 50"),
    "ten thousand values": (
        lambda: asked("payment.amount", "in", ["1"] * 10_000),
        "/condition/value",
        "1 to 50 values",
    ),
    "many small groups": (
        lambda: {"all": [{"any": [ONE] * 10} for _ in range(10)]},
        "/condition/all/5/any",
        "at most 50",
    ),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_no_condition(what: str) -> None:
    make, pointer, words = HOSTILE[what]
    document = make()
    with pytest.raises(Invalid) as refused:
        read(document)
    refusal = refused.value.refusal
    assert (refusal.code, refusal.pointer) == ("rule.malformed", pointer)
    assert words in refusal.detail
    assert len(refusal.detail) < 1_000


def test_every_field_is_known_to_a_trigger() -> None:
    assert {name for trigger in TRIGGERS for name in known(trigger)} == set(FIELDS)


NEVER = [
    ("payment.method", "chash", "There is no method “chash”. Did you mean cash? There are cash,"),
    ("payment.method", "Bank transfer", "Did you mean bank_transfer?"),
    ("payment.currency", "EURO", "There is no currency “EURO”. Did you mean EUR? It takes a code"),
    ("invoice.currency", "eur", "Did you mean EUR?"),
    ("organization.country", "Spain", "There is no country “Spain”. It takes the two capital"),
    ("customer.language", "English", "There is no language “English”. It takes the tag"),
]


@pytest.mark.parametrize(("field", "value", "words"), NEVER)
def test_what_no_value_ever_is(field: str, value: str, words: str) -> None:
    with pytest.raises(Invalid) as refused:
        read({"all": [asked(field, "in", ["EUR" if "currency" in field else "es", value])]})
    refusal = refused.value.refusal
    place = "/condition/all/0/value/" + ("0" if field == "organization.country" else "1")
    assert (refusal.code, refusal.pointer) == ("rule.malformed", place)
    with pytest.raises(Invalid, match=re.escape(words)):
        read(asked(field, "ne", value))
    # A part of a value is none itself, and what was saved before goes on.
    read(asked(field, "contains", value))
    conditions.read(asked(field, "eq", value), "payment_settled", "EUR", kept=True)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("payment.method", each) for each in OFFLINE_METHODS],
        # Names that providers may have.
        *[("payment.method", each) for each in ("fakepay", "stripe", "cashapp", "cashfree", "ach")],
        *[("payment.currency", each) for each in money.EXPONENTS],
        ("organization.country", "XK"),
        ("customer.language", "pt-BR"),
    ],
)
def test_what_a_code_may_be(field: str, value: str) -> None:
    condition = read(asked(field, "eq", value))
    assert conditions.holds(condition, {field: value})


def test_the_methods_are_those_of_payments() -> None:
    assert METHODS == OFFLINE_METHODS


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(sorted(FIELDS)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["all", "any", "field", "operator", "value"]), inner)
    ),
    max_leaves=10,
)


@given(JSON)
def test_whatever_is_sent_is_read_or_refused(document: Any) -> None:
    # Anything else than a refusal fails the test.
    with contextlib.suppress(Invalid):
        conditions.holds(read(document), {"customer.id": ids.NIL})
