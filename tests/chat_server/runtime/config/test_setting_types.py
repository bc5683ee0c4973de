"""The rules that only the server's settings have."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

import pytest

from chat_server.runtime.config.setting_types import (
    Endpoint,
    Keep,
    endpoint_or_none,
    keep,
    network,
    origin,
    password,
    web_host,
)
from protocol.common.setting_rules import Rule, many


@pytest.mark.parametrize(
    ("rule", "given", "value", "written"),
    [
        (endpoint_or_none(), "", None, ""),
        (endpoint_or_none(), 9100, Endpoint("127.0.0.1", 9100), "127.0.0.1:9100"),
        (endpoint_or_none(), "[::1]:9100", Endpoint("::1", 9100), "[::1]:9100"),
        (keep(), ["1w", 500], Keep(500, 604_800.0), ["7d", "500"]),
        (keep(), ["1.5h"], Keep(None, 5400.0), ["90m"]),
        (many(network, "N"), ["10.1.0.0/16"], (ip_network("10.1.0.0/16"),), ["10.1.0.0/16"]),
        (
            many(network, "N"),
            ["::ffff:10.1.0.0/112"],
            (ip_network("10.1.0.0/16"),),
            ["10.1.0.0/16"],
        ),
        (many(origin, "URL"), ["HTTPS://Chat.example.org/"], ("https://chat.example.org",), None),
        (
            many(web_host, "H"),
            ["Chat.example.org", "[::1]:7"],
            ("chat.example.org", "[::1]:7"),
            None,
        ),
        (password(), " a b ", " a b ", " a b "),
    ],
)
def test_what_is_read_and_written(rule: Rule[Any], given: Any, value: Any, written: Any) -> None:
    """What is written is read back as the same."""
    assert rule.read(given) == value
    if written is not None:
        assert rule.write(value) == written
    assert rule.read(rule.write(value)) == value


@pytest.mark.parametrize(
    ("rule", "given", "says"),
    [
        (endpoint_or_none(), "::1:9100", "this is HOST:PORT, such as 127.0.0.1:9100"),
        (endpoint_or_none(), "host:65536", "this is HOST:PORT"),
        (keep(), ["0"], "what is kept is an age such as 30d, 12h or 45m, or a number of messages"),
        (keep(), ["1.5"], "not '1.5'"),
        (many(network, "N"), ["10.1.2.3/16"], "did you mean 10.1.0.0/16?"),
        (many(network, "N"), ["lab"], "a network is an address, or one with the length"),
        (many(origin, "URL"), ["chat.example.org"], "an origin is a scheme and a host"),
        (many(web_host, "H"), ["http://a"], "such as 10.0.0.7:7878, not 'http://a'"),
        (many(web_host, "H"), ["a:7878,b:7878"], "a server is named here as browsers do it"),
        (password(), "", "a password is a text of 1 to 200 characters"),
    ],
)
def test_what_is_refused(rule: Rule[Any], given: Any, says: str) -> None:
    """With the rule."""
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the text is compared below
        rule.read(given)
    assert says in str(refused.value)


def test_what_a_network_is() -> None:
    """An address alone is one; an address within one is perhaps a mistake."""
    assert network("10.0.0.7") == IPv4Network("10.0.0.7/32")
    assert network("fd00::/8") == IPv6Network("fd00::/8")
    for text in ("10.0.0.0/33", "lab", "", "10.0.0", "10.0.0.0/8/8", "10.0.0.0/x"):
        with pytest.raises(ValueError, match="a network is an address"):
            network(text)
    with pytest.raises(ValueError, match=r"did you mean 10\.0\.0\.0/8\?"):
        network("10.0.0.7/8")
