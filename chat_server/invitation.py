"""How to join, as the server prints it: commands to paste and run."""

from pathlib import Path

from chat_server.gateways.web.wheel import wheel_name
from chat_server.network.addresses import Address, lan_addresses, reachable_by, takes_both
from chat_server.runtime.machine.programs import CLIENT, client_command, quoted

_SOURCE = Path(__file__).resolve().parents[1]


def invitation(addresses: list[Address], *, tls: bool, page: str | None) -> list[str]:
    """Return the lines that say how a person joins: from this machine, and from others.

    Args:
        addresses: where the server listens.
        tls: whether it speaks TLS there.
        page: the URL by which others reach it with a browser, if they do.
    """
    option = " --tls" if tls else ""
    here = client_command()
    lines = [
        f"to join from this machine:  {here} --unix {quoted(str(address.path))}"
        for address in addresses
        if address.path
    ]
    reachable: list[str] = []
    for address in (each for each in addresses if not each.path):
        both = takes_both(address, addresses)
        local = _typed(_local(address, both=both))
        lines.append(f"to join from this machine:  {here}{option} {local}")
        for host, interface in reachable_by(address.host, both=both):
            typed = _typed(address._replace(host=host))
            where = f" ({interface})" if interface else ""
            lines.append(f"to join from the network{where}:  {CLIENT}{option} {typed}")
            reachable.append(typed)
    if not reachable:
        return lines + _why_nobody(addresses)
    if page is not None:
        lines.append(f"to join with a browser, on a phone too:  {page}")
    return lines + _notes(reachable, option, page)


def _local(address: Address, *, both: bool) -> Address:
    """Return the address by which a client on this machine reaches a listener."""
    if address.host == "0.0.0.0" or both:
        return address._replace(host="127.0.0.1")
    return address._replace(host="::1") if address.host == "::" else address


def _why_nobody(addresses: list[Address]) -> list[str]:
    """Return what to do where others cannot join, though the server listens for them."""
    hosts = {address.host for address in addresses}
    if not hosts & {"0.0.0.0", "::"}:
        return []
    if "::" not in hosts and lan_addresses(ipv4=False):
        return [
            "nobody can join from the network: this machine has no IPv4 address. It has IPv6: "
            "start the server with --host ::"
        ]
    return ["nobody can join from the network: this machine has no address there yet"]


def _notes(reachable: list[str], option: str, page: str | None) -> list[str]:
    notes = []
    if any("%" in typed for typed in reachable):
        notes.append("behind % stands the interface of the machine where the command is typed")
    if page is not None and page.startswith("http:"):
        # Not by TLS: pip believes no certificate of the server's own.
        notes.append(
            f"where there is no {CLIENT}:  python3 -m pip install {page}dist/{wheel_name()}"
        )
    if (_SOURCE / "Makefile").is_file():
        arguments = f"{option} {reachable[0]}".strip()
        quoted = f"'{arguments}'" if set(arguments) & set(' "') else arguments
        notes.append(f"where there is no {CLIENT}, in a clone:  make chat ARGS={quoted}")
    return notes


def _typed(address: Address) -> str:
    """HOST:PORT for every shell: brackets are a pattern in some."""
    return f'"{address.authority}"' if "[" in address.authority else address.authority
