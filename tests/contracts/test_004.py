"""Contract 004, sent as it stands: every call of its table, whole answers compared."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs

from tallystick.kernel import ids
from tallystick.web.dialects.frame import Chosen
from tests.contracts.conftest import API_KEY, Serve

pytestmark = pytest.mark.anyio

BASE = "/dialects/school-billing"
TRUSTING = Chosen(names=("school-billing",), trusting=True, api_key=API_KEY)
MOMENT = re.compile(r"2026-11-20T09:\d\d:\d\d\.\d{6}Z")
UNREAD: Any = object()


class Contract:
    """Sends what the contract says and holds the whole answer against it."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self.client = client
        self.mark = ids.new().hex[-12:]
        self.headers: httpx2.Headers = httpx2.Headers()

    async def __call__(
        self,
        method: str,
        path: str,
        status: int,
        expected: Any = UNREAD,
        sent: Any = None,
        **headers: str,
    ) -> Any:
        """Send one request, compare its answer, and give its body."""
        response = await self.client.request(
            method, f"{BASE}/api/v1{path}", json=sent, headers=headers
        )
        assert response.status_code == status, response.text
        self.headers = response.headers
        if status == 204:
            assert response.content == b""
            return None
        assert response.headers["Content-Type"] == "application/json"
        body = response.json()
        if expected is not UNREAD:
            # The order of members is part of the contract.
            assert json.dumps(body) == json.dumps(expected)
        return body

    async def refused(
        self, method: str, path: str, status: int, text: str, sent: Any = None
    ) -> None:
        """Send one request that is refused with this text."""
        await self(method, path, status, {"detail": text}, sent)

    async def school(self, **members: str) -> dict[str, Any]:
        """Make a school of its own."""
        name = f"Colegio {ids.new().hex}"
        sent = {"name": name, "country": "mx", "currency": "mxn", **members}
        made: dict[str, Any] = await self("POST", "/schools", 201, sent=sent)
        return made

    async def student(self, school_id: int, **members: str) -> dict[str, Any]:
        """Make a student."""
        sent = {
            "first_name": "Ana",
            "last_name": "Example",
            "email": f"{ids.new().hex}@example.com",
            "school_id": school_id,
            **members,
        }
        made: dict[str, Any] = await self("POST", "/students", 201, sent=sent)
        return made

    async def invoice(self, student_id: int, **members: Any) -> dict[str, Any]:
        """Issue an invoice of 100.00."""
        sent = {
            "amount_total": "100.00",
            "currency": "MXN",
            "due_date": "2026-12-31",
            "student_id": student_id,
            **members,
        }
        made: dict[str, Any] = await self("POST", "/invoices", 201, sent=sent)
        return made

    async def issued(self, **members: Any) -> dict[str, Any]:
        """Issue an invoice to a student of their own in a school of its own."""
        school = await self.school()
        student = await self.student(school["id"])
        return await self.invoice(student["id"], **members)


@pytest.fixture
async def contract(serve: Serve) -> AsyncIterator[Contract]:
    """Return a client with the contract's key, in development."""
    headers = {"X-API-Key": API_KEY}
    async with serve(TRUSTING, **headers) as client:
        yield Contract(client)


def _same_moments(document: dict[str, Any], *names: str) -> None:
    assert all(MOMENT.fullmatch(document[name]) for name in names)
    assert len({document[name] for name in names}) == 1


async def test_health_and_documentation_need_no_outside_host(contract: Contract) -> None:
    response = await contract.client.get(f"{BASE}/health")
    assert (response.status_code, response.json()) == (200, {"status": "healthy"})
    for page in ("/docs", "/redoc"):
        response = await contract.client.get(BASE + page)
        assert response.status_code == 200
        assert re.findall(r'(?:src|href)="([^"]*)"', response.text) == [
            "/static/tallystick.svg",
            "/static/swagger-ui/swagger-ui.css",
            "/static/docs.css",
            "/static/swagger-ui/swagger-ui-bundle.js",
            "/static/docs.js",
        ]
        assert "style-src 'self' 'unsafe-inline'" in response.headers["Content-Security-Policy"]
    document = (await contract.client.get(f"{BASE}/openapi.json")).json()
    assert sum(len(path) for path in document["paths"].values()) == 22
    assert all(path.startswith("/api/v1/") for path in document["paths"])


