"""As whom a client signs."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from energy_market_chaincode import MalformedCommand, Rejection, UnknownGame, errors
from energy_market_chaincode.errors import DemandExceeded
from ledger.fabric.contract import read_rejection, rejection_text
from ledger.fabric.gateway import IdentityExpired, SigningIdentity, UnusableIdentity, channel_blocks
from ledger.fabric.gateway.identity import _GROUP_ORDER


@pytest.fixture(scope="module")
def files(tls_files: Any) -> tuple[Path, Path]:
    key, certificate = tls_files.issue("client")
    return certificate, key


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(message=st.binary(max_size=100))
def test_signatures_verify_and_have_the_lower_s(files: tuple[Path, Path], message: bytes) -> None:
    signature = SigningIdentity.read("Org1MSP", *files).sign(message)
    _, s = decode_dss_signature(signature)
    assert s <= _GROUP_ORDER // 2
    public = x509.load_pem_x509_certificate(files[0].read_bytes()).public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    public.verify(signature, message, ec.ECDSA(hashes.SHA256()))


def test_every_transaction_gets_an_id_of_its_own(files: tuple[Path, Path]) -> None:
    identity = SigningIdentity.read("Org1MSP", *files)
    names = [identity.name_transaction() for _ in range(100)]
    assert len({name.id for name in names}) == 100
    assert all(len(name.id) == 64 for name in names)


def test_a_key_of_someone_else_is_refused(files: tuple[Path, Path], tls_files: Any) -> None:
    other_key, _ = tls_files.issue("other")
    with pytest.raises(UnusableIdentity, match="does not belong"):
        SigningIdentity.read("Org1MSP", files[0], other_key)


def test_with_an_expired_certificate_nothing_is_signed(tls_files: Any) -> None:
    key, certificate = tls_files.issue("late", until=datetime.now(UTC) - timedelta(minutes=1))
    with pytest.raises(IdentityExpired, match="have it renewed"):
        SigningIdentity.read("Org1MSP", certificate, key).sign(b"anything")


@pytest.mark.parametrize("kind", ["rsa", "text", "missing"])
def test_a_key_that_fabric_does_not_take_is_refused(files: tuple[Path, Path], tmp_path: Path, kind: str) -> None:
    file = tmp_path / "key.pem"
    if kind == "rsa":
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    elif kind == "text":
        file.write_text("not a key")
    with pytest.raises(UnusableIdentity):
        SigningIdentity.read("Org1MSP", files[0], file)


@pytest.mark.parametrize(
    "rejection",
    [UnknownGame(game="Game-1"), DemandExceeded(total=1, demand=2, prosumer="P1"), MalformedCommand(problems="{x}")],
    ids=lambda rejection: rejection.code,
)
def test_a_rejection_comes_back_as_it_was(rejection: Rejection) -> None:
    back = read_rejection(rejection_text(rejection))
    assert type(back) is type(rejection)
    assert (back.code, back.message) == (rejection.code, rejection.message)


@pytest.mark.parametrize("text", ["", "not JSON", "[]", '{"code": "NO_SUCH_CODE", "message": "x"}', '{"code": 1}'])
def test_what_is_no_rejection_is_not_taken_for_one(text: str) -> None:
    assert read_rejection(text) is None


def test_every_rejection_of_the_catalogue_comes_back_under_its_code() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Rejection)]
    for kind in kinds:
        if kind is not Rejection:
            back = read_rejection(f'{{"code": "{kind.code}", "message": "why"}}')
            assert (back and back.code, back and back.message) == (kind.code, "why")


@given(one=st.integers(1, 2**70), other=st.integers(1, 2**900))
def test_the_der_of_a_block_header_is_that_of_everyone_else(one: int, other: int) -> None:
    content = channel_blocks._der_integer(one) + channel_blocks._der_integer(other)
    assert channel_blocks._der(0x30, content) == encode_dss_signature(one, other)
