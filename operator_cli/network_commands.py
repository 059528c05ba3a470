"""``energy-market network``: a Hyperledger Fabric network, on this machine or in containers."""

import re
from pathlib import Path
from typing import Annotated

import typer

from fabric_network import (
    RELEASES,
    START,
    Consensus,
    Network,
    UnusableTopology,
    leave_to_compose,
)
from operator_cli.own_network import first_operator, network_of
from operator_cli.settings import OperatorSettings
from operator_cli.voice import AsJson, ExitCode, voice

app = typer.Typer(help="A Hyperledger Fabric network, on this machine or in containers.", no_args_is_help=True)

Home = Annotated[Path | None, typer.Option(help="The market's folder [env: ENERGY_MARKET_HOME].", show_default=False)]


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
    json: AsJson = False,
) -> None:
    """Start the network, making it if there is none; what an option does not say is as it was."""
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
    settings = OperatorSettings.read(home=home)
    named = {name: value for name, value in wishes.items() if value is not None}
    network = Network(settings.home)
    network.up(named, first_operator(settings), voice.progress)
    voice.done({"profile": str(network.profile())}, f"connection profile: {network.profile()}")


@app.command()
def down(home: Home = None, json: AsJson = False) -> None:
    """Stop the network and keep its data."""
    leave_to_compose("docker compose stop")
    Network(OperatorSettings.read(home=home).home).down()
    voice.done({"stopped": True}, "the network is stopped")


@app.command()
def status(home: Home = None, json: AsJson = False) -> None:
    """Show every node; the exit code is 1 if one is not healthy."""
    found = network_of(OperatorSettings.read(home=home)).status()
    if json:
        voice.line(found.model_dump_json(indent=2))
    else:
        rows = [{**node.model_dump(), "pid": node.pid, "blocks": node.height} for node in found.nodes]
        voice.rows(rows, ("name", "address", "pid", "blocks", "state", "obstacle"))
        topology = found.topology
        voice.progress(
            f"Fabric {topology.release.version}, {topology.consensus}, blocks after {topology.batch_timeout_ms} ms, "
            f"channel {topology.channel}, contract {topology.chaincode} {found.contract_version or 'not known'}"
        )
        if found.obstacle:
            voice.progress(found.obstacle)
    if not found.is_healthy:
        raise typer.Exit(ExitCode.FAILED)


@app.command()
def restart(
    node: Annotated[str, typer.Argument(help="The node's name, see status.")], home: Home = None, json: AsJson = False
) -> None:
    """Stop one node and start it again."""
    leave_to_compose(f"docker compose restart {node}")
    Network(OperatorSettings.read(home=home).home).restart(node)
    voice.done({"restarted": node}, f"{node} was started again")


@app.command()
def upgrade(
    version: Annotated[str, typer.Argument(help="The name of the new version, for instance 1.1.")],
    home: Home = None,
    json: AsJson = False,
) -> None:
    """Replace the contract on the running market by the one that is installed here now."""
    leave_to_compose(f"docker compose build; ENERGY_MARKET_CONTRACT_VERSION={version} {START}")
    settings = OperatorSettings.read(home=home)
    Network(settings.home).upgrade(version, first_operator(settings), voice.progress)
    voice.done({"version": version}, f"the contract is {version}")


@app.command()
def wipe(
    home: Home = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: AsJson = False,
) -> None:
    """Stop the network and delete it: its ledger, its keys, its logs."""
    network = network_of(OperatorSettings.read(home=home))
    voice.confirm(f"This will delete the ledger and all keys in {network.folder.root}.", yes)
    network.wipe()
    voice.done({"deleted": str(network.folder.root)}, f"{network.folder.root} is deleted")


def milliseconds(text: str) -> int:
    """Read a duration such as 50ms or 2s; raises UnusableTopology."""
    match = re.fullmatch(r"(\d{1,6})(ms|s)", text.strip())
    if match is None:
        raise UnusableTopology(f"{text!r} is no duration; write it as 50ms or 2s")
    return int(match[1]) * (1000 if match[2] == "s" else 1)