async def test_schools(contract: Contract) -> None:
    name = f"A {contract.mark}"
    sent = {"name": name, "country": "mx", "currency": "mxn"}
    made = await contract("POST", "/schools", 201, sent=sent)
    _same_moments(made, "created_at", "updated_at")
    number = made["id"]
    school = {
        "name": name,
        "country": "MX",
        "currency": "MXN",
        "id": number,
        "is_active": True,
        "created_at": made["created_at"],
        "updated_at": made["updated_at"],
    }
    assert json.dumps(made) == json.dumps(school)
    await contract.refused(
        "POST", "/schools", 409, f"School with name={name} in MX already exists", sent
    )
    await contract("GET", f"/schools/{number}", 200, school)
    missing = 10**15
    await contract.refused("GET", f"/schools/{missing}", 404, f"School with id {missing} not found")
    changed = await contract("PATCH", f"/schools/{number}", 200, sent={"currency": "usd"})
    assert changed == {**school, "currency": "USD", "updated_at": changed["updated_at"]}
    other = await contract.school()
    await contract.refused(
        "PATCH",
        f"/schools/{other['id']}",
        409,
        f"School with name={name} in MX already exists",
        {"name": name},
    )
    await contract("GET", f"/schools/{other['id']}", 200, other)
    # A name that was given up is free, and one's own may be kept.
    await contract("PATCH", f"/schools/{number}", 200, sent={"name": f"B {contract.mark}"})
    await contract("PATCH", f"/schools/{number}", 200, sent={"name": f"B {contract.mark}"})
    await contract("POST", "/schools", 201, sent=sent)


async def test_a_school_with_invoices_keeps_its_currency(contract: Contract) -> None:
    invoice = await contract.issued()
    student = await contract("GET", f"/students/{invoice['student_id']}", 200)
    path = f"/schools/{student['school_id']}"
    await contract.refused(
        "PATCH",
        path,
        400,
        "Cannot change currency of school with invoices",
        {"name": f"C {contract.mark}", "currency": "USD"},
    )
    assert (await contract("GET", path, 200))["name"].startswith("Colegio ")


async def test_a_school_is_deactivated_and_activated(contract: Contract) -> None:
    school = await contract.school()
    path = f"/schools/{school['id']}"
    for _ in range(3):
        student = await contract.student(school["id"])
    await contract.refused(
        "DELETE", path, 400, "Cannot delete school with 3 students. Remove students first."
    )
    await contract.refused("PATCH", f"{path}/activate", 400, "School is already active")
    found = await contract("GET", f"/students?school_id={school['id']}", 200)
    for student in found:
        await contract("DELETE", f"/students/{student['id']}", 204)
    await contract("DELETE", path, 204)
    gone = f"School with id {school['id']} not found"
    await contract.refused("DELETE", path, 404, gone)
    await contract.refused("PATCH", path, 400, "Cannot update inactive school", {"name": "X"})
    sent = {"first_name": "A", "last_name": "B", "email": "a@b.com", "school_id": school["id"]}
    await contract.refused("POST", "/students", 404, gone, sent)
    inactive = await contract("GET", path, 200)
    assert inactive == {**school, "is_active": False, "updated_at": inactive["updated_at"]}
    assert inactive in await contract("GET", "/schools?is_active=false&limit=1000", 200)
    assert inactive not in await contract("GET", "/schools?is_active=true&limit=1000", 200)
    active = await contract("PATCH", f"{path}/activate", 200)
    assert active == {**school, "updated_at": active["updated_at"]}


