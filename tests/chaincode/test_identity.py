"""Which keys and signatures count: one rule, libsodium's, on honest ones and on the edges of RFC 8032."""

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from energy_market_chaincode.identity import is_signed_by, public_key_from_text, public_key_text
from tests.chaincode.conftest import Market

P = 2**255 - 19
D = -121665 * pow(121666, P - 2, P) % P
Point = tuple[int, int]


def add(a: Point, b: Point) -> Point:
    """Add two points of the curve, see RFC 8032, section 5.1.4."""
    (x1, y1), (x2, y2) = a, b
    product = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + product, P - 2, P) % P
    y = (y1 * y2 + x1 * x2) * pow(1 - product, P - 2, P) % P
    return x, y


def small_order_points() -> list[Point]:
    """All eight, as multiples of one of order 8."""
    y = 2707385501144840649318225287225658788936804267575313519463743609750303402022
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    points = [(0, 1)]
    for _ in range(7):
        points.append(add(points[-1], (x, y)))
    assert add(points[-1], (x, y)) == (0, 1)
    assert len(set(points)) == 8
    return points


def written() -> list[bytes]:
    """Each point as a key, with either sign of x, and with y beyond the prime where that fits."""
    ys = {y for _, y in small_order_points()}
    ys |= {y + P for y in ys if y + P < 2**255}
    return [(y | sign << 255).to_bytes(32, "little") for y in sorted(ys) for sign in (0, 1)]


@pytest.mark.parametrize("raw", written(), ids=bytes.hex)
async def test_a_key_for_which_anybody_can_sign_is_refused(market: Market, raw: bytes) -> None:
    text = base64.b64encode(raw).decode()
    with pytest.raises(ValueError, match="is"):
        public_key_from_text(text)
    assert not is_signed_by(b"anything", base64.b64encode(raw[:1] + bytes(63)).decode(), text)
    assert await market.rejection_of_form("registerProsumer", id="Z", publicKey=text) == "MALFORMED_COMMAND"


def test_an_ordinary_key_is_read(market: Market) -> None:
    assert public_key_from_text(market.public_key("P001"))


# -- signatures at the edges, made with the arithmetic of RFC 8032

L = 2**252 + 27742317777372353535851937790883648493
BASE_Y = 4 * pow(5, P - 2, P) % P


def x_of(y: int, sign: int) -> int:
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    return x if x & 1 == sign else P - x


def times(number: int, point: Point) -> Point:
    result = (0, 1)
    while number:
        if number & 1:
            result = add(result, point)
        point = add(point, point)
        number >>= 1
    return result


def spelt(point: Point) -> bytes:
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


BASE = (x_of(BASE_Y, 0), BASE_Y)
SECRET = 7_777_777_777
KEY = times(SECRET, BASE)
TORSION = next(p for p in small_order_points() if times(4, p) != (0, 1))


def challenge(r: bytes, key: bytes, message: bytes) -> int:
    return int.from_bytes(hashlib.sha512(r + key + message).digest(), "little") % L


def checked(r: bytes, s: int, message: bytes = b"said", key: bytes = spelt(KEY)) -> bool:
    signature = base64.b64encode(r + s.to_bytes(32, "little")).decode()
    return is_signed_by(message, signature, base64.b64encode(key).decode())


def honest(message: bytes = b"said") -> tuple[bytes, int]:
    r = spelt(times(99, BASE))
    return r, (99 + challenge(r, spelt(KEY), message) * SECRET) % L


def test_an_honest_signature_counts_and_a_changed_one_does_not() -> None:
    r, s = honest()
    assert checked(r, s)
    assert not checked(r, s, b"denied")
    assert not checked(r, (s + 1) % L)


@pytest.mark.parametrize("times_l", range(1, 16))
def test_s_beyond_the_groups_order_is_another_spelling_and_does_not_count(times_l: int) -> None:
    r, s = honest()
    if s + times_l * L < 2**256:
        assert not checked(r, s + times_l * L)


def test_r_of_small_order_does_not_count() -> None:
    for point in small_order_points():
        r = spelt(point)
        assert not checked(r, challenge(r, spelt(KEY), b"said") * SECRET % L)


def test_r_with_a_part_of_small_order_does_not_count() -> None:
    r = spelt(add(times(99, BASE), TORSION))
    assert not checked(r, (99 + challenge(r, spelt(KEY), b"said") * SECRET) % L)


def test_r_beyond_the_prime_does_not_count() -> None:
    for y in range(19):
        assert not checked((y + P).to_bytes(32, "little"), 1)


def test_a_key_with_a_part_of_small_order_is_none() -> None:
    mixed = spelt(add(KEY, TORSION))
    with pytest.raises(ValueError, match="anybody"):
        public_key_from_text(base64.b64encode(mixed).decode())
    r = spelt(times(99, BASE))
    assert not checked(r, (99 + challenge(r, mixed, b"said") * SECRET) % L, key=mixed)


@pytest.mark.parametrize("raw", [(y + P).to_bytes(32, "little") for y in range(19)] + [b"", bytes(31), bytes(33)])
def test_a_key_that_is_written_otherwise_is_none(raw: bytes) -> None:
    with pytest.raises(ValueError, match="is"):
        public_key_from_text(base64.b64encode(raw).decode())


@pytest.mark.parametrize("signature", ["", "AA==", "!", "A" * 86 + "=="])
def test_what_is_no_signature_does_not_count(signature: str) -> None:
    assert not is_signed_by(b"said", signature, base64.b64encode(spelt(KEY)).decode())


@given(st.binary(max_size=200), st.binary(min_size=32, max_size=32))
def test_what_is_signed_by_another_library_counts(message: bytes, seed: bytes) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    signature = base64.b64encode(key.sign(message)).decode()
    assert is_signed_by(message, signature, public_key_text(key.public_key()))
    assert not is_signed_by(message + b".", signature, public_key_text(key.public_key()))
