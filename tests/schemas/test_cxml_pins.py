"""What must not be sent to a partner pinned to an older cXML version, and from which version on it may."""

import pytest
from lxml import etree

from schemas import wire

MONEY = "<Money currency='EUR'>1</Money>"
TAX = "<TaxDetail category='vat'{}><TaxAmount>" + MONEY + "</TaxAmount>{}</TaxDetail>"

CASES = [
    ("<PriceBasisQuantity/>", "1.2.050", "PriceBasisQuantity"),
    ("<ItemID><BuyerPartID/></ItemID>", "1.2.050", "BuyerPartID"),
    *(
        (f"<{parent}><IdReference/></{parent}>", "1.2.050", "IdReference")
        for parent in ("ItemID", "ShipTo", "BillTo", "Contact")
    ),
    *(
        (f"<{parent}><Extrinsic/></{parent}>", "1.2.050", "Extrinsic")
        for parent in ("PostalAddress", "Contact", "ItemIn", "PaymentTerm", "StatusUpdateRequest", "TaxDetail")
    ),
    ("<Dimension/>", "1.2.050", "Dimension"),
    ("<AttachmentReference/>", "1.2.050", "AttachmentReference"),
    ("<Classification code='1'/>", "1.2.050", "@code"),
    ("<Description type='long'/>", "1.2.050", "@type"),
    ("<Comments type='long'/>", "1.2.050", "@type"),
    ("<Address addressIDDomain='x'/>", "1.2.050", "@addressIDDomain"),
    ("<Contact addressIDDomain='x'/>", "1.2.050", "@addressIDDomain"),
    ("<Municipality/>", "1.2.050", "Municipality"),
    ("<Total><Modifications/></Total>", "1.2.050", "Modifications"),
    *(
        (f"<ItemIn><{child}/></ItemIn>", "1.2.050", child)
        for child in ("Distribution", "Contact", "Comments", "ScheduleLine")
    ),
    ("<OrderRequestHeader><Comments/><Comments/></OrderRequestHeader>", "1.2.050", "Comments[2]"),
    ("<ItemOut><Comments/><Comments/></ItemOut>", "1.2.050", "Comments[2]"),
    ("<BusinessPartner/>", "1.2.050", "BusinessPartner"),
    ("<OrderRequestHeader><TermsOfDelivery/></OrderRequestHeader>", "1.2.050", "TermsOfDelivery"),
    ("<ControlKeys/>", "1.2.050", "ControlKeys"),
    ("<Tolerances/>", "1.2.050", "Tolerances"),
    ("<ItemOut itemType='item'/>", "1.2.050", "@itemType"),
    ("<ItemIn parentLineNumber='1'/>", "1.2.050", "@parentLineNumber"),
    ("<DocumentStatus/>", "1.2.050", "DocumentStatus"),
    (TAX.format(" exemptDetail='exempt'", ""), "1.2.050", "@exemptDetail"),
    (TAX.format(" taxRateType='a'", ""), "1.2.050", "@taxRateType"),
    *(
        (TAX.format("", f"<{child}/>"), "1.2.050", child)
        for child in ("TaxAdjustmentAmount", "TaxRegime", "TaxExemption")
    ),
    ("<InvoiceDetailRequestHeader purpose='lineLevelDebitMemo'/>", "1.2.050", "@purpose"),
    ("<InvoiceDetailRequestHeader isERS='yes'/>", "1.2.050", "@isERS"),
    ("<InvoiceDetailRequestHeader><IdReference/></InvoiceDetailRequestHeader>", "1.2.050", "IdReference"),
    ("<InvoiceDetailRequestHeader><ShipNoticeIDInfo/></InvoiceDetailRequestHeader>", "1.2.050", "ShipNoticeIDInfo"),
    ("<InvoiceDetailReceiptInfo/>", "1.2.050", "InvoiceDetailReceiptInfo"),
    ("<InvoiceDetailItem><ShipNoticeLineItemReference/></InvoiceDetailItem>", "1.2.050", "ShipNoticeLineItemReference"),
    ("<TotalAllowances/>", "1.2.050", "TotalAllowances"),
    ("<InvoiceDetailItemReference><Classification/></InvoiceDetailItemReference>", "1.2.050", "Classification"),
    ("<InvoiceDetailItem reason='return'/>", "1.2.050", "@reason"),
    ("<InvoiceDetailServiceItem isAdHoc='yes'/>", "1.2.050", "@isAdHoc"),
    ("<InvoiceDetailLineIndicator isPriceAdjustmentInLine='yes'/>", "1.2.050", "@isPriceAdjustmentInLine"),
    (
        "<InvoiceDetailShipping><ShipmentIdentifier/><ShipmentIdentifier/></InvoiceDetailShipping>",
        "1.2.050",
        "ShipmentIdentifier[2]",
    ),
    ("<ItemOut operation='delete'/>", "1.2.054", "@operation"),
    ("<Indicator/>", "1.2.054", "Indicator"),
    ("<ConfirmationHeader incoTerms='dap'/>", "1.2.064", "@incoTerms"),
    ("<ConfirmationHeader incoTerms='dpu'/>", "1.2.064", "@incoTerms"),
    ("<Correspondent/>", "1.2.020", "Correspondent"),
    ("<BlanketItemDetail/>", "1.2.020", "BlanketItemDetail"),
    ("<OrderRequestHeader orderType='blanket'/>", "1.2.020", "@orderType"),
    ("<OrderRequestHeader effectiveDate='d'/>", "1.2.020", "@effectiveDate"),
]