async def test_students(contract: Contract) -> None:
    school = await contract.school()
    email = f"z.{contract.mark}@Y.com"
    sent = {
        "first_name": "Zoe",
        "last_name": "Beta",
        "email": email.upper(),
        "school_id": school["id"],
    }
    made = await contract("POST", "/students", 201, sent=sent)
    _same_moments(made, "created_at", "updated_at")
    student = {
        "first_name": "Zoe",
        "last_name": "Beta",
        "email": email.lower(),
        "id": made["id"],
        "school_id": school["id"],
        "created_at": made["created_at"],
        "updated_at": made["updated_at"],
    }
    assert json.dumps(made) == json.dumps(student)
    taken = f"Student with email={email.lower()} already exists"
    await contract.refused("POST", "/students", 409, taken, sent)
    missing = 10**15
    gone = f"School with id {missing} not found"
    await contract.refused("POST", "/students", 404, gone, {**sent, "school_id": missing})
    path = f"/students/{student['id']}"
    await contract("GET", path, 200, student)
    other = await contract.student(school["id"], first_name="Ana", last_name="Beta")
    third = await contract.student(school["id"], first_name="Zoe", last_name="Alfa")
    listed = await contract("GET", f"/students?school_id={school['id']}", 200)
    assert listed == [third, other, student]
    await contract.refused("PATCH", f"/students/{other['id']}", 409, taken, {"email": email})
    await contract("GET", f"/students/{other['id']}", 200, other)
    changed = await contract("PATCH", path, 200, sent={"first_name": "Eva"})
    assert changed == {**student, "first_name": "Eva", "updated_at": changed["updated_at"]}
    await contract("DELETE", path, 204)
    erased = f"Student with id {student['id']} not found"
    await contract.refused("GET", path, 404, erased)
    await contract.refused("DELETE", path, 404, erased)
    # The address is free again.
    await contract("POST", "/students", 201, sent=sent)


async def test_a_student_with_invoices_stays_until_they_are_void(contract: Contract) -> None:
    invoice = await contract.issued()
    path = f"/students/{invoice['student_id']}"
    await contract.refused(
        "DELETE", path, 400, "Cannot delete student with invoices. Void invoices first."
    )
    assert (await contract("GET", path, 200))["first_name"] == "Ana"
    await contract("DELETE", f"/invoices/{invoice['id']}", 204)
    await contract("DELETE", path, 204)
    kept = await contract("GET", f"/invoices/{invoice['id']}", 200)
    assert kept == {**invoice, "status": "VOID", "updated_at": kept["updated_at"]}


async def test_invoices(contract: Contract) -> None:
    school = await contract.school()
    student = await contract.student(school["id"])
    sent = {
        "amount_total": "100.00",
        "currency": "MXN",
        "due_date": "2020-01-31",
        "description": "Tuition",
        "student_id": student["id"],
    }
    made = await contract("POST", "/invoices", 201, sent=sent)
    _same_moments(made, "issued_at", "created_at", "updated_at")
    invoice = {
        "amount_total": "100.00",
        "currency": "MXN",
        "due_date": "2020-01-31",
        "description": "Tuition",
        "id": made["id"],
        "student_id": student["id"],
        "status": "ISSUED",
        "issued_at": made["issued_at"],
        "created_at": made["created_at"],
        "updated_at": made["updated_at"],
    }
    assert json.dumps(made) == json.dumps(invoice)
    path = f"/invoices/{invoice['id']}"
    await contract("GET", path, 200, invoice)
    await contract.refused(
        "POST",
        "/invoices",
        400,
        "Invoice currency (USD) must match school currency (MXN)",
        {**sent, "currency": "usd"},
    )
    missing = 10**15
    gone = f"Student with id {missing} not found"
    await contract.refused("POST", "/invoices", 404, gone, {**sent, "student_id": missing})
    second = await contract.invoice(student["id"], description=None)
    assert second["description"] is None
    of_student = f"/invoices?student_id={student['id']}"
    await contract("GET", of_student, 200, [second, invoice])
    await contract("GET", f"{of_student}&status=ISSUED", 200, [second, invoice])
    await contract("DELETE", path, 204)
    void = {**invoice, "status": "VOID"}
    void = await contract("GET", path, 200) | {"status": "VOID"}
    await contract("GET", f"{of_student}&status=VOID", 200, [void])
    await contract("GET", f"{of_student}&status=PAID", 200, [])
    await contract.refused("DELETE", path, 404, f"Invoice with id {invoice['id']} not found")
    await contract.refused(
        "PATCH", path, 400, "Cannot update voided invoice", {"due_date": "2027-01-01"}
    )
    pay = {"amount": "1.00", "method": "CASH"}
    await contract.refused(
        "POST", f"{path}/payments", 400, "Cannot create payment for voided invoice", pay
    )


