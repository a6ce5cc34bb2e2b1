"""One call: to the address that was checked, within its limits, once, and told in a log line."""

import socket
import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from tallystick.outbound.client import Answer, Client, Limits, NotSent, Unanswered
from tests.outbound.conftest import HELLO, NAME, Canary, Dialled, Names

Open = Callable[..., Canary]
QUICK = Limits(total_s=0.5, connect_s=0.3, answer_max_bytes=1_000)


def _own(canary: Canary, limits: Limits | None = None) -> Client:
    return Client(own_url=canary.url, limits=limits)


def _get(client: Client, url: str) -> object:
    return client.send("GET", url, purpose="test")


def test_an_answer_is_given_whole(canary: Open) -> None:
    server = canary()
    answer = _own(server).send(
        "POST",
        f"{server.url}pay?x=1#y",
        purpose="test",
        headers={"Content-Type": "application/json"},
        body=b'{"a": 1}',
    )
    expected = {"content-length": "5", "x-kind": "plain"}
    assert answer == Answer(200, expected, b"hello", whole=True)
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert body == b'{"a": 1}'
    assert head.decode().split("\r\n") == [
        "POST /pay?x=1 HTTP/1.1",
        f"Host: 127.0.0.1:{server.port}",
        "User-Agent: tallystick",
        "Accept-Encoding: identity",
        "Connection: close",
        "Content-Type: application/json",
        "Content-Length: 8",
    ]
    assert server.connections == 1


@pytest.mark.parametrize("status", [204, 301, 400, 404, 500, 503])
def test_every_status_is_an_answer(canary: Open, status: int) -> None:
    server = canary(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status)
    found = _get(_own(server), server.url)
    assert isinstance(found, Answer)
    assert (found.status, found.body) == (status, b"")


def test_a_redirect_is_not_followed(canary: Open) -> None:
    other = canary()
    location = f"Location: {other.url}".encode()
    server = canary(b"HTTP/1.1 307 X\r\n" + location + b"\r\nContent-Length: 0\r\n\r\n")
    found = _get(_own(server), server.url)
    assert isinstance(found, Answer)
    assert found.status == 307
    assert (server.connections, other.connections) == (1, 0)


def test_chunks_are_put_together(canary: Open) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    server = canary(head + b"3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n")
    found = _get(_own(server), server.url)
    assert isinstance(found, Answer)
    assert found.body == b"hello"


# What a user gives, and what must not come of it.

NEAR = [
    "127.0.0.1",
    "localhost",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "0",
    "0.0.0.0",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "169.254.169.254",
    "192.168.0.1",
]


@pytest.mark.parametrize("host", NEAR)
@pytest.mark.parametrize("port", [443, 8443])
def test_no_letters_for_this_machine_reach_it(canary: Open, host: str, port: int) -> None:
    """The machine's own resolver reads them; whatever it makes of them is refused or unknown."""
    server = canary()
    dialled = Dialled(server.port)
    found = _get(Client(dial=dialled), f"https://{host}:{port}/")
    assert found in {NotSent("address"), NotSent("name")}
    assert (dialled.addresses, server.connections) == ([], 0)


def test_the_canary_is_one(canary: Open) -> None:
    """Without this the test above could not fail."""
    server = canary()
    client = Client(dial=Dialled(server.port), resolve=Names(["1.1.1.1"]))
    assert _get(client, "https://pay.example.com/") == NotSent("tls")
    assert server.connections == 1


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["1.1.1.1", "127.0.0.1"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["169.254.169.254"],
        ["10.0.0.1", "1.1.1.1"],
        ["fe80::1%eth0"],
    ],
)
def test_a_name_is_judged_by_all_that_it_resolves_to(canary: Open, addresses: list[str]) -> None:
    dialled = Dialled(canary().port)
    client = Client(resolve=Names(addresses), dial=dialled)
    assert _get(client, "https://pay.example.com/") == NotSent("address")
    assert dialled.addresses == []


def test_a_name_is_looked_up_once_and_the_checked_address_is_called(canary: Open) -> None:
    """A name that points elsewhere a moment later (rebinding) gains nothing."""
    names = Names(["93.184.215.14"], ["127.0.0.1"])
    dialled = Dialled(canary().port)
    client = Client(resolve=names, dial=dialled)
    assert _get(client, "https://pay.example.com/") == NotSent("tls")
    assert names.asked == ["pay.example.com"]
    assert dialled.addresses == [("93.184.215.14", 443)]
    # At the next call it does point here, and is refused.
    assert _get(client, "https://pay.example.com/") == NotSent("address")
    assert len(dialled.addresses) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://pay.example.com/",
        "https://pay.example.com:22/",
        "https://pay.example.com:25/",
        "https://user@pay.example.com/",
        "file:///etc/passwd",
        "nothing",
    ],
)
def test_other_schemes_and_ports_are_not_even_looked_up(canary: Open, url: str) -> None:
    names, dialled = Names(["1.1.1.1"]), Dialled(canary().port)
    assert _get(Client(resolve=names, dial=dialled), url) == NotSent("address")
    assert (names.asked, dialled.addresses) == ([], [])


