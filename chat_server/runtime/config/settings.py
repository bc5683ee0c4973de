"""Every setting, with its unit, its default and the reason for that default.

To add a setting, add a field to `Settings`: nothing else. The field `hello_timeout` is
CHAT_HELLO_TIMEOUT in the environment and --hello-timeout on the command line; --help, --check,
--print-config and the table in docs/operating.md (`python -m docs.settings_table`) read it from
here. A `live` setting may change while the server runs: code reads it where it uses it, and never
copies it. The comment above a field gives the reason for the default.
"""

from dataclasses import dataclass, fields, replace
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Literal

from platformdirs import user_data_path

from chat_server.runtime.config.log_address import LogAddress, log_address
from chat_server.runtime.config.setting_types import (
    Endpoint,
    Keep,
    Setting,
    endpoint_or_none,
    file_kind,
    keep,
    label,
    network,
    origin,
    password,
    setting,
    switch_or_auto,
    web_host,
)
from protocol.common.setting_rules import (
    many,
    one_of,
    or_none,
    path,
    path_or_none,
    rate,
    seconds,
    switch,
    text,
    whole,
)
from protocol.errors import value_check
from protocol.framing import FRAME_LIMIT
from protocol.messages import LimitValue
from protocol.text import NICK_LIMIT, ROOM_LIMIT, TEXT_LIMIT, normalize_nick, normalize_topic

IpNetwork = IPv4Network | IPv6Network

DEFAULT_PORT = 7878
_OF_TLS = ("tls", "tls_cert", "tls_key")
LOG_LEVELS = ("debug", "info", "warning", "error")


