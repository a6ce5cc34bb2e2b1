"""How a database is addressed: drivers, engines that are refused, and lists of hosts."""

from typing import Any

import pytest

from tallystick.kernel import engines
from tallystick.kernel.errors import Invalid


@pytest.mark.parametrize(
    ("url", "driver", "engine"),
    [
        ("sqlite:///tallystick.db", "sqlite+pysqlite", "sqlite"),
        ("sqlite+pysqlite:///tallystick.db", "sqlite+pysqlite", "sqlite"),
        ("postgres://u@h/d", "postgresql+psycopg", "postgresql"),
        ("postgresql://u@h/d", "postgresql+psycopg", "postgresql"),
        ("postgresql+psycopg://u@h/d", "postgresql+psycopg", "postgresql"),
        ("mysql://u@h/d", "mariadb+pymysql", "mysql"),
        ("mariadb://u@h/d", "mariadb+pymysql", "mysql"),
        ("mysql+pymysql://u@h/d", "mysql+pymysql", "mysql"),
    ],
)
def test_an_address_names_its_driver(url: str, driver: str, engine: str) -> None:
    parsed = engines.normal_url(url)
    assert parsed.drivername == driver
    assert engines.engine_name(parsed) == engine


@pytest.mark.parametrize("url", ["", "tallystick.db", "oracle://u@h/d", "mssql://u@h/d", "://"])
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(Invalid) as refused:
        engines.normal_url(url)
    assert refused.value.refusal.code == "settings.database_url"
    assert "TALLYSTICK_DATABASE_URL" in refused.value.refusal.detail


def test_a_refused_address_does_not_tell_its_password() -> None:
    with pytest.raises(Invalid) as refused:
        engines.normal_url("oracle://user:hunter2@h/d")
    assert "hunter2" not in refused.value.refusal.detail


def test_several_hosts_take_turns() -> None:
    url = engines.normal_url("postgresql://u:p@/d?host=a:5433&host=b&sslmode=disable")
    addresses = engines.Addresses(url)
    assert addresses.hosts == [("a", 5433), ("b", None)]
    assert addresses.url.query == {"sslmode": "disable"}
    arguments: dict[str, Any] = {}
    addresses.place(arguments)
    assert arguments == {"host": "a", "port": 5433}
    addresses.leave(0)
    arguments = {}
    addresses.place(arguments)
    assert arguments == {"host": "b"}


def test_a_lost_node_is_left_once() -> None:
    addresses = engines.Addresses(engines.normal_url("postgresql://u@/d?host=a&host=b&host=c"))
    # Several threads lose the same node at the same moment.
    for _ in range(5):
        addresses.leave(0)
    assert addresses.current == 1
    addresses.leave(1)
    addresses.leave(2)
    assert addresses.current == 0


@pytest.mark.parametrize(
    "url", ["postgresql://u@h/d", "postgresql://u@/d?host=%2Frun%2Fpostgresql", "sqlite:///x.db"]
)
def test_one_host_is_left_to_the_driver(url: str) -> None:
    parsed = engines.normal_url(url)
    addresses = engines.Addresses(parsed)
    arguments: dict[str, Any] = {}
    addresses.place(arguments)
    addresses.leave(0)
    assert arguments == {}
    assert addresses.url == parsed
    assert addresses.current == 0