def test_the_operators_address_opens_its_own_port_only(canary: Open) -> None:
    own, other = canary(), canary()
    client = _own(own)
    assert isinstance(_get(client, own.url), Answer)
    assert isinstance(_get(client, f"{own.url}elsewhere"), Answer)
    assert _get(client, other.url) == NotSent("address")
    assert _get(client, own.url.replace("127.0.0.1", "localhost")) == NotSent("address")
    assert _get(client, own.url.replace("http:", "https:")) == NotSent("address")
    assert (own.connections, other.connections) == (2, 0)


# TLS: the name stays, although an IP address is connected to.


def _tls_server(certificate: Path, seen: list[str | None]) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificate)

    def note(_socket: Any, name: str | None, _context: Any) -> None:
        seen.append(name)

    made.sni_callback = note
    return made


def test_server_name_and_host_are_those_of_the_address(canary: Open, certificate: Path) -> None:
    seen: list[str | None] = []
    server = canary(HELLO, _tls_server(certificate, seen))
    dialled = Dialled(server.port)
    trust = ssl.create_default_context(cafile=str(certificate))
    client = Client(resolve=Names(["1.1.1.1"]), dial=dialled, tls=trust)
    found = _get(client, f"https://{NAME}:8443/")
    assert isinstance(found, Answer)
    assert found.body == b"hello"
    assert seen == [NAME]
    assert b"\r\nHost: pay.example.test:8443\r\n" in server.requests[0]
    assert dialled.addresses == [("1.1.1.1", 8443)]


def test_an_untrusted_certificate_gets_no_request(canary: Open, certificate: Path) -> None:
    server = canary(HELLO, _tls_server(certificate, []))
    client = Client(resolve=Names(["1.1.1.1"]), dial=Dialled(server.port))
    assert _get(client, f"https://{NAME}/") == NotSent("tls")
    trust = ssl.create_default_context(cafile=str(certificate))
    client = Client(resolve=Names(["1.1.1.1"]), dial=Dialled(server.port), tls=trust)
    assert _get(client, "https://other.example.test/") == NotSent("tls")
    assert server.requests == []


# Limits.


def _hold(connection: socket.socket) -> None:
    # Ends when the other side does.
    while connection.recv(1_000):
        pass


def _drip(beginning: bytes) -> Callable[[socket.socket], None]:
    def drip(connection: socket.socket) -> None:
        connection.sendall(beginning)
        while True:
            connection.sendall(b"x")
            time.sleep(0.01)

    return drip


def _flood(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65_536)


