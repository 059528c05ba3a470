"""The market's rule book: commands, games, delivery and settlement, and the views that every answer shares.

Deterministic by construction: no clock, no randomness, no I/O, no float that decides anything. It runs wherever
a :class:`~energy_market_chaincode.stub.Stub` is offered: in the embedded ledger and behind a Fabric peer.

Other rooms use the names of ``__all__``, of which some are modules. They are loaded when they are first asked for:
whoever wants an amount in kWh does not wait for the rules.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from energy_market_chaincode import (
        block_views,
        certificate,
        errors,
        events,
        game,
        hops,
        market_views,
        units,
        views,
    )
    from energy_market_chaincode.canonical import MAX_NESTING, exact_json, read_exact_json, read_json, signed_bytes
    from energy_market_chaincode.commands import (
        COMMANDS,
        METERING_WINDOW_MS,
        MINUTE_MS,
        SLOT_MS,
        USUAL_FEED_IN_TARIFF,
        USUAL_RETAIL_TARIFF,
        CommandData,
        PublishGame,
        SetTariffs,
        TariffsFrom,
        piecewise,
    )
    from energy_market_chaincode.contract import EPOCH_KEY, EVENT_NAME, invoke
    from energy_market_chaincode.contracting import demand_deposit, offer_bond, usual_penalty
    from energy_market_chaincode.errors import (
        AlreadyRegistered,
        BadSignature,
        CommandExpired,
        CommandIdReused,
        GameArchived,
        GameExists,
        LedgerDiffers,
        LinesArchived,
        MalformedArguments,
        MalformedCommand,
        NotYourTurn,
        OperatorsOnly,
        Rejection,
        SlotOverlaps,
        SlotTaken,
        TopologyMissing,
        TurnOver,
        UnknownGame,
        UnknownProsumer,
        UnknownSigner,
        ValidTooLong,
        WrongPhase,
    )
    from energy_market_chaincode.game import Supply, bid_cost
    from energy_market_chaincode.identity import is_signed_by, public_key_from_text, public_key_text, sign
    from energy_market_chaincode.signed_commands import (
        Command,
        MalformedFields,
        parse_command,
        pass_on,
        read_command,
    )
    from energy_market_chaincode.stub import Sender, Stub
    from energy_market_chaincode.times import Instant, Time, duration_ms, iso, iso_time, milliseconds, moment
    from energy_market_chaincode.units import (
        ENERGY_DECIMALS,
        MAX_MONEY,
        PRICE_DECIMALS,
        Currency,
        CurrencyPerKwh,
        Energy,
        EnergyKwh,
        Fraction,
        Kwh,
        Money,
        MoneyCurrency,
        Price,
        PriceCurrencyPerKwh,
        ShareOfOne,
        SomeEnergy,
        SomePrice,
        TariffCurrencyPerKwh,
        money_from_currency,
        price_from_currency_per_kwh,
    )
    from energy_market_chaincode.views import FieldProblem, GameView, Receipt, Terms
    from energy_market_chaincode.vocabulary import (
        DECIDED,
        GRID_OPERATOR,
        NETWORK_OPERATOR,
        Identifier,
        LedgerId,
        Metering,
        Phase,
        Role,
        Status,
        StopReason,
        Topic,
        is_same_ledger,
    )

__all__ = [
    "COMMANDS",
    "DECIDED",
    "ENERGY_DECIMALS",
    "EPOCH_KEY",
    "EVENT_NAME",
    "GRID_OPERATOR",
    "MAX_MONEY",
    "MAX_NESTING",
    "METERING_WINDOW_MS",
    "MINUTE_MS",
    "NETWORK_OPERATOR",
    "PRICE_DECIMALS",
    "SLOT_MS",
    "USUAL_FEED_IN_TARIFF",
    "USUAL_RETAIL_TARIFF",
    "AlreadyRegistered",
    "BadSignature",
    "Command",
    "CommandData",
    "CommandExpired",
    "CommandIdReused",
    "Currency",
    "CurrencyPerKwh",
    "Energy",
    "EnergyKwh",
    "FieldProblem",
    "Fraction",
    "GameArchived",
    "GameExists",
    "GameView",
    "Identifier",
    "Instant",
    "Kwh",
    "LedgerDiffers",
    "LedgerId",
    "LinesArchived",
    "MalformedArguments",
    "MalformedCommand",
    "MalformedFields",
    "Metering",
    "Money",
    "MoneyCurrency",
    "NotYourTurn",
    "OperatorsOnly",
    "Phase",
    "Price",
    "PriceCurrencyPerKwh",
    "PublishGame",
    "Receipt",
    "Rejection",
    "Role",
    "Sender",
    "SetTariffs",
    "ShareOfOne",
    "SlotOverlaps",
    "SlotTaken",
    "SomeEnergy",
    "SomePrice",
    "Status",
    "StopReason",
    "Stub",
    "Supply",
    "TariffCurrencyPerKwh",
    "TariffsFrom",
    "Terms",
    "Time",
    "Topic",
    "TopologyMissing",
    "TurnOver",
    "UnknownGame",
    "UnknownProsumer",
    "UnknownSigner",
    "ValidTooLong",
    "WrongPhase",
    "bid_cost",
    "block_views",
    "certificate",
    "demand_deposit",
    "duration_ms",
    "errors",
    "events",
    "exact_json",
    "game",
    "hops",
    "invoke",
    "is_same_ledger",
    "is_signed_by",
    "iso",
    "iso_time",
    "market_views",
    "milliseconds",
    "moment",
    "money_from_currency",
    "offer_bond",
    "parse_command",
    "pass_on",
    "piecewise",
    "price_from_currency_per_kwh",
    "public_key_from_text",
    "public_key_text",
    "read_command",
    "read_exact_json",
    "read_json",
    "sign",
    "signed_bytes",
    "units",
    "usual_penalty",
    "views",
]
_MODULES = (
    "block_views",
    "certificate",
    "errors",
    "events",
    "game",
    "hops",
    "market_views",
    "market_views",
    "units",
    "views",
)
_SOURCES = (
    "units",
    "canonical",
    "errors",
    "stub",
    "vocabulary",
    "times",
    "views",
    "identity",
    "commands",
    "signed_commands",
    "game",
    "hops",
    "contracting",
    "contract",
)
"""Where the other names are from: what loads fast comes first."""


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name in __all__:
        for source in _SOURCES:
            module = import_module(f"{__name__}.{source}")
            if hasattr(module, name):
                return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