async def test_payments(contract: Contract) -> None:
    invoice = await contract.issued()
    path = f"/invoices/{invoice['id']}"
    sent = {"amount": "30.00", "method": "CASH", "reference": "r1"}
    made = await contract("POST", f"{path}/payments", 201, sent=sent)
    _same_moments(made, "paid_at", "created_at")
    payment = {
        "amount": "30.00",
        "method": "CASH",
        "reference": "r1",
        "id": made["id"],
        "invoice_id": invoice["id"],
        "paid_at": made["paid_at"],
        "created_at": made["created_at"],
    }
    assert json.dumps(made) == json.dumps(payment)
    text = "Payment amount (300.00) exceeds pending amount (70.00)"
    await contract.refused("POST", f"{path}/payments", 400, text, {"amount": "300.00"})
    body = {"amount": "300.00", "invoice_id": invoice["id"]}
    await contract.refused("POST", "/payments", 400, text, body)
    missing = 10**15
    gone = f"Invoice with id {missing} not found"
    await contract.refused("POST", "/payments", 404, gone, {**body, "invoice_id": missing})
    await contract.refused("GET", f"/invoices/{missing}/payments", 404, gone)
    assert (await contract("GET", path, 200))["status"] == "PARTIAL"
    paid_text = "Cannot void invoice with payments. Refund them first."
    await contract.refused("DELETE", path, 400, paid_text)
    second = await contract("POST", "/payments", 201, sent={**body, "amount": "70.00"})
    assert (second["method"], second["reference"]) == (None, None)
    assert (await contract("GET", path, 200))["status"] == "PAID"
    await contract("GET", f"{path}/payments", 200, [payment, second])
    await contract("GET", f"/payments?invoice_id={invoice['id']}", 200, [payment, second])
    await contract.refused("DELETE", path, 400, paid_text)
    text = "Payment amount (0.01) exceeds pending amount (0.00)"
    await contract.refused("POST", "/payments", 400, text, {**body, "amount": "0.01"})
    await contract.refused("PATCH", path, 400, "Cannot update paid invoice", {"description": "x"})


@pytest.mark.parametrize("method", ["CASH", "CARD", "TRANSFER", "CHECK", "OTHER", None])
async def test_every_method_comes_back_as_it_was_sent(
    contract: Contract, method: str | None
) -> None:
    invoice = await contract.issued()
    sent = {"amount": "1.00", "method": method, "invoice_id": invoice["id"]}
    made = await contract("POST", "/payments", 201, sent=sent)
    assert made["method"] == method
    await contract("GET", f"/payments?invoice_id={invoice['id']}", 200, [made])


async def test_an_invoice_is_changed_beside_the_document(contract: Contract) -> None:
    invoice = await contract.issued(description="Tuition")
    path = f"/invoices/{invoice['id']}"
    changed = await contract("PATCH", path, 200, sent={"due_date": "2019-05-01"})
    expected = {**invoice, "due_date": "2019-05-01", "updated_at": changed["updated_at"]}
    assert json.dumps(changed) == json.dumps(expected)
    changed = await contract("PATCH", path, 200, sent={"description": "Books"})
    assert changed == {**expected, "description": "Books", "updated_at": changed["updated_at"]}
    changed = await contract("PATCH", path, 200, sent={"description": None})
    assert changed == {**expected, "description": None, "updated_at": changed["updated_at"]}
    await contract("PATCH", path, 200, changed, {})


async def test_another_amount_replaces_the_invoice_under_its_number(contract: Contract) -> None:
    invoice = await contract.issued(description="Tuition")
    path = f"/invoices/{invoice['id']}"
    sent = {"amount": "30.00", "method": None}
    payment = await contract("POST", f"{path}/payments", 201, sent=sent)
    await contract.refused(
        "PATCH",
        path,
        400,
        "New amount (20.00) cannot be less than total paid (30.00)",
        {"amount_total": "20.00"},
    )
    changed = await contract(
        "PATCH", path, 200, sent={"amount_total": "80.00", "due_date": "2026-11-01"}
    )
    expected = {
        **invoice,
        "amount_total": "80.00",
        "due_date": "2026-11-01",
        "status": "PARTIAL",
        "updated_at": changed["updated_at"],
    }
    assert json.dumps(changed) == json.dumps(expected)
    assert changed["updated_at"] > invoice["updated_at"]
    of_student = f"/invoices?student_id={invoice['student_id']}"
    await contract("GET", of_student, 200, [changed])
    await contract("GET", f"{path}/payments", 200, [payment])
    await contract("GET", f"/payments?invoice_id={invoice['id']}", 200, [payment])
    # Down to exactly what is paid: nothing is left to pay.
    paid = await contract("PATCH", path, 200, sent={"amount_total": "30.00"})
    assert paid == {
        **changed,
        "amount_total": "30.00",
        "status": "PAID",
        "updated_at": paid["updated_at"],
    }
    await contract("GET", of_student, 200, [paid])
    await contract("GET", f"{path}/payments", 200, [payment])