def default_data_folder() -> Path:
    """Return the platform's folder for a user's data: ~/.local/share/backchannel on Linux."""
    return user_data_path("backchannel", appauthor=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """How one server is set up. Times are in seconds, sizes in bytes unless said."""

    # Every IPv4 interface: most people start the server for a room on the LAN.
    hosts: tuple[str, ...] = setting(
        ("",),
        many(str, "HOST", needed=True),
        "an address or name to listen on, any number of times; '' is every IPv4 interface, '::' "
        "every interface",
        name="host",
    )
    port: int = setting(
        DEFAULT_PORT, whole("a port", 0, 65535), "where to listen; 0 picks a free one"
    )
    unix: Path | None = setting(None, path_or_none(), "a Unix socket to listen on as well")

    # What people see who look for a server; where there are several, they choose by it.
    name: str = setting(
        "",
        label(),
        "what the server is called in lists of servers; the machine's name unless set",
    )
    # Whether the server is found without its address. By itself it announces itself where others
    # can reach it, and leaves mDNS out on a free-threaded Python, whose GIL that would switch on.
    announce: bool | None = setting(
        None,
        switch_or_auto(),
        "let clients find the server without its address; 'auto' leaves mDNS out where it would "
        "reach nobody and on a free-threaded Python",
    )

    # Off: a certificate of one's own is one more thing to explain. Unix sockets never use TLS.
    tls: bool = setting(
        False,
        switch(),
        "encrypt what clients on the network say; the server makes a certificate of its own unless "
        "it gets a real one",
        live=True,
    )
    # The certificate file also holds the intermediate certificates. A reload reads both files.
    tls_cert: Path | None = setting(
        None, path_or_none(), "a certificate in PEM, and with it TLS; needs --tls-key", live=True
    )
    tls_key: Path | None = setting(None, path_or_none(), "its key in PEM, not encrypted", live=True)

    # On: nobody has to install anything to join.
    web: bool = setting(
        True, switch(), "let browsers in: the page, and WebSocket, on the same port", live=True
    )
    lines: bool = setting(
        True,
        switch(),
        "let lines of text in, as nc and telnet send them, on the same port",
        live=True,
    )
    irc: bool = setting(True, switch(), "let IRC clients in, on the same port", live=True)
    # None: only pages of this server itself may talk to it.
    origins: tuple[str, ...] = setting(
        (),
        many(origin, "URL"),
        "an address by which browsers come here, such as https://chat.example.org, if a proxy or a "
        "name of your own is in between; any number of times",
        name="origin",
    )
    # None: this server is the only one of its chat.
    also: tuple[str, ...] = setting(
        (),
        many(web_host, "HOST[:PORT]"),
        "another server of the same chat, as browsers name it: a page from here tries it when this "
        "server is gone, and pages from there may come here; any number of times",
    )

    # On: a class passes files round. Nothing of them is ever run or shown by the server.
    files: bool = setting(
        True, switch(), "let people offer files in rooms, which others fetch", live=True
    )
    # A deck of slides; a film is better carried on a stick.
    file_size: int = setting(
        50, whole("a size in MB"), "the largest file that may be offered, in MB", live=True
    )
    # A year of a class. Nobody may take more than a quarter of it.
    files_total: int = setting(
        2_000, whole("a size in MB"), "how much all files may take together, in MB", live=True
    )
    # None: whoever wants to pass a program round can rename it.
    file_kinds: tuple[str, ...] = setting(
        (),
        many(file_kind, "ENDING"),
        "offer only files whose names end so, such as pdf, any number of times (default: any)",
        name="file_kind",
        live=True,
        rare=True,
    )
    # The messages come first: a full disk stops the chat.
    file_reserve: int = setting(
        500,
        whole("a size in MB"),
        "how much of the disk files leave free, in MB",
        live=True,
        rare=True,
    )

    data: Path = setting(default_data_folder, path("DIR"), "the folder that the history is kept in")

    # SQLite: it is there, and enough for a school. Several processes need Redis.
    log: LogAddress | None = setting(
        None,
        log_address(),
        "where the messages and the sessions are kept: in SQLite in the data folder, or in Redis, "
        "as redis://HOST:PORT/0, rediss:// with TLS, unix:///PATH?db=0, or "
        "redis+sentinel://HOST:PORT,HOST:PORT/NAME/0, which names the sentinels, "
        "or redis+cluster://HOST:PORT,HOST:PORT",
    )
    # In neither the list of processes nor the file of settings, as `password`.
    log_password: str = setting("", password(), "the password of that Redis", secret=True)
    log_password_file: Path | None = setting(
        None, path_or_none("FILE"), "the file whose first line is the password of that Redis"
    )

    # "normal": a commit survives the death of the server. "full" also survives that of the machine,
    # and every commit waits for the disk.
    sync: Literal["normal", "full"] = setting(
        "normal",
        one_of("normal", "full"),
        "'full' waits for the disk, so that confirmed messages survive a power cut as well",
    )
    # Everything: a year of a class is a few MB.
    keep: Keep = setting(
        Keep(),
        keep(),
        "how much of each room is kept: an age such as 30d, 12h or 45m, or a number of messages; "
        "both may be given (default: everything)",
        live=True,
    )
    # Long enough to see a slip, too short to rewrite what a lesson was about.
    edit_time: float | None = setting(
        600.0,
        or_none(seconds("the time for changes")),
        "how long somebody may edit or delete what they said, or 'none' for any time; moderators "
        "may delete everything",
        live=True,
    )
    # 30 days: longer than holidays between two lessons.
    keep_sessions: float = setting(
        30 * 86400.0,
        seconds("how long a session is kept"),
        "how long a session that nobody uses is kept; the server forgets old ones when it starts",
        rare=True,
    )

    # A teacher has to know who was there. Whoever need not know should turn it off.
    attendance: bool = setting(
        True, switch(), "keep a record of who was in which room, from when to when"
    )
    # No longer than the messages, as it says less than they do.
    keep_attendance: float | None = setting(
        None,
        or_none(seconds("how long the attendance is kept")),
        "how long the record of who was there is kept, or 'none': for the age in keep",
        live=True,
    )

    # A week: who missed a lesson reads it before the next one. It is private, so no longer.
    keep_direct: float | None = setting(
        7 * 86400.0,
        or_none(seconds("how long a direct message waits")),
        "how long a direct message waits for somebody who is away, or 'none': it is refused",
        live=True,
    )
    # More than a class sends to one person in a week, and read in a minute.
    direct_waiting: int = setting(
        50,
        whole("a limit on direct messages"),
        "how many direct messages may wait for one person",
        live=True,
        rare=True,
    )

    # "" lets everybody in. Others can read the list of processes and perhaps the file of settings,
    # so the password is in neither.
    password: str = setting(
        "", password(), "the password that lets people in", live=True, secret=True
    )
    password_file: Path | None = setting(
        None,
        path_or_none("FILE"),
        "the file whose first line is the password that lets people in",
        live=True,
    )
    # Everybody may come in who is not denied.
    allow: tuple[IpNetwork, ...] = setting(
        (),
        many(network, "NETWORK"),
        "let in only clients from this address or network, such as 10.1.0.0/16, any number of "
        "times; a Unix socket may always be used",
        live=True,
    )
    deny: tuple[IpNetwork, ...] = setting(
        (),
        many(network, "NETWORK"),
        "let in nobody from this address or network, allowed or not, any number of times",
        live=True,
    )

    # Off. A bare port binds 127.0.0.1: whoever can ask learns how busy the rooms are.
    metrics: Endpoint | None = setting(
        None,
        endpoint_or_none(),
        "where Prometheus can ask for metrics; 127.0.0.1 if only a port is given",
    )

    motd: str = setting(
        "",
        text(value_check(normalize_topic)),
        "a text for everybody who comes in",
        live=True,
    )

    # None: whoever has the secret can become one with /claim.
    owners: tuple[str, ...] = setting(
        (),
        many(value_check(normalize_nick), "NICK"),
        "an account that is an owner of the server, any number of times",
        name="owner",
        live=True,
    )

    # A load test would run into these limits. See LIFTED_LIMITS.
    no_limits: bool = setting(
        False,
        switch(),
        "for a load test: no limit on requests a second, and on connections and rooms per address",
        former="lab",
        live=True,
    )

    # "info" says who comes and goes. At "debug" a busy server writes a lot.
    log_level: str = setting("info", one_of(*LOG_LEVELS), "what is logged, on stderr", live=True)

    log_json: bool = setting(
        False, switch(), "log one JSON object a line instead of text", live=True
    )

    # Enough for a slow Wi-Fi, too short for silent connections to pile up.
    hello_timeout: float = setting(
        10.0,
        seconds("the time for a hello"),
        "how long a new connection may take to say hello",
        live=True,
        rare=True,
    )
    ping_interval: float = setting(
        30.0,
        seconds("the time until a ping"),
        "how long a client may be silent before the server sends it a ping",
        live=True,
        rare=True,
    )
    # Three pings: a client that answered none and took no byte is dead, not slow.
    patience: float = setting(
        90.0,
        seconds("patience"),
        "how long a connection may show no sign of life before it is closed; longer than "
        "ping_interval",
        live=True,
        rare=True,
    )
    # With the time that stopping the threads takes, well below the 5 s that a stop may take.
    linger: float = setting(
        1.5,
        seconds("the time for the last bytes"),
        "how long the last bytes may take to reach a client that is being closed",
        live=True,
        rare=True,
    )

    # More than any class has. An idle client takes 24 KB.
    connections: int = setting(
        20_000,
        whole("a limit on clients"),
        "how many clients may be connected",
        live=True,
        rare=True,
    )
    # 30 students with 50 clients each behind one address are 1,500.
    connections_per_address: int | None = setting(
        5_000,
        or_none(whole("a limit on clients")),
        "how many of those from one address, or 'none' for any number",
        live=True,
        rare=True,
    )
    # More than a person can follow, and enough for a bot.
    rooms_per_client: int = setting(
        100, whole("a limit on rooms"), "how many rooms a client may be in", live=True, rare=True
    )
    # Each room keeps up to 320 KiB of its log in memory.
    rooms: int = setting(
        5_000, whole("a limit on rooms"), "how many rooms there may be", live=True, rare=True
    )
    # A room with messages stays. Whoever could make all rooms would leave none to others, for good.
    # Rooms of earlier runs do not count.
    rooms_per_address: int | None = setting(
        500,
        or_none(whole("a limit on rooms")),
        "how many of those may be made from one address, or 'none' for any number",
        live=True,
        rare=True,
    )
    # Nobody types so fast; a file that is piped in is slowed to this.
    requests_per_second: float | None = setting(
        200.0,
        or_none(rate("a limit on requests")),
        "how many requests a client may make each second, in the long run, or 'none'",
        live=True,
        rare=True,
    )
    # A client that reconnects sends all requests again that had no reply.
    requests_burst: int = setting(
        2_000,
        whole("a limit on requests"),
        "how many requests a client may make at once",
        live=True,
        rare=True,
    )

    # Short enough to look immediate, long enough that 1,000 joins at once become a few events.
    presence_interval: float = setting(
        0.1,
        seconds("the time between two presence events"),
        "joins and leaves within this time are told as one event",
        live=True,
        rare=True,
    )

    # One thread saturates a core, and the kernel half of another.
    delivery_workers: int = setting(
        1, whole("a number of threads", 1, 64), "how many threads deliver", rare=True
    )

    @property
    def speaks_tls(self) -> bool:
        """Whether clients on the network speak TLS. It takes a restart to change that."""
        return self.tls or self.tls_cert is not None or self.tls_key is not None

    def taking_live(self, other: "Settings") -> "tuple[Settings, list[Setting], list[Setting]]":
        """Return what a server that runs with these makes of others, if it is not restarted.

        Returns:
            The settings from then on, which of them have changed, and which differ in `other` but
            count only after a restart.
        """
        changed = [
            each
            for each in SETTINGS.values()
            if getattr(self, each.field) != getattr(other, each.field)
        ]
        fixed = _OF_TLS if self.speaks_tls != other.speaks_tls else ()
        live = [each for each in changed if each.live and each.field not in fixed]
        new = replace(self, **{each.field: getattr(other, each.field) for each in live})
        return new, live, [each for each in changed if each not in live]

    def limits(self) -> dict[str, LimitValue]:
        """Return what `welcome` tells a client about the limits, by rule; None is no limit."""
        return {
            "frame": FRAME_LIMIT,
            "text": TEXT_LIMIT,
            "nick": NICK_LIMIT,
            "room": ROOM_LIMIT,
            "connections": self.connections,
            "connections_per_address": self.connections_per_address,
            "file": self.file_size * 1_000_000 if self.files else 0,
            "rooms_per_client": self.rooms_per_client,
            "rooms": self.rooms,
            "rooms_per_address": self.rooms_per_address,
            "requests_per_second": self.requests_per_second,
            "requests_burst": self.requests_burst,
            "hello_timeout": self.hello_timeout,
            "ping_interval": self.ping_interval,
            "patience": self.patience,
        }


def _definitions() -> dict[str, Setting]:
    found = {}
    for each in fields(Settings):
        definition = dict(each.metadata)
        name = definition.pop("name") or each.name
        found[name] = Setting(field=each.name, name=name, **definition)
    return found


class LiveSettings:
    """The settings that count at this moment: one object that is replaced as a whole.

    Any thread may read `now`, as often as it needs a setting that may change; whoever needs several
    that belong together reads it once. Only `Server.reload` replaces it.
    """

    __slots__ = ("now",)

    def __init__(self, settings: Settings) -> None:
        self.now = settings


SETTINGS = _definitions()
"""Every setting by the name that it has outside."""

LIFTED_LIMITS = ("connections_per_address", "rooms_per_address", "requests_per_second")
"""The limits that `no_limits` lifts, unless the place that sets it also sets them."""
