"""Every method of the stub on real peers, of the release with batches and of the one without."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from fabric_network.launcher import Network
from ledger.fabric import gateway
from ledger.fabric.chaincode_server.execution import DEFECT
from ledger.fabric.gateway import (
    Checkpoint,
    ContractRefused,
    FabricProfile,
    GatewayClient,
    GatewayUnavailable,
    Invocation,
    TimeLimits,
)
from tests.fabric.examples import example_of

pytestmark = pytest.mark.fabric

Call = Callable[..., Invocation]


@pytest.fixture(params=["network", "older_network"], ids=["3.1", "2.5"])
def either_network(request: pytest.FixtureRequest) -> Network:
    found: Network = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def profile(either_network: Network) -> FabricProfile:
    return FabricProfile.read(either_network.profile())


async def asked(client: GatewayClient, invocation: Invocation) -> Any:
    return json.loads(await client.evaluate(invocation))


async def test_what_one_transaction_wrote_the_next_reads(client: GatewayClient, call: Call, unique: str) -> None:
    await client.transact(call("put", unique + "a", "1", unique + "b", "2", unique + "a", "3"))
    assert await asked(client, call("get_many", unique + "b", unique + "missing", unique + "a")) == ["2", None, "3"]
    await client.transact(call("delete", unique + "b", unique + "missing"))
    assert await asked(client, call("get_many", unique + "a", unique + "b")) == ["3", None]


async def test_a_transaction_does_not_see_its_own_writes(client: GatewayClient, call: Call, unique: str) -> None:
    first = await client.transact(call("own_write", unique, "new"))
    second = await client.transact(call("own_write", unique, "newer"))
    assert (json.loads(first.result), json.loads(second.result)) == ("nothing", "new")


async def test_more_writes_and_reads_than_fit_into_one_message_arrive(
    client: GatewayClient, call: Call, unique: str
) -> None:
    await client.transact(call("put_numbered", unique, "0", "2500"))
    assert await asked(client, call("count", unique)) == 2500
    assert await asked(client, call("get_numbered", unique, "0", "2501")) == sum(range(2500))


async def test_a_range_is_in_the_order_of_utf_8_and_keeps_to_its_prefix(
    client: GatewayClient, call: Call, unique: str
) -> None:
    keys = [unique + tail for tail in ("/", "/a", "/\ud7ff", "/\ue000", "/\U0001f600", "0", "")]
    await client.transact(call("put", *(word for key in keys for word in (key, "x"))))
    within = sorted((key for key in keys if key.startswith(unique + "/")), key=str.encode)
    assert [key for key, _ in await asked(client, call("range_of", unique + "/"))] == within


async def test_a_range_can_be_left_before_its_end(client: GatewayClient, call: Call, unique: str) -> None:
    await client.transact(call("put_numbered", unique, "0", "300"))
    assert await asked(client, call("first_then_get", unique)) == [f"{unique}000000", "0"]


async def test_pages_follow_one_another_by_their_bookmarks(client: GatewayClient, call: Call, unique: str) -> None:
    await client.transact(call("put_numbered", unique, "0", "7"))
    seen: list[str] = []
    bookmark = ""
    for size in (3, 3, 1):
        page = await asked(client, call("page", unique, unique + "~", "3", bookmark))
        assert len(page["keys"]) == size
        seen += page["keys"]
        bookmark = page["bookmark"]
    assert seen == [f"{unique}{number:06}" for number in range(7)]
    assert bookmark == ""


async def test_a_keys_history_holds_its_changes_and_its_deletion(
    client: GatewayClient, call: Call, unique: str
) -> None:
    done = [
        await client.transact(call("put", unique, "1")),
        await client.transact(call("put", unique, "2")),
        await client.transact(call("delete", unique)),
    ]
    history = await asked(client, call("history", unique))
    assert history == [[done[2].transaction_id, None], [done[1].transaction_id, "2"], [done[0].transaction_id, "1"]]


async def test_a_transactions_event_is_delivered(client: GatewayClient, call: Call, unique: str) -> None:
    done = await client.transact(call("announce", "tidings", unique))
    event = await anext(events_after(client, call, Checkpoint(done.block)))
    assert (event.block, event.transaction_id) == (done.block, done.transaction_id)
    assert (event.name, event.payload.decode()) == ("tidings", unique)


def events_after(client: GatewayClient, call: Call, after: Checkpoint) -> AsyncIterator[Any]:
    return client.chaincode_events(call("announce").chaincode, after)


async def test_the_contract_knows_who_sent_a_transaction(
    client: GatewayClient, call: Call, profile: FabricProfile
) -> None:
    done = await client.transact(call("own_write", "x", "y"))
    who = await asked(client, call("who"))
    assert (who["msp"], who["channel"]) == (profile.msp_id, profile.channel)
    assert "CN=" in who["subject"]
    assert who["transaction"] != done.transaction_id


async def test_transient_data_reach_the_contract_and_not_the_block(
    client: GatewayClient, call: Call, unique: str
) -> None:
    secret = f"secret of {unique}".encode()
    done = await client.transact(call("transient", hint=secret))
    assert list(json.loads(done.result)) == ["hint"]
    block = await client.block(done.block)
    assert all(secret not in arg for transaction in block.transactions for arg in transaction.args)


async def test_what_the_contract_refuses_is_told_apart_and_leaves_nothing(client: GatewayClient, call: Call) -> None:
    with pytest.raises(ContractRefused, match="not your turn") as refused:
        await client.transact(call("fail", "409", "not your turn"))
    assert refused.value.status == 409
    with pytest.raises(ContractRefused, match="not your turn"):
        await client.evaluate(call("fail", "400", "not your turn"))
    assert await asked(client, call("get_many", "failed")) == [None]


async def test_a_defect_of_the_contract_is_reported_without_what_it_was_about(
    client: GatewayClient, call: Call
) -> None:
    with pytest.raises(ContractRefused) as refused:
        await client.transact(call("defect", "s3cret"))
    assert (refused.value.status, refused.value.message) == (500, DEFECT)


async def test_what_the_peer_refuses_is_no_word_of_the_contract(profile: FabricProfile, call: Call) -> None:
    client = GatewayClient(profile, TimeLimits(transaction=0.5))
    try:
        with pytest.raises(GatewayUnavailable, match="paginat"):
            await client.transact(call("refused_by_the_peer"))
    finally:
        await client.close()


async def test_the_example_at_the_gateways_door_works(profile: FabricProfile, unique: str) -> None:
    assert await example_of(gateway, "keep")(profile, unique, "value") == b"value"


async def test_the_contract_sees_the_attributes_that_a_certificate_authority_wrote_into_a_certificate(
    either_network: Network, profile: FabricProfile, call: Call, tmp_path: Path
) -> None:
    """cryptogen writes none; so the organisation's own authority issues one more certificate."""
    owner = either_network.topology.organisations[0]
    authority = either_network.folder.organisation(owner) / "ca"
    certificate, key = issue_with_attributes(authority, tmp_path, {"role": "meter"})
    member = profile.model_copy(update={"client_certificate": certificate, "client_key": key})
    async with GatewayClient(member) as client:
        who = await asked(client, call("who"))
    assert (who["msp"], who["attributes"]) == (owner.msp_id, {"role": "meter"})


def issue_with_attributes(authority: Path, folder: Path, attributes: dict[str, str]) -> tuple[Path, Path]:
    """Have an organisation's certificate authority issue a client's certificate; return its file and its key's."""
    (ca_file,) = authority.glob("*-cert.pem")
    (ca_key_file,) = authority.glob("*_sk")
    ca = x509.load_pem_x509_certificate(ca_file.read_bytes())
    ca_key = load_pem_private_key(ca_key_file.read_bytes(), password=None)
    assert isinstance(ca_key, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "client"),
            x509.NameAttribute(NameOID.COMMON_NAME, "meter"),
        ]
    )
    written = x509.UnrecognizedExtension(
        x509.ObjectIdentifier("1.2.3.4.5.6.7.8.1"), json.dumps({"attrs": attributes}).encode()
    )
    issued = (
        x509.CertificateBuilder(ca.subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(ca.not_valid_before_utc)
        .not_valid_after(ca.not_valid_after_utc)
        .add_extension(written, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    certificate, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(issued.public_bytes(Encoding.PEM))
    key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return certificate, key_file
