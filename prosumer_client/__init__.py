"""The library that a buyer, a seller, a meter, the clock or an operator's tool is written with.

Examples
--------
>>> async with MarketClient("http://127.0.0.1:8080", Identity.load("P003", keys)) as market:
...     await Buyer(market, demand="28").run()
"""

from energy_market_chaincode import GameView, Receipt, Terms
from prosumer_client.amounts import UnusableDecision, round_kwh, round_price
from prosumer_client.client import MarketClient
from prosumer_client.clock import ClockClient, ClockTopic
from prosumer_client.connection import Patience, is_local
from prosumer_client.errors import (
    AnotherLedger,
    CommandRejected,
    KeyFileError,
    MarketError,
    MarketUnavailable,
    OutcomePending,
    RequestRefused,
    UnexpectedAnswer,
    UnusableValue,
)
from prosumer_client.events import FROM_NOW, MarketEvent
from prosumer_client.household import Forecast, Household
from prosumer_client.identity import (
    Identity,
    SignedCommand,
    create_key,
    key_file,
    load_key,
    load_or_create_key,
    repeatable_id,
    store_key,
    usual_end,
)
from prosumer_client.last_blocks import LOOK_BACK, latest_time
from prosumer_client.meter import Contracted, ContractReader, Meter, Reading
from prosumer_client.meter_file import (
    FileLayout,
    Finding,
    MeteredSlot,
    MeterSeries,
    Stamp,
    Trouble,
    Unit,
    UnusableMeterFile,
    Values,
    read_meter_file,
)
from prosumer_client.optimizer import Optimizer
from prosumer_client.participant import LISTENING, Participant, run_together
from prosumer_client.profile import Battery, Profile, ShiftableLoad, Use, flows_of, read_profiles
from prosumer_client.roster import Roster
from prosumer_client.running import run_to_end
from prosumer_client.traders import Buyer, Demand, Offer, Seller
from prosumer_client.turn import Bid, SellerView, Turn

__all__ = [
    "FROM_NOW",
    "LISTENING",
    "LOOK_BACK",
    "AnotherLedger",
    "Battery",
    "Bid",
    "Buyer",
    "ClockClient",
    "ClockTopic",
    "CommandRejected",
    "ContractReader",
    "Contracted",
    "Demand",
    "FileLayout",
    "Finding",
    "Forecast",
    "GameView",
    "Household",
    "Identity",
    "KeyFileError",
    "MarketClient",
    "MarketError",
    "MarketEvent",
    "MarketUnavailable",
    "Meter",
    "MeterSeries",
    "MeteredSlot",
    "Offer",
    "Optimizer",
    "OutcomePending",
    "Participant",
    "Patience",
    "Profile",
    "Reading",
    "Receipt",
    "RequestRefused",
    "Roster",
    "Seller",
    "SellerView",
    "ShiftableLoad",
    "SignedCommand",
    "Stamp",
    "Terms",
    "Trouble",
    "Turn",
    "UnexpectedAnswer",
    "Unit",
    "UnusableDecision",
    "UnusableMeterFile",
    "UnusableValue",
    "Use",
    "Values",
    "create_key",
    "flows_of",
    "is_local",
    "key_file",
    "latest_time",
    "load_key",
    "load_or_create_key",
    "read_meter_file",
    "read_profiles",
    "repeatable_id",
    "round_kwh",
    "round_price",
    "run_to_end",
    "run_together",
    "store_key",
    "usual_end",
]
