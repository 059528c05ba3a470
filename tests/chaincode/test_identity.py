"""Keys that bind nobody are no keys: the curve's points of small order, however they are written."""

import base64

import pytest

from energy_market_chaincode.identity import is_signed_by, public_key_from_text
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
