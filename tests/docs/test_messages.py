"""The page of messages tells every reason for which the contract rejects a command."""

from energy_market_chaincode import Rejection, errors
from tests.docs.pages import ROOT, rows, section, spans

PAGE = (ROOT / "docs" / "reference" / "messages.md").read_text()
REJECTIONS = rows(section(PAGE, "## Rejections"))


def test_every_rejection_is_explained_once() -> None:
    told = [code for row in REJECTIONS for code in spans(row[0])]
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Rejection)]
    assert sorted(told) == sorted(kind.code for kind in kinds if kind is not Rejection)
    assert all(row[1] and row[2] for row in REJECTIONS)
