"""Rules of metering: meters are identities of their own; what they count is plausible, of a slot, and counted once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from energy_market_chaincode import errors, settlement
from energy_market_chaincode.commands import EnergyReading, PublishReadings, RegisterMeter, RegisterReading
from energy_market_chaincode.context import Context, rule
from energy_market_chaincode.market_views import CountedSlot, MeterEntered, ReadingsCounted, UncountedTime
from energy_market_chaincode.records import (
    Connection,
    Delivery,
    Game,
    Installed,
    MeteredMarket,
    MetersProsumer,
    Prosumer,
    RegisterState,
    Slot,
)
from energy_market_chaincode.times import iso_time, moment
from energy_market_chaincode.units import Energy, kwh
from energy_market_chaincode.vocabulary import GRID_OPERATOR, NETWORK_OPERATOR, Metering, Phase, Role

KEPT_REGISTERS_MS = 24 * 3600 * 1000
"""How far back from a meter's newest register its earlier ones are kept, for slots that end later."""


@rule
async def register_meter(context: Context, data: RegisterMeter) -> MeterEntered:
    """Enter a meter at a prosumer's connection, which has one meter at a time."""
    if data.id in (GRID_OPERATOR, NETWORK_OPERATOR):
        raise errors.ReservedName(id=data.id)
    if await context.exists(Prosumer, data.id):
        raise errors.ProsumerExists(id=data.id)
    owner = await context.find(Prosumer, data.prosumer)
    if owner is None or owner.role is Role.METER:
        raise errors.UnknownProsumer(id=data.prosumer)
    connection = await context.find(Connection, data.prosumer) or Connection(meters=[])
    present = connection.meters[-1].meter if connection.meters else None
    if present is not None and data.replaces is None:
        raise errors.MeterExists(prosumer=data.prosumer, meter=present)
    if data.replaces != present:
        raise errors.UnknownMeter(meter=data.replaces, prosumer=data.prosumer)
    meter = Prosumer(id=data.id, role=Role.METER, public_key=data.public_key, registered_at_ms=context.real_ms)
    context.save(meter, data.id)
    installed = Installed(
        meter=data.id, power=data.power_kw, modulus=data.register_modulus_kwh, since_ms=context.now_ms
    )
    context.save(Connection(meters=[*connection.meters, installed]), data.prosumer)
    context.save(MetersProsumer(prosumer=data.prosumer), data.id)
    context.save(MeteredMarket())
    return MeterEntered(meter=data.id, prosumer=data.prosumer, replaced=present)


@dataclass(frozen=True, slots=True)
class Counted:
    """What a meter counted in the slot of a game; ``field`` is where the command says so."""

    field: str
    game: Game
    reading: Delivery


@rule
async def publish_readings(context: Context, data: PublishReadings) -> ReadingsCounted:
    """Let readings count, or correct what was settled by earlier ones; all of them or none."""
    prosumer = (await context.load(MetersProsumer, context.signer)).prosumer
    connection = await context.load(Connection, prosumer)
    if connection.meters[-1].meter != context.signer:
        raise errors.MeterReplaced(meter=context.signer, by=connection.meters[-1].meter)
    uncounted: list[UncountedTime] = []
    if data.readings is not None:
        counted = await _of_slots(context, data.readings)
    else:
        counted, uncounted = await _of_registers(context, connection.meters[-1], data.registers or [])
    _require_plausible(connection, prosumer, counted)
    corrected = []
    for each in counted:
        is_settled = await _settles_anew(context, each.game)
        if await settlement.is_settling(context, each.game):
            await settlement.keep_reading(context, each.game, prosumer, each.reading)
        elif is_settled:
            game = await context.load(Game, each.game.id)
            await settlement.correct(context, game, {prosumer: each.reading}, len(counted))
            corrected.append(each.game.id)
        else:
            context.save(each.reading, each.game.id, prosumer)
    shown = [
        CountedSlot(game=each.game.id, in_energy=kwh(each.reading.in_energy), out_energy=kwh(each.reading.out_energy))
        for each in counted
    ]
    return ReadingsCounted(prosumer=prosumer, counted=shown, corrected=corrected, uncounted=uncounted)


async def _of_slots(context: Context, readings: Sequence[EnergyReading]) -> list[Counted]:
    """Return the readings of slots that meters count and that are over."""
    counted = []
    for place, (game, reading) in enumerate(zip(await context.games_of("readings", readings), readings, strict=True)):
        field, ends_ms = f"readings.{place}", game.delivery_ends_ms
        if game.parameters.metering is not Metering.METERS:
            raise errors.SelfMetered(game=game.id).at(field)
        if ends_ms is None or context.now_ms < ends_ms:
            ends = "a time that is not known yet" if ends_ms is None else iso_time(ends_ms)
            raise errors.SlotNotOver(game=game.id, ends=ends).at(field)
        counted.append(Counted(field, game, Delivery(in_energy=reading.in_energy, out_energy=reading.out_energy)))
    return counted


