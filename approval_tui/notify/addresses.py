"""Which addresses of the internet protocol are nobody's business on the outside. Pure.

`is_global` of the standard library alone is not enough: several kinds of IPv6 address carry one of IPv4, by which
a gateway, or the machine itself, would reach what is private.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

_TRANSLATED = IPv6Network("64:ff9b::/96")

#: What the standard library's lists, which differ from one version to the next, may take for public: what is set
#: aside for the protocol itself, and addresses by which clouds answer the machines inside them.
_INSIDE = tuple(map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "3fff::/20")))


def is_private(text: str) -> bool:
    """Whether the address lies on this machine, in a private network or in a cloud's inside, or is none at all."""
    try:
        address = _meant(ip_address(text))
    except ValueError:
        return True
    is_of_site = isinstance(address, IPv6Address) and address.is_site_local
    is_special = address.is_multicast or address.is_reserved or any(address in each for each in _INSIDE)
    return not address.is_global or is_special or is_of_site


def _meant(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The address of IPv4 that one of IPv6 carries for a gateway, else the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address