async def test_a_request_repeated_after_a_replacement_names_the_same_numbers(
    contract: Contract,
) -> None:
    school = await contract.school()
    student = await contract.student(school["id"])
    sent = {
        "amount_total": "100.00",
        "currency": "MXN",
        "due_date": "2026-12-31",
        "student_id": student["id"],
    }
    key = {"Idempotency-Key": ids.new().hex}
    invoice = await contract("POST", "/invoices", 201, sent=sent, **key)
    path = f"/invoices/{invoice['id']}"
    payment = await contract("POST", f"{path}/payments", 201, sent={"amount": "30.00"})
    for total in ("80.00", "70.00"):
        await contract("PATCH", path, 200, sent={"amount_total": total})
    await contract("POST", "/invoices", 201, invoice, sent, **key)
    listed = await contract("GET", f"/invoices?student_id={student['id']}", 200)
    assert [each["id"] for each in listed] == [invoice["id"]]
    await contract("GET", f"{path}/payments", 200, [payment])


async def test_a_statement_of_a_student(contract: Contract) -> None:
    school = await contract.school()
    student = await contract.student(school["id"])
    path = f"/students/{student['id']}/statement"
    empty = {"invoiced": "0.00", "paid": "0.00", "pending": "0.00"}
    expected: dict[str, Any] = {"student": student, "currency": "MXN"}
    expected |= {"totals": empty, "invoices": []}
    await contract("GET", path, 200, expected)
    first = await contract.invoice(student["id"], amount_total="10000.00")
    second = await contract.invoice(student["id"], amount_total="5000")
    void = await contract.invoice(student["id"])
    await contract("DELETE", f"/invoices/{void['id']}", 204)
    body = {"amount": "8000.00", "invoice_id": first["id"]}
    await contract("POST", "/payments", 201, sent=body)
    first = await contract("GET", f"/invoices/{first['id']}", 200)
    invoices = [_stated(second, "0.00", "5000.00"), _stated(first, "8000.00", "2000.00")]
    totals = {"invoiced": "15000.00", "paid": "8000.00", "pending": "7000.00"}
    expected |= {"totals": totals, "invoices": invoices}
    await contract("GET", path, 200, expected)
    await contract("GET", f"{path}?limit=1&offset=1", 200, {**expected, "invoices": invoices[1:]})
    await contract("GET", f"{path}?offset=1", 200, {**expected, "invoices": invoices[1:]})
    of_school = {
        "school": school,
        "currency": "MXN",
        "student_count": 1,
        "totals": totals,
        "invoices": invoices,
    }
    await contract("GET", f"/schools/{school['id']}/statement", 200, of_school)


def _stated(invoice: dict[str, Any], paid: str, pending: str) -> dict[str, Any]:
    names = ["issued_at", "due_date", "description", "created_at", "updated_at"]
    return {
        "id": invoice["id"],
        "student_id": invoice["student_id"],
        "amount_total": invoice["amount_total"],
        "paid": paid,
        "pending": pending,
        "currency": invoice["currency"],
        "status": invoice["status"],
        **{name: invoice[name] for name in names},
    }


async def test_lists_have_a_limit_and_say_where_they_go_on(contract: Contract) -> None:
    school = await contract.school()
    students = [await contract.student(school["id"], last_name=name) for name in "abc"]
    path = f"{BASE}/api/v1/students?school_id={school['id']}"
    own = f"/students?school_id={school['id']}"
    await contract("GET", f"{own}&limit=2", 200, students[:2])
    assert contract.headers["Link"] == (
        f'<{path}&limit=2&offset=0>; rel="first", <{path}&limit=2&offset=2>; rel="next"'
    )
    await contract("GET", f"{own}&limit=2&offset=2", 200, students[2:])
    assert contract.headers["Link"] == (
        f'<{path}&limit=2&offset=0>; rel="first", <{path}&limit=2&offset=0>; rel="prev"'
    )
    faults = await contract("GET", "/students?limit=0&offset=-1", 422)
    assert [(each["type"], each["loc"]) for each in faults["detail"]] == [
        ("greater_than_equal", ["query", "limit"]),
        ("greater_than_equal", ["query", "offset"]),
    ]
    await contract("GET", "/students?limit=1000", 200)
    await contract("GET", "/students?limit=1001", 422)


