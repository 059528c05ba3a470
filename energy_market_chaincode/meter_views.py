"""What the market answers about meters and slots: balances, and what became of readings; lines are on statements."""

from energy_market_chaincode.amounts import Kw, Kwh
from energy_market_chaincode.times import Time
from energy_market_chaincode.view import View
from energy_market_chaincode.vocabulary import Metering


class MeterEntered(View):
    """Of registerMeter: at whose connection, and in which meter's place."""

    meter: str
    prosumer: str
    replaced: str | None


class CountedSlot(View):
    """What a meter counted in the slot of a game."""

    game: str
    in_energy: Kwh
    out_energy: Kwh


class UncountedTime(View):
    """A time between two registers that is no slot's, or not a whole one's."""

    begins: Time
    ends: Time


class ReadingsCounted(View):
    """Of publishReadings: of which slots they count, which games were settled anew, what times are no slot's."""

    prosumer: str
    counted: list[CountedSlot]
    corrected: list[str]
    uncounted: list[UncountedTime]


class MeterView(View):
    """A meter in service at a prosumer's connection."""

    meter: str
    prosumer: str
    public_key: str
    power_kw: Kw
    register_modulus_kwh: Kwh
    since: Time
    replaced: list[str]


class Meters(View):
    """The meters in service, by their prosumers."""

    meters: list[MeterView]


class SlotBalance(View):
    """A feeder's balance of a slot, to be held against the meter of the transformer: who tampers makes it differ.

    Attributes
    ----------
    metered_in, metered_out
        What the meters that reported counted.
    presumed_in
        What the silent ones are presumed to have taken, once it is settled.
    contracted
        What was traded.
    net_in
        What the feeder must have drawn from the network beyond, if all meters say the truth; below zero it fed in.
    reported, silent
        How many meters reported, and who did not.
    """

    game: str
    metering: Metering
    metered_in: Kwh
    metered_out: Kwh
    presumed_in: Kwh
    contracted: Kwh
    net_in: Kwh
    reported: int
    silent: list[str]
