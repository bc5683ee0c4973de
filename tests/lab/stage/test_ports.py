"""Ports for servers that are told where to listen."""

import socket

from lab.stage.ports import free_port


def test_a_port_is_free_and_below_those_of_the_system() -> None:
    """For TCP and UDP; two calls give two ports."""
    ports = {free_port() for _ in range(5)}
    assert len(ports) == 5
    for port in ports:
        assert 20_000 <= port < 30_000
        with socket.create_server(("127.0.0.1", port)):
            pass