@pytest.mark.parametrize(
    ("path", "sent", "kind", "place"),
    [
        ("/invoices", {"amount_total": "0.00"}, "greater_than", "amount_total"),
        ("/invoices", {"amount_total": "-1.00"}, "greater_than", "amount_total"),
        ("/invoices", {"amount_total": "1.001"}, "decimal_max_places", "amount_total"),
        ("/invoices", {"amount_total": "NaN"}, "decimal_parsing", "amount_total"),
        ("/invoices", {"amount_total": "١٢"}, "decimal_parsing", "amount_total"),
        ("/invoices", {"amount_total": "9" * 20}, "decimal_max_digits", "amount_total"),
        ("/invoices", {"due_date": "soon"}, "date_from_datetime_parsing", "due_date"),
        ("/invoices", {"currency": "KWD"}, "value_error", "currency"),
        ("/schools", {"currency": "KWD"}, "value_error", "currency"),
        ("/schools", {"name": "  "}, "string_too_short", "name"),
        ("/schools", {"country": "MEX"}, "string_too_long", "country"),
        ("/students", {"email": "nobody"}, "value_error", "email"),
        ("/students", {"first_name": "A\u0000"}, "tallystick_control_character", "first_name"),
        ("/payments", {"amount": "0"}, "greater_than", "amount"),
        ("/payments", {"method": "GOLD"}, "literal_error", "method"),
        ("/payments", {"reference": "r" * 101}, "string_too_long", "reference"),
    ],
)
async def test_what_cannot_be_read_is_told_as_fastapi_does(
    contract: Contract, path: str, sent: dict[str, str], kind: str, place: str
) -> None:
    given: dict[str, dict[str, Any]] = {
        "/schools": {"name": "A", "country": "MX", "currency": "MXN"},
        "/students": {"first_name": "A", "last_name": "B", "email": "a@b.com", "school_id": 1},
        "/invoices": {
            "amount_total": "1.00",
            "currency": "MXN",
            "due_date": "2026-12-31",
            "student_id": 1,
        },
        "/payments": {"amount": "1.00", "method": "CASH", "invoice_id": 1},
    }
    body = await contract("POST", path, 422, sent=given[path] | sent)
    [fault] = body["detail"]
    assert (fault["type"], fault["loc"]) == (kind, ["body", place])
    assert {"type", "loc", "msg", "input"} <= fault.keys()
    assert fault["input"] == sent[place] or place in {"country", "name", "first_name"}


