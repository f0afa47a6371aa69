"""Parts without a field of their own keep their place, through the canonical form and back."""

import pytest
from cxml_validity import is_valid
from golden import FIXTURES

from protocols import xml
from protocols.cxml import order_request
from protocols.cxml.documents import receive
from protocols.cxml.verbatim import put_back
from schemas.base import from_json, to_json
from schemas.faults import Findings, Unwritable
from schemas.order import Order
from schemas.party import Verbatim

WHOLE = (FIXTURES / "cxml/order_request/every_part_that_has_a_field.xml").read_bytes()
INDUSTRY = """<ItemOutIndustry planningType="MTO"><ReferenceDocumentInfo lineNumber="7"/><Priority level="1"/>\
</ItemOutIndustry>"""


def element(markup: str) -> xml.Element:
    return xml.parse(markup.encode(), Findings())


def test_industry_blocks_reach_the_erp_unchanged_and_go_back() -> None:
    body = WHOLE.decode().replace("<ItemOutIndustry>", INDUSTRY + "<ItemOutIndustry>", 1)
    received = receive(body.encode())
    document = received.document
    assert isinstance(document, Order)
    again = from_json(to_json(document), Order)
    kept = {part.at: part.content for part in again.lines[0].verbatim}
    assert kept["ItemOutIndustry[1]"] == INDUSTRY
    assert "SPRING" in kept["ItemOutIndustry[2]"]


def test_what_was_kept_stands_in_the_order_of_the_dtd_again() -> None:
    received = receive(WHOLE)
    assert isinstance(received.document, Order)
    body = order_request.write(received.document, received.envelope)
    is_valid(body)
    root = xml.parse(body, Findings())
    (control,) = root.iter("ControlKeys")
    previous = control.getprevious()
    assert previous is not None
    assert previous.tag == "Followup"
    for path in ("ShipTo/CarrierIdentifier", "ItemDetail/Dimension", "ItemOutIndustry/ItemOutRetail/PromotionDealID"):
        assert root.find(f".//ItemOut/{path}") is not None
    assert root.find(".//ItemOut").get("itemClassification") == "material"  # type: ignore[union-attr]
    assert root.find(".//TaxDetail").get("isVatRecoverable") == "yes"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("owner", "at", "content", "expected"),
    [
        (
            "<ItemOut><ItemID/><Comments/></ItemOut>",
            "ShipTo",
            "<ShipTo/>",
            "<ItemOut><ItemID/><ShipTo/><Comments/></ItemOut>",
        ),
        ("<ItemOut/>", "Batch", "<Batch/>", "<ItemOut><Batch/></ItemOut>"),
        ("<ItemOut/>", "@isKanban", "yes", '<ItemOut isKanban="yes"/>'),
        ('<ItemOut operation="delete"/>', "@operation", "block", '<ItemOut operation="delete"/>'),
        ("<ItemOut/>", "@invented", "1", "<ItemOut/>"),
        ("<ItemOut/>", "Invented", "<Invented/>", "<ItemOut/>"),
        (
            "<ItemOut><Contact/><Contact/></ItemOut>",
            "Contact[2]/@addressID",
            "7",
            '<ItemOut><Contact/><Contact addressID="7"/></ItemOut>',
        ),
    ],
)
def test_parts_go_to_their_place(owner: str, at: str, content: str, expected: str) -> None:
    made = element(owner)
    put_back(made, (Verbatim(at=at, content=content),))
    assert xml.outer(made) == expected


@pytest.mark.parametrize(
    ("at", "content", "code"),
    [
        ("Contact/Email", "<Email/>", "verbatim.no_place"),
        ("Contact[0]/Email", "<Email/>", "verbatim.no_place"),
        ("../Email", "<Email/>", "verbatim.no_place"),
        ("ShipTo", "<ShipTo>", "verbatim.broken"),
        ("ShipTo", "", "verbatim.broken"),
        ("ShipTo", '<!DOCTYPE x [<!ENTITY a "b">]><ShipTo/>', "verbatim.broken"),
    ],
)
def test_a_part_without_a_place_or_a_sound_content_is_not_written(at: str, content: str, code: str) -> None:
    with pytest.raises(Unwritable) as error:
        put_back(element("<ItemOut/>"), (Verbatim(at=at, content=content),))
    assert [fault.code for fault in error.value.faults] == [code]


def test_card_numbers_and_secrets_are_not_kept() -> None:
    card = '<PCard number="4111111111111111" expiration="2028-01"/>'
    path = (
        '<Path><Node type="copy"><Credential domain="d"><Identity>i</Identity>'
        "<SharedSecret><b>canary</b></SharedSecret></Credential></Node></Path>"
    )
    body = (
        WHOLE.decode()
        .replace("<ItemDetail>", f"{path}<ItemDetail>", 1)
        .replace("<ItemOutIndustry>", card + "<ItemOutIndustry>", 1)
    )
    received = receive(body.encode())
    assert isinstance(received.document, Order)
    told = to_json(received.document).decode() + str(received.findings)
    assert "41111111" not in told
    assert "canary" not in told
    assert '<PCard number=\\"1111\\"' in told
    assert "<SharedSecret>***</SharedSecret>" in told
