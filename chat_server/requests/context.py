"""The parts of a server that a connection works with."""

from typing import NamedTuple

from chat_server.delivery.catch_up import CatchUp
from chat_server.delivery.counters import Meters
from chat_server.delivery.fair_queue import Turns
from chat_server.delivery.fanout import Delivery
from chat_server.delivery.page_cache import Pages
from chat_server.identity.accounts import Accounts
from chat_server.identity.admission import Admission
from chat_server.identity.authentication import Proofs
from chat_server.identity.people_store import PeopleStore
from chat_server.moderation.bans import Sanctions
from chat_server.moderation.people_actions import ActsOnPeople
from chat_server.moderation.permissions import Checks
from chat_server.moderation.raised_hands import Hands
from chat_server.moderation.room_actions import ActsOnRooms
from chat_server.rooms.directory import Rooms
from chat_server.rooms.registry import Registry
from chat_server.runtime.clock import Clock
from chat_server.runtime.settings import LiveSettings, Settings
from chat_server.runtime.timers import Timers
from chat_server.storage.sqlite_log import Store


class Parts(NamedTuple):
    """What the server puts together once, and every connection uses."""

    live_settings: LiveSettings
    admission: Admission
    clock: Clock
    timers: Timers
    store: Store
    people: PeopleStore
    accounts: Accounts
    proofs: Proofs
    registry: Registry
    rooms: Rooms
    sanctions: Sanctions
    checks: Checks
    hands: Hands
    acts_on_people: ActsOnPeople
    acts_on_rooms: ActsOnRooms
    delivery: Delivery
    pages: Pages
    catch_up: CatchUp
    turns: Turns
    meters: Meters

    @property
    def settings(self) -> Settings:
        """The settings that count at this moment: to be read where they are used."""
        return self.live_settings.now
