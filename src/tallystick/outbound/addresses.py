"""Which addresses may be called. Names are judged by what they resolve to, never by their letters.

An address that a user gives must not reach the machine itself or the network around it. Python's
`is_global` lets several ways there pass, so they are listed here.

Source: OWASP ASVS 5.0 V1.3.6; RFC 6890 (special-purpose addresses), RFC 6052 (NAT64), RFC 3056
(6to4).
"""

import ipaddress
import re
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

USER_PORTS: Final = frozenset({443, 8443})
"""The ports of an address that a user gives."""
URL_MAX: Final = 2_048

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Each of these reaches an IPv4 address that it holds, or is of this site, and yet may be "global".
_NEVER: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        "192.0.0.0/24",
        "::/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2001::/23",
        "2002::/16",
        "fec0::/10",
    )
)
_UNPRINTABLE = re.compile(r"[^\x21-\x7e]|\\")
_NAME = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")


@dataclass(frozen=True, slots=True)
class Target:
    """Where one call goes: the parts of an address, checked, with nothing secret in its host."""

    scheme: Literal["http", "https"]
    host: str
    """A name in small letters, or an IP address without brackets."""
    port: int
    path: str
    """With the query."""

    @property
    def origin(self) -> tuple[str, str, int]:
        """Tell what two addresses share that lead to the same server."""
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """Write host and port as the header `Host` does."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


_PORTS: Final = {"http": 80, "https": 443}


def read_target(url: str) -> Target:
    """Take an address apart.

    Raises:
        ValueError: it cannot be called; the text says why and does not repeat it, since an address
            may hold a password.
    """
    if len(url) > URL_MAX or _UNPRINTABLE.search(url):
        message = f"An address has at most {URL_MAX} characters, all of them printable ASCII."
        raise ValueError(message)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("The address cannot be read. Check its host and port.") from None
    if parts.scheme not in _PORTS:
        raise ValueError("An address begins with https:// or http://.")
    if "@" in parts.netloc:
        raise ValueError("An address holds no user name and no password.")
    scheme: Literal["http", "https"] = "http" if parts.scheme == "http" else "https"
    host = parts.hostname or ""
    if not _is_host(host):
        raise ValueError("The address has no host that can be looked up.")
    if port == 0:
        raise ValueError("The port of an address is a number from 1 to 65535.")
    path = parts.path or "/"
    return Target(
        scheme=scheme,
        host=host,
        port=_PORTS[scheme] if port is None else port,
        path=f"{path}?{parts.query}" if parts.query else path,
    )


def read_user_target(url: str) -> Target:
    """Take apart an address that a user gave.

    What its name resolves to is judged at each call, when it is connected to.

    Raises:
        ValueError: as `read_target`; or it is not https, or its port is neither 443 nor 8443.
    """
    target = read_target(url)
    if target.scheme != "https":
        raise ValueError("The address must begin with https://.")
    if target.port not in USER_PORTS:
        raise ValueError("The port of the address must be 443 or 8443.")
    return target


def is_public(address: str) -> bool:
    """Tell whether an IP address is one of the public network, and of nothing nearer."""
    try:
        found: _Address = ipaddress.ip_address(address)
    except ValueError:
        # A scope, as in fe80::1%eth0, is of this machine.
        return False
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return (
        found.is_global
        and not found.is_multicast
        and not found.is_reserved
        and not any(found.version == net.version and found in net for net in _NEVER)
    )


def _is_host(host: str) -> bool:
    if ":" in host:
        try:
            return not ipaddress.IPv6Address(host).scope_id
        except ValueError:
            return False
    return _NAME.fullmatch(host) is not None