def places(text: str, version: str) -> list[str]:
    return [d.at for d in wire.check_pin(etree.fromstring(f"<cXML>{text}</cXML>"), version)]


def just_before(version: str) -> str:
    major, minor, patch = version.split(".")
    return f"{major}.{minor}.{int(patch) - 1:03}"


@pytest.mark.parametrize(("text", "since", "place"), CASES, ids=[f"{place}:{text[:30]}" for text, _, place in CASES])
def test_a_construct_is_refused_before_the_version_that_brought_it(text: str, since: str, place: str) -> None:
    assert [at for at in places(text, just_before(since)) if at.endswith(f"/{place}")]
    assert places(text, since) == []


@pytest.mark.parametrize(
    "text",
    [
        "<ItemOut><Comments/><Distribution/><Contact/></ItemOut>",
        "<ShipNoticeHeader><Comments/><Comments/><IdReference/></ShipNoticeHeader>",
        "<OrderRequestHeader orderType='release' type='update'><Extrinsic name='a'/><Comments/></OrderRequestHeader>",
        "<ConfirmationHeader incoTerms='dap'/>".replace("dap", "exw"),
        "<ReceiptRequestHeader><ShipNoticeIDInfo/></ReceiptRequestHeader>",
        "<InvoiceDetailRequestHeader purpose='creditMemo' operation='new'/>",
        "<TaxDetail purpose='tax' category='vat'><TaxableAmount/><TaxAmount/><TaxLocation/></TaxDetail>",
    ],
)
def test_what_the_oldest_pin_had_may_be_sent(text: str) -> None:
    assert places(text, "1.2.014") == []


@pytest.mark.parametrize(
    ("pin", "counts_as"),
    [("1.2.008", "1.2.014"), ("1.2.019", "1.2.014"), ("1.2.036", "1.2.020"), ("1.2.049", "1.2.020")],
)
def test_a_pin_between_known_versions_counts_as_the_older_one(pin: str, counts_as: str) -> None:
    everything = "".join(text for text, _, _ in CASES)
    assert places(everything, pin) == places(everything, counts_as)


def test_the_newest_version_takes_everything() -> None:
    assert places("".join(text for text, _, _ in CASES), "1.2.071") == []


def test_a_deviation_says_what_the_version_lacks() -> None:
    root = etree.fromstring("<ShipTo>\n<IdReference/></ShipTo>")
    (deviation,) = wire.check_pin(root, "1.2.020")
    assert (deviation.at, deviation.line, deviation.message) == (
        "/ShipTo/IdReference",
        2,
        "cXML 1.2.020 has no IdReference in ShipTo",
    )


@pytest.mark.parametrize("version", ["latest", "", "1.2.x", "1", "1.2.020\n"])
def test_a_pin_is_a_version_number(version: str) -> None:
    with pytest.raises(ValueError, match="not a cXML version"):
        wire.check_pin(etree.fromstring("<cXML/>"), version)


def test_every_name_in_the_pins_is_one_of_the_table() -> None:
    names = {name for dtd in wire.CXML_DTDS for name in wire.cxml_models(dtd)}
    attributes = {(n, a) for dtd in wire.CXML_DTDS for n, m in wire.cxml_models(dtd).items() for a in m.attributes}
    rules = wire.pin_rules("1.2.001")
    assert set(rules.elements) | set(rules.second) <= names
    assert {parent for parents in [*rules.elements.values(), *rules.second.values()] for parent in parents} <= names
    assert {(e, a) for e, a in rules.attributes if e} <= attributes
    assert {a for e, a in rules.attributes if not e} <= {a for _, a in attributes}
