"""The figures of the server: who reads them, what they count, and what they never tell."""

from collections import defaultdict
from typing import Any

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from tallystick.kernel import heartbeats, ids
from tallystick.kernel.database import Database
from tallystick.kernel.errors import Unavailable
from tallystick.kernel.heartbeats import Beat
from tallystick.reports import condition
from tests.web.conftest import START, MakeClient, School

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("engine", ["sqlite"], indirect=True)]

Figures = dict[str, dict[tuple[tuple[str, str], ...], float]]


async def _figures(client: httpx2.AsyncClient) -> Figures:
    """Read all samples, by their names and their labels but the process."""
    response = await client.get("/metrics")
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"
    found: Figures = defaultdict(dict)
    for family in text_string_to_metric_families(response.text):
        for sample in family.samples:
            labels = tuple(sorted(each for each in sample.labels.items() if each[0] != "process"))
            assert labels not in found[sample.name]
            found[sample.name][labels] = sample.value
    return found


def _labels(**labels: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(labels.items()))


@pytest.fixture
async def watcher(platform: httpx2.AsyncClient, make_client: MakeClient) -> httpx2.AsyncClient:
    """Return a client whose platform key is limited to watching."""
    wanted = {"name": "Prometheus", "scopes": ["watch"]}
    made = await platform.post("/v1/keys", json=wanted)
    assert made.status_code == 201, made.text
    return make_client(made.json()["key"])


async def test_requests_are_counted_by_what_is_declared(
    watcher: httpx2.AsyncClient, school: School
) -> None:
    customer = await school.customer()
    before = await _figures(watcher)
    for _ in range(2):
        await school.owner.get(f"/v1/customers/{customer['id']}")
    await school.owner.head(f"/v1/customers/{customer['id']}")
    await school.owner.get(f"/v1/customers/{ids.new()}")
    await school.owner.get("/health/live")
    await school.owner.get("/nothing/here")
    await school.owner.request("BREW", "/nothing/here")
    after = await _figures(watcher)

    def more(name: str, **labels: str) -> float:
        place = _labels(**labels)
        return after[name].get(place, 0) - before[name].get(place, 0)

    total, count = "tallystick_http_requests_total", "tallystick_http_request_seconds_count"
    one = {"method": "GET", "route": "/v1/customers/{customer_id}"}
    assert more(total, **one, status="200") == 3
    assert more(total, **one, status="404") == 1
    assert more(count, **one) == 4
    assert more("tallystick_http_request_seconds_bucket", **one, le="+Inf") == 4
    assert more(total, method="GET", route="other", status="200") == 1
    assert more(total, method="GET", route="other", status="404") == 1
    assert more(total, method="other", route="other", status="404") == 1
    # The one that tells is counted when it has been told.
    assert more(total, method="GET", route="/metrics", status="200") == 1


async def test_what_the_process_writes(watcher: httpx2.AsyncClient, school: School) -> None:
    before = await _figures(watcher)
    await school.customer()
    after = await _figures(watcher)

    def more(name: str, **labels: str) -> float:
        return after[name][_labels(**labels)] - before[name][_labels(**labels)]

    assert more("tallystick_batch_commands_bucket", le="1") == 1
    assert more("tallystick_batch_commands_bucket", le="+Inf") == 1
    assert more("tallystick_batch_commands_count") == 1
    assert more("tallystick_batch_commands_sum") == 1
    assert [name for name in after if name.endswith("_created")] == []
    assert after["tallystick_commands_waiting"] == {(): 0}
    assert after["tallystick_commands_turned_away_total"] == {(): 0}


async def test_how_the_work_stands(watcher: httpx2.AsyncClient, database: Database) -> None:
    worker_id = ids.new()
    said = Beat(worker_id, START, START, [], {"tasks_done": 3, "events_stamped": 5})
    database.write(lambda conn: heartbeats.beat(conn, said))
    figures = await _figures(watcher)
    assert figures["tallystick_database_up"] == {(): 1}
    assert figures["tallystick_workers"][()] >= 1
    assert figures["tallystick_worker_beat_age_seconds"] == {(): 0}
    done = figures["tallystick_worker_done_total"]
    assert done[_labels(worker=str(worker_id), what="tasks_done")] == 3
    assert done[_labels(worker=str(worker_id), what="events_stamped")] == 5
    for name in (
        *("tasks_due", "tasks_dead", "alarms_open", "oldest_task_age_seconds"),
        *("oldest_event_age_seconds", "oldest_unknown_payment_age_seconds"),
    ):
        assert figures[f"tallystick_{name}"][()] >= 0


async def test_without_the_database_the_process_still_tells(
    watcher: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise Unavailable("no database")

    monkeypatch.setattr(condition, "look", away)
    with capture_logs() as lines:
        figures = await _figures(watcher)
    assert figures["tallystick_database_up"] == {(): 0}
    assert "tallystick_workers" not in figures
    assert "tallystick_commands_waiting" in figures
    assert [line["event"] for line in lines] == ["figures without the database"]


async def test_who_reads_them(
    watcher: httpx2.AsyncClient, school: School, anonymous: httpx2.AsyncClient
) -> None:
    assert (await anonymous.get("/metrics")).json()["code"] == "auth.key_missing"
    assert (await school.owner.get("/metrics")).json()["code"] == "auth.forbidden"
    for path in ("/v1/organizations", f"/v1/organizations/{school.id}", "/v1/users"):
        assert (await watcher.get(path)).json()["code"] == "auth.forbidden"


async def test_nobody_is_named(watcher: httpx2.AsyncClient, school: School) -> None:
    objects = await school.objects()
    await school.seen(objects)
    told = (await watcher.get("/metrics")).text
    assert [value for value in [*objects.values(), school.slug] if value in told] == []
