"""Which addresses may be called, one by one."""

import pytest

from tallystick.outbound.addresses import Target, is_public, read_target, read_user_target

PRIVATE = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.1.2.3",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::7f00:1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "localhost",
    "",
]
PUBLIC = ["1.1.1.1", "93.184.215.14", "::ffff:1.1.1.1", "2606:4700:4700::1111", "2a00:1450::1"]


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_near_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_far_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://pay.example.com", Target("https", "pay.example.com", 443, "/")),
        ("https://PAY.example.com/a?b=c#d", Target("https", "pay.example.com", 443, "/a?b=c")),
        ("http://127.0.0.1:9000/fakepay", Target("http", "127.0.0.1", 9000, "/fakepay")),
        ("https://[2606:4700::1]:8443/x", Target("https", "2606:4700::1", 8443, "/x")),
        ("https://pay.example.com./", Target("https", "pay.example.com.", 443, "/")),
    ],
)
def test_an_address_is_taken_apart(url: str, target: Target) -> None:
    assert read_target(url) == target


@pytest.mark.parametrize(
    ("target", "authority"),
    [
        (Target("https", "a.example", 443, "/"), "a.example"),
        (Target("http", "a.example", 443, "/"), "a.example:443"),
        (Target("https", "2606:4700::1", 8443, "/"), "[2606:4700::1]:8443"),
    ],
)
def test_the_host_is_written_as_a_header_wants_it(target: Target, authority: str) -> None:
    assert target.authority == authority


@pytest.mark.parametrize(
    "url",
    [
        "",
        "pay.example.com",
        "//pay.example.com",
        "file:///etc/passwd",
        "ftp://pay.example.com/",
        "gopher://127.0.0.1:11211/_stats",
        "javascript:alert(1)",
        "https://",
        "https:///path",
        "https://user@pay.example.com/",
        "https://user:hush@pay.example.com/",
        "https://pay.example.com@127.0.0.1/",
        "https://pay.example.com\\@127.0.0.1/",
        "https://pay.example.com:0/",
        "https://pay.example.com:65536/",
        "https://pay.example.com:x/",
        "https://[::1/",
        "https://[fe80::1%25eth0]/",
        "https://pay..example.com/",
        "https://pay.example.com/\r\nHost: evil.example",
        "https://pay.example.com/a b",
        "https://\uff11\uff12\uff17.0.0.1/",
        "https://pay.exämple.com/",
        "https://" + "a" * 64 + ".example/",
        "https://pay.example.com/" + "a" * 2_100,
    ],
)
def test_an_odd_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match=r"^(An|The) ") as refused:
        read_target(url)
    assert "hush" not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize("port", [22, 25, 80, 444, 6379, 9000])
def test_a_users_address_has_one_of_two_ports(port: int) -> None:
    with pytest.raises(ValueError, match="443 or 8443"):
        read_user_target(f"https://pay.example.com:{port}/")


def test_a_users_address_is_https() -> None:
    assert read_user_target("https://pay.example.com:8443/").port == 8443
    with pytest.raises(ValueError, match="https://"):
        read_user_target("http://pay.example.com/")
