"""Ask the market's contract a question with fabric-sdk-py; runs in the environment that requirements.txt describes.

Usage: ask.py PROFILE FUNCTION [ARGUMENT...], with a connection profile of ours; prints the contract's answer.
"""

import asyncio
import json
import logging
import sys
import tempfile
from pathlib import Path
from typing import Any

from hfc.fabric import Client  # type: ignore[import-not-found]  # not in our environment
from hfc.fabric.peer import Peer  # type: ignore[import-not-found]  # not in our environment
from hfc.fabric.user import create_user  # type: ignore[import-not-found]  # not in our environment
from hfc.util.keyvaluestore import FileKeyValueStore  # type: ignore[import-not-found]  # not in our environment


async def ask(folder: Path, profile: dict[str, Any], function: str, arguments: list[str]) -> str:
    """Ask the first gateway's peer of the profile that stands in a folder, as the profile's client."""
    gateway = profile["gateways"][0]
    with tempfile.TemporaryDirectory() as store:
        client = Client()
        client.new_channel(profile["channel"])
        user = create_user(
            name="client",
            org=profile["msp_id"],
            state_store=FileKeyValueStore(store),
            msp_id=profile["msp_id"],
            key_path=str(folder / profile["client_key"]),
            cert_path=str(folder / profile["client_certificate"]),
        )
        peer = Peer(endpoint=gateway["address"], tls_ca_cert_file=str(folder / gateway["tls_ca"]))
        answer: str = await client.chaincode_query(
            requestor=user,
            channel_name=profile["channel"],
            peers=[peer],
            fcn=function,
            args=arguments,
            cc_name=profile["chaincode"],
        )
        return answer


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    file, asked, *with_arguments = sys.argv[1:]
    print(asyncio.run(ask(Path(file).parent, json.loads(Path(file).read_text()), asked, with_arguments)))
