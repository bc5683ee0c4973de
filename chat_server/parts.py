"""The parts of a server that a connection works with."""

from typing import NamedTuple

from chat_server.catch_up import CatchUp
from chat_server.clock import Clock
from chat_server.delivery import Delivery
from chat_server.history.store import Store
from chat_server.pages import Pages
from chat_server.registry import Registry
from chat_server.settings import Settings
from chat_server.timers import Timers


class Parts(NamedTuple):
    """What the server puts together once, and every connection uses."""

    settings: Settings
    clock: Clock
    timers: Timers
    store: Store
    registry: Registry
    delivery: Delivery
    pages: Pages
    catch_up: CatchUp