@pytest.mark.parametrize(
    "reply",
    [
        _hold,
        _drip(b""),
        _drip(b"HTTP/1.1 200 OK\r\nX: "),
        _drip(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n"),
    ],
)
def test_a_call_ends_in_its_time_however_slowly_it_is_answered(
    canary: Open, reply: Callable[[socket.socket], None]
) -> None:
    server = canary(reply)
    begun = time.monotonic()
    assert _get(_own(server, QUICK), server.url) == Unanswered("timeout")
    # Twenty times the limit: a busy machine is late, one that waits for each byte never ends.
    assert time.monotonic() - begun < 10
    assert server.connections == 1


def test_many_calls_may_hang_at_once(canary: Open) -> None:
    """Each waits in its own thread and ends in its own time; none waits for another."""
    server = canary(_hold)
    client = _own(server, Limits(total_s=3.0))
    with ThreadPoolExecutor(200) as pool:
        begun = time.monotonic()
        ended = list(pool.map(lambda _: _get(client, server.url), range(200)))
    assert set(ended) == {Unanswered("timeout")}
    assert server.connections == 200
    # One after the other they would take ten minutes.
    assert time.monotonic() - begun < 60


def test_a_resolver_that_hangs_does_not_hold_a_call() -> None:
    ended = threading.Event()

    def resolve(_host: str, _port: int) -> list[str]:
        ended.wait(30)
        return []

    try:
        assert _get(Client(limits=QUICK, resolve=resolve), "https://a.example/") == NotSent(
            "timeout"
        )
    finally:
        ended.set()


def test_a_connection_that_hangs_does_not_hold_a_call() -> None:
    def dial(_address: str, _port: int, timeout_s: float) -> socket.socket:
        assert timeout_s <= QUICK.connect_s
        raise TimeoutError

    client = Client(limits=QUICK, resolve=Names(["1.1.1.1", "1.0.0.1"]), dial=dial)
    assert _get(client, "https://a.example/") == NotSent("timeout")


def test_an_endless_answer_is_cut(canary: Open) -> None:
    server = canary(_flood)
    found = _get(_own(server, QUICK), server.url)
    assert found == Answer(200, {}, b"x" * 1_000, whole=False)


@pytest.mark.parametrize(("length", "whole"), [(999, True), (1_000, True), (1_001, False)])
def test_the_limit_is_exact(canary: Open, length: int, whole: bool) -> None:  # noqa: FBT001
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length
    server = canary(head + b"y" * length)
    found = _get(_own(server, QUICK), server.url)
    assert isinstance(found, Answer)
    assert (len(found.body), found.whole) == (min(length, 1_000), whole)


def test_the_second_address_is_tried_when_the_first_refuses(canary: Open) -> None:
    server = canary()
    dialled = Dialled(server.port)

    def dial(address: str, port: int, timeout_s: float) -> socket.socket:
        if address == "1.1.1.1":
            raise ConnectionRefusedError
        return dialled(address, port, timeout_s)

    client = Client(own_url="http://a.example/", resolve=Names(["1.1.1.1", "1.0.0.1"]), dial=dial)
    assert isinstance(_get(client, "http://a.example/"), Answer)
    assert dialled.addresses == [("1.0.0.1", 80)]


# What is not HTTP, or not all of it.


def _drop(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (_drop, "dropped"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "dropped"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe", "dropped"),
        (b"\x00\x01\x02\r\n\r\n", "garbage"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "garbage"),
        (b"HTTP/1.1 abc\r\n\r\n", "garbage"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "dropped"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", "garbage"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000, "garbage"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 5_000, "garbage"),
    ],
)
def test_half_an_answer_is_none(canary: Open, reply: Any, why: Any) -> None:
    server = canary(reply)
    limits = Limits(total_s=10, answer_max_bytes=1_000)
    assert _get(_own(server, limits), server.url) == Unanswered(why)


def test_nobody_listens() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}/"
        assert _get(Client(own_url=url), url) == NotSent("connection")


def test_an_unknown_name() -> None:
    def resolve(_host: str, _port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    assert _get(Client(resolve=resolve), "https://a.example/") == NotSent("name")
    assert _get(Client(resolve=Names([])), "https://a.example/") == NotSent("name")


# What is sent along, and what is told.


def test_the_request_id_goes_along_and_the_log_holds_no_secret(canary: Open) -> None:
    server = canary()
    with structlog.contextvars.bound_contextvars(request_id="r-17"), capture_logs() as lines:
        _own(server).send(
            "POST",
            f"{server.url}hush-path?token=hush",
            purpose="fakepay",
            headers={"Authorization": "Bearer hush"},
            body=b"hush",
        )
    assert b"\r\nX-Request-Id: r-17\r\n" in server.requests[0]
    (line,) = lines
    assert isinstance(line.pop("ms"), int)
    assert line == {
        "event": "outgoing call",
        "log_level": "info",
        "purpose": "fakepay",
        "method": "POST",
        "host": "127.0.0.1",
        "port": server.port,
        "outcome": 200,
        "why": None,
    }


def test_what_failed_is_a_warning() -> None:
    with capture_logs() as lines:
        _get(Client(), "https://hush:hush@a.example/")
    assert [(line["log_level"], line["outcome"], line["why"]) for line in lines] == [
        ("warning", "not_sent", "address")
    ]
    assert "hush" not in repr(lines)


@pytest.mark.parametrize(
    "header",
    [{"X": "a\r\nHost: b"}, {"X\r\n": "a"}, {"X Y": "a"}, {"": "a"}, {"X": "hush\x00"}],
)
def test_a_header_cannot_bring_another(canary: Open, header: dict[str, str]) -> None:
    server = canary()
    with pytest.raises(ValueError, match="cannot be sent") as refused:
        _own(server).send("GET", server.url, purpose="test", headers=header)
    assert "hush" not in str(refused.value)
    assert server.connections == 0


def test_no_proxy_of_the_environment_is_asked(
    canary: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, proxy = canary(), canary()
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url)
    assert isinstance(_get(_own(server), server.url), Answer)
    assert (server.connections, proxy.connections) == (1, 0)
