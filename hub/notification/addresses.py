"""Where a webhook may lead: nowhere but into the open internet (OWASP: server-side request forgery). Pure.

The address that a name stands for is looked at when a connection is made (`sender.py`), not only when the webhook is
registered: a name can be pointed elsewhere afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from huilian_protocol.errors import HuilianError

Networks = Sequence[IPv4Network | IPv6Network]
HTTPS_PORT: Final = 443
FIRST_FREE_PORT: Final = 1024
# Addresses of IPv4 written in IPv6 by translators (RFC 6052, RFC 8215): what they lead to cannot be seen from here.
_TRANSLATED = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))


def is_allowed(address: str, networks: Networks = ()) -> bool:
    """Whether a connection to this address may be made: it is public, or in one of these networks."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    if any(found in network for network in networks if network.version == found.version):
        return True
    return _is_public(found)


def check_url(url: str, networks: Networks = ()) -> None:
    """Raises INVALID_ARGUMENT for what is no https address, or one that cannot be allowed."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or HTTPS_PORT
    except ValueError as error:
        raise _wrong("not an address") from error
    if parts.scheme != "https" or not host or "@" in parts.netloc or "#" in url or "\\" in url:
        raise _wrong("https, a host, no user, no fragment")
    if port != HTTPS_PORT and port < FIRST_FREE_PORT:
        raise _wrong(f"port {HTTPS_PORT}, or {FIRST_FREE_PORT} and above")
    if _is_literal(host) and not is_allowed(host, networks):
        raise _wrong("an address of the open internet")


def _is_literal(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address):
        inner = address.sixtofour
        if address.teredo is not None or any(address in network for network in _TRANSLATED):
            return False
        if inner is not None and not _is_public(inner):
            return False
    return address.is_global and not address.is_multicast


def _wrong(why: str) -> HuilianError:
    return HuilianError("INVALID_ARGUMENT", why, field="url")
