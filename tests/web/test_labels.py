"""Labels over HTTP."""

import pytest

from tests.web.conftest import School

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("engine", ["sqlite"], indirect=True)]


async def test_labels_are_added_listed_and_taken_off(school: School) -> None:
    invoice = await school.invoice()
    wanted = {"subject": "invoice", "subject_id": invoice["id"], "label": "to be checked"}
    key = {"Idempotency-Key": "one"}
    made = await school.owner.post("/v1/labels", json=wanted, headers=key)
    label = made.json()
    assert made.status_code == 201
    assert label.items() >= (wanted | {"customer_id": invoice["customer_id"]}).items()
    assert (await school.owner.post("/v1/labels", json=wanted, headers=key)).json() == label
    assert (await school.owner.post("/v1/labels", json=wanted)).json() == label
    other = {"subject": "customer", "subject_id": invoice["customer_id"], "label": "pays late"}
    second = (await school.owner.post("/v1/labels", json=other)).json()
    for query, expected in (
        ("", [second, label]),
        (f"subject_id={invoice['id']}", [label]),
        (f"customer_id={invoice['customer_id']}", [second, label]),
        ("label=pays%20late", [second]),
    ):
        found = (await school.viewer.get(f"/v1/labels?{query}")).json()
        assert found == {"data": expected, "next": None}, query
    assert made.headers["Location"] == f"/v1/labels?subject_id={invoice['id']}"
    gone = await school.owner.delete(f"/v1/labels/{label['id']}")
    assert gone.status_code == 204
    again = await school.owner.delete(f"/v1/labels/{label['id']}")
    assert (again.status_code, again.json()["code"]) == (404, "label.unknown")
    wrong = await school.owner.post("/v1/labels", json=wanted | {"label": " x"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "label.malformed")
