"""The commands of ``energy-market network`` and ``python -m fabric_network``."""

import re
import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict
from rich.console import Console
from rich.table import Table

from fabric_network.containers import START, ComposeNetwork, in_containers, leave_to_compose
from fabric_network.errors import UnusableTopology, plain_errors
from fabric_network.health import NetworkStatus, State
from fabric_network.launcher import Network
from fabric_network.programs import RELEASES
from fabric_network.setup import Operator, operator_of_key
from fabric_network.topology import Consensus
from market_files import DEFAULT_HOME

app = typer.Typer(
    help="A Hyperledger Fabric network: on this machine, or in the containers of docker compose.", no_args_is_help=True
)

_output = Console(width=None if sys.stdout.isatty() else 200)  # in a pipe nothing is to be cut off
_COLOURS = {State.HEALTHY: "green", State.UNHEALTHY: "yellow", State.STOPPED: "red"}

Home = Annotated[Path | None, typer.Option(help="The market's folder [env: ENERGY_MARKET_HOME].", show_default=False)]


class _Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="ENERGY_MARKET_")

    home: Path = DEFAULT_HOME
    operator: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$")] = "operator"
    operator_public_key: str | None = None

    def first_operator(self) -> Operator:
        """Return the operator whose public key is given, else the one whose key is in the folder of keys."""
        if self.operator_public_key is not None:
            return Operator(self.operator, self.operator_public_key)
        return operator_of_key(self.operator, self.home / "keys" / f"{self.operator}.pem")


@app.command()
def up(
    consensus: Annotated[Consensus | None, typer.Option(help="How the orderers agree [raft].")] = None,
    orderers: Annotated[int | None, typer.Option(help="How many orderers [3; 4 with bft].")] = None,
    batch_timeout: Annotated[
        str | None, typer.Option(help="When a block is cut after its first transaction, as 50ms or 2s [10ms].")
    ] = None,
    release: Annotated[str | None, typer.Option(help=f"Fabric's release: {', '.join(RELEASES)} [3.1].")] = None,
    base_port: Annotated[int | None, typer.Option(help="The first of the ports; 0: any that are free [7050].")] = None,
    home: Home = None,
) -> None:
    """Start the network, making it if there is none; what an option does not say is as it was."""
    with plain_errors():
        leave_to_compose(START)
        if consensus is Consensus.BFT and orderers is None:
            orderers = 4
        wishes = {
            "consensus": consensus,
            "nr_orderers": orderers,
            "batch_timeout_ms": None if batch_timeout is None else milliseconds(batch_timeout),
            "release_name": release,
            "base_port": base_port,
        }
        settings = _settings(home)
        named = {name: value for name, value in wishes.items() if value is not None}
        network = Network(settings.home)
        network.up(named, settings.first_operator(), _output.print)
        _output.print(f"connection profile: {network.profile()}", soft_wrap=True)


@app.command()
def down(home: Home = None) -> None:
    """Stop the network and keep its data."""
    with plain_errors():
        leave_to_compose("docker compose stop")
        Network(_settings(home).home).down()


@app.command()
def status(home: Home = None, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show every node; the exit code is 1 if one is not healthy."""
    with plain_errors():
        found = _network(home).status()
        if as_json:
            typer.echo(found.model_dump_json(indent=2))
        else:
            _print_status(found)
        if not found.is_healthy:
            raise typer.Exit(1)


@app.command()
def restart(node: Annotated[str, typer.Argument(help="The node's name, see status.")], home: Home = None) -> None:
    """Stop one node and start it again."""
    with plain_errors():
        leave_to_compose(f"docker compose restart {node}")
        Network(_settings(home).home).restart(node)


@app.command()
def upgrade(
    version: Annotated[str, typer.Argument(help="The name of the new version, for instance 1.1.")], home: Home = None
) -> None:
    """Replace the contract on the running market by the one that is installed here now."""
    with plain_errors():
        leave_to_compose(f"docker compose build; ENERGY_MARKET_CONTRACT_VERSION={version} {START}")
        settings = _settings(home)
        Network(settings.home).upgrade(version, settings.first_operator(), _output.print)


@app.command()
def wipe(home: Home = None, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Stop the network and delete it: its ledger, its keys, its logs."""
    with plain_errors():
        network = _network(home)
        if not yes:
            typer.confirm(f"Delete the ledger and all keys in {network.folder.root}?", abort=True)
        network.wipe()


def milliseconds(text: str) -> int:
    """Read a duration such as 50ms or 2s; raises UnusableTopology."""
    match = re.fullmatch(r"(\d{1,6})(ms|s)", text.strip())
    if match is None:
        raise UnusableTopology(f"{text!r} is no duration; write it as 50ms or 2s")
    return int(match[1]) * (1000 if match[2] == "s" else 1)


def _settings(home: Path | None) -> _Settings:
    return _Settings() if home is None else _Settings(home=home)


def _network(home: Path | None) -> Network | ComposeNetwork:
    settings = _settings(home)
    return ComposeNetwork(settings.home) if in_containers() else Network(settings.home)


def _print_status(found: NetworkStatus) -> None:
    topology = found.topology
    table = Table(header_style="dim")
    for column in ("node", "address", "pid", "blocks"):
        table.add_column(column, no_wrap=True)
    table.add_column("state", overflow="fold")
    for node in found.nodes:
        state = f"[{_COLOURS[node.state]}]{node.state}[/]" + (f" ({node.obstacle})" if node.obstacle else "")
        cells = (node.name, node.address, node.pid or "-", node.height or "-", state)
        table.add_row(*map(str, cells))
    _output.print(table)
    _output.print(
        f"Fabric {topology.release.version}, {topology.consensus}, blocks after {topology.batch_timeout_ms} ms, "
        f"channel {topology.channel}, contract {topology.chaincode} {topology.chaincode_version}"
    )