@pytest.mark.parametrize(
    "raw",
    [
        b'{"amount": NaN}',
        b'{"amount": 1e999, "invoice_id": 1}',
        b'{"amount": 1e99999999999999999999}',
        b"{",
        b"",
        b'"\\ud800"',
    ],
)
async def test_what_is_no_json_is_refused(contract: Contract, raw: bytes) -> None:
    response = await contract.client.post(
        f"{BASE}/api/v1/payments", content=raw, headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 422
    assert {"type", "loc", "msg", "input"} <= response.json()["detail"][0].keys()


async def test_faults_are_told_with_their_whole_form(contract: Contract) -> None:
    expected = {
        "detail": [
            {"type": "missing", "loc": ["body", "amount"], "msg": "Field required", "input": {}},
            {
                "type": "missing",
                "loc": ["body", "invoice_id"],
                "msg": "Field required",
                "input": {},
            },
        ]
    }
    await contract("POST", "/payments", 422, expected, {})
    expected = {
        "detail": [
            {
                "type": "int_parsing",
                "loc": ["path", "school_id"],
                "msg": "Input should be a valid integer, unable to parse string as an integer",
                "input": "abc",
            }
        ]
    }
    await contract("GET", "/schools/abc", 422, expected)


async def test_an_unknown_address_or_method_has_the_form_of_the_contract(
    contract: Contract,
) -> None:
    await contract.refused("GET", "/nothing", 404, "Not Found")
    await contract.refused("PUT", "/schools/1", 405, "Method Not Allowed")
    assert contract.headers["Allow"] == "DELETE, GET, HEAD, PATCH"


async def test_a_repeated_post_has_its_effect_once(contract: Contract) -> None:
    invoice = await contract.issued()
    path = f"/invoices/{invoice['id']}/payments"
    key = {"Idempotency-Key": ids.new().hex}
    first = await contract("POST", path, 201, sent={"amount": "30.00"}, **key)
    assert "Idempotent-Replayed" not in contract.headers
    await contract("POST", path, 201, first, {"amount": "30.00"}, **key)
    assert contract.headers["Idempotent-Replayed"] == "true"
    reused = {
        "type": "value_error",
        "loc": ["header", "Idempotency-Key"],
        "msg": "This Idempotency-Key was used for a different request. Send a new key with a new "
        "request, or the first request again unchanged.",
        "input": None,
    }
    await contract("POST", path, 422, {"detail": [reused]}, {"amount": "31.00"}, **key)
    await contract("GET", path, 200, [first])
    sent = {"name": f"K {contract.mark}", "country": "MX", "currency": "MXN"}
    school = await contract("POST", "/schools", 201, sent=sent, **key)
    await contract("POST", "/schools", 201, school, sent, **key)
    refused = await contract("POST", "/schools", 409, sent=sent, **{"Idempotency-Key": "again"})
    await contract("POST", "/schools", 409, refused, sent, **{"Idempotency-Key": "again"})


async def test_a_repeated_post_is_answered_also_when_its_object_has_gone(
    contract: Contract,
) -> None:
    school = await contract.school()
    keys = [{"Idempotency-Key": ids.new().hex} for _ in range(3)]
    ana = {
        "first_name": "Ana",
        "last_name": "Example",
        "email": f"{ids.new().hex}@example.com",
        "school_id": school["id"],
    }
    student = await contract("POST", "/students", 201, sent=ana, **keys[0])
    bill = {
        "amount_total": "100.00",
        "currency": "MXN",
        "due_date": "2026-12-31",
        "student_id": student["id"],
    }
    invoice = await contract("POST", "/invoices", 201, sent=bill, **keys[1])
    await contract("DELETE", f"/invoices/{invoice['id']}", 204)
    await contract("POST", "/invoices", 201, invoice, bill, **keys[1])
    await contract("DELETE", f"/students/{student['id']}", 204)
    assert await contract("POST", "/invoices", 201, sent=bill, **keys[1]) == invoice
    assert contract.headers["Idempotent-Replayed"] == "true"
    await contract("POST", "/invoices", 404, sent=bill, **keys[2])
    await contract("DELETE", f"/schools/{school['id']}", 204)
    # What the first answer said of a person who was erased is not said again.
    again = await contract("POST", "/students", 201, sent=ana, **keys[0])
    assert contract.headers["Idempotent-Replayed"] == "true"
    assert (again["id"], again["school_id"], again["email"]) == (student["id"], school["id"], None)
    assert "Ana" not in json.dumps(again)
    assert await contract("POST", "/invoices", 201, sent=bill, **keys[1]) == invoice
    await contract("POST", "/students", 422, sent={**ana, "first_name": "Eva"}, **keys[0])
    await contract("POST", "/students", 404, sent=ana, **{"Idempotency-Key": ids.new().hex})


async def test_what_happens_is_logged(contract: Contract) -> None:
    with capture_logs() as lines:
        invoice = await contract.issued()
        body = {"amount": "30.00", "invoice_id": invoice["id"]}
        payment = await contract("POST", "/payments", 201, sent=body)
        second = await contract.invoice(invoice["student_id"])
        await contract("DELETE", f"/invoices/{second['id']}", 204)
        await contract("GET", f"/students/{invoice['student_id']}/statement", 200)
    said = {line["event"]: line for line in lines}
    assert {event: line["duration_ms"] > 0 for event, line in said.items()} == {
        "invoice_created": True,
        "payment_processed": True,
        "invoice_voided": True,
        "student_statement_generated": True,
    }
    assert said["payment_processed"]["payment_id"] == payment["id"]
    assert said["invoice_voided"]["invoice_id"] == second["id"]