async def _settles_anew(context: Context, game: Game) -> bool:
    """Tell whether a slot is settled; refuse it where that is final."""
    if game.phase is not Phase.CLOSED:
        return False
    final_ms = game.final_ms or game.delivery_ends_ms or 0
    if context.now_ms >= final_ms:
        raise errors.SlotFinal(game=game.id, final=iso_time(final_ms))
    return True


async def _of_registers(
    context: Context, meter: Installed, said: Sequence[RegisterReading]
) -> tuple[list[Counted], list[UncountedTime]]:
    """Store registers; return the energy of slots that begin and end at one, and the times that are no slot's."""
    states = {int(at): state for at, state in (await context.load_named(RegisterState, meter.meter)).items()}
    for place, reading in enumerate(said):
        if reading.at > context.now_ms:
            raise errors.ReadingOfFuture(
                field=f"registers.{place}.at", at=iso_time(reading.at), now=iso_time(context.now_ms)
            )
        state = states.get(reading.at) or RegisterState()
        shown = (reading.in_register, reading.out_register)
        states[reading.at] = state.but(anew=shown) if reading.replaced else state.but(shown=shown)
    told = {reading.at for reading in said}
    counted, covered = [], set()
    for game in await _slots_starting_at(context, states):
        ends_ms = game.delivery_ends_ms or 0
        times = [at for at in sorted(states) if (game.delivery_starts_ms or 0) <= at <= ends_ms]
        energy = _between([states[at] for at in times], meter.modulus) if ends_ms in states else None
        if energy is None or not told & set(times):
            continue
        covered |= set(pairwise(times))
        field = f"registers.{max((i for i, each in enumerate(said) if each.at in times), default=0)}"
        counted.append(Counted(field, game, energy))
    newest = max(states)
    for at in told:
        context.save(states[at], meter.meter, str(at))
    for at in states:
        if at < newest - KEPT_REGISTERS_MS:
            context.delete(RegisterState, meter.meter, str(at))
    uncounted = [
        UncountedTime(begins=moment(one), ends=moment(other))
        for one, other in pairwise(sorted(states))
        if (one, other) not in covered and told & {one, other}
    ]
    return counted, uncounted


async def _slots_starting_at(context: Context, moments: Iterable[int]) -> list[Game]:
    """Return the metered games of slots that begin at one of some moments and are over, in the order of time."""
    slots = await context.find_each(Slot, names=[iso_time(at) for at in sorted(moments)])
    games = await context.find_each(Game, names=[slot.game for slot in slots if slot is not None])
    return [
        game
        for game in games
        if game is not None
        and game.has_slot_time
        and game.parameters.metering is Metering.METERS
        and context.now_ms >= (game.delivery_ends_ms or 0)
    ]


def _between(states: Sequence[RegisterState], modulus: Energy) -> Delivery | None:
    """Return what registers counted from the first state to the last one; None if a replacement hides it.

    A register that shows less than before began at zero again at its modulus.
    """
    taken = fed_in = 0
    for before, after in pairwise(states):
        baseline, shown = before.baseline, after.shown
        if baseline is None or shown is None:
            return None
        taken += (shown[0] - baseline[0]) % modulus
        fed_in += (shown[1] - baseline[1]) % modulus
    return Delivery(in_energy=Energy(taken), out_energy=Energy(fed_in))


def _require_plausible(connection: Connection, prosumer: str, counted: Sequence[Counted]) -> None:
    """Refuse readings of slots before the connection had a meter, and of more than its power gives in their time."""
    problems = []
    for each in counted:
        installed = connection.installed_at(each.game.delivery_starts_ms or 0)
        if installed is None:
            raise errors.NotRegistered(prosumer=prosumer, game=each.game.id, role="prosumer with a meter")
        limit = installed.limit(each.game.parameters.delivery_duration_ms)
        problems += [
            f"{each.field}.{name} of game {each.game.id} is {kwh(energy)} kWh, "
            f"and {kwh(installed.power)} kW give at most {kwh(limit)} kWh in its slot"
            for name, energy in (("inEnergy", each.reading.in_energy), ("outEnergy", each.reading.out_energy))
            if energy > limit
        ]
    if problems:
        raise errors.ImplausibleReading(problems="; ".join(problems[:10]))
