"""People of the platform say why; people do not meet in each other's idempotency keys."""

from typing import Any

import pytest

from tallystick.kernel import ids
from tests.web.conftest import School
from tests.web.people import People, people

__all__ = ["people"]

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("engine", ["sqlite"], indirect=True)]

CUSTOMER = {"kind": "student", "name": "Maya"}


@pytest.mark.parametrize("reason", [None, "", "   ", "\t"])
async def test_no_reason_or_an_empty_one_is_refused(
    people: People, school: School, reason: str | None
) -> None:
    browser = await people.log_in(people.add(platform=True))
    headers = {} if reason is None else {"Tallystick-Reason": reason}
    place = {"Tallystick-Organization": school.id}
    response = await browser.post("/v1/customers", json=CUSTOMER, headers=headers | place)
    assert (response.status_code, response.json()["code"]) == (403, "auth.reason_missing")
    user = people.add()
    response = await browser.post(f"/v1/users/{user.id}/deactivate", headers=headers)
    assert (response.status_code, response.json()["code"]) == (403, "auth.reason_missing")


async def test_a_reason_is_kept(people: People, school: School) -> None:
    browser = await people.log_in(people.add(platform=True))
    headers: Any = {
        "Tallystick-Organization": school.id,
        "Tallystick-Reason": "sie bat darum, für Zoë".encode(),
    }
    response = await browser.post("/v1/customers", json=CUSTOMER, headers=headers)
    assert response.status_code == 201, response.text
    [event] = [
        each
        for each in (await school.owner.get("/v1/audit-trail")).json()["data"]
        if each["subject_id"] == response.json()["id"]
    ]
    assert event["reason"] == "sie bat darum, für Zoë"


async def test_people_have_keys_of_their_own(people: People) -> None:
    ada, ben = [await people.log_in(people.add()) for _ in range(2)]
    key = {"Idempotency-Key": str(ids.new())}
    made = await ada.post("/v1/me/tokens", json={"name": "x"})
    path = f"/v1/me/tokens/{made.json()['id']}/revoke"
    # Whoever guesses a key neither takes it nor reads what was answered under it.
    assert (await ben.post(path, headers=key)).json()["code"] == "token.unknown"
    assert (await ada.post(path, headers=key)).status_code == 200
    assert (await ben.post(path, headers=key)).json()["code"] == "token.unknown"
    again = await ada.post(path, headers=key)
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (200, "true")
