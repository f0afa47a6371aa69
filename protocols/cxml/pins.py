"""A partner may be pinned to an older cXML version; what that version does not know is not sent to it.

Annotations are left out. What would change the meaning by its absence (a price per hundred, the cancellation of a
line) makes the document Unwritable for the pin: nothing is sent that says something else.
"""

from protocols.xml import Element
from schemas.faults import Fault, Unwritable
from schemas.wire import check_pin

_LEFT_OUT = frozenset(
    {
        "AttachmentReference",
        "BuyerPartID",
        "Contact",
        "ControlKeys",
        "Dimension",
        "Extrinsic",
        "IdReference",
        "Indicator",
        "Municipality",
        "TaxAdjustmentAmount",
        "TaxExemption",
        "TaxRegime",
        "Tolerances",
        "@addressIDDomain",
        "@exemptDetail",
        "@incoTerms",
        "@itemType",
        "@parentLineNumber",
        "@taxRateType",
        "@type",
    }
)


def fit(root: Element, version: str) -> None:
    """Takes out of a document, in place, what the version has no place for. Raises Unwritable for what it must have,
    ValueError for a version that is none."""
    while deviations := check_pin(root, version):
        # The last of a long list says that there are more, at no place.
        found = [(deviation, *_place(root, deviation.at)) for deviation in deviations if deviation.at != "/"]
        faults = [
            Fault(code="pin.unsayable", at=deviation.at, message=deviation.message, found=deviation.found)
            for deviation, element, attribute in found
            if not _leave_out(element, attribute)
        ]
        if faults:
            raise Unwritable(faults)


def _place(root: Element, at: str) -> tuple[Element | None, str | None]:
    element: Element | None = root
    for step in at.split("/")[2:]:
        if step.startswith("@"):
            return element, step[1:]
        element = element.find(step) if element is not None else None
    return element, None


def _leave_out(element: Element | None, attribute: str | None) -> bool:
    """Whether it could be: a comment more is joined to the first, a classification keeps its code as its text."""
    if element is None:
        return False
    parent = element.getparent()
    if attribute is not None:
        if element.tag == "Classification" and attribute == "code":
            element.text = element.get("code")
            element.attrib.pop("code")
            return True
        if "@" + attribute not in _LEFT_OUT:
            return False
        element.attrib.pop(attribute)
        return True
    if parent is None:
        return False
    if element.tag == "Comments" and not len(element):
        first = parent.find("Comments")
        if first is not None and first is not element:
            first.text = "\n".join(filter(None, (first.text, element.text)))
        elif parent.tag != "ItemIn":
            return False
    elif element.tag not in _LEFT_OUT:
        return False
    parent.remove(element)
    return True
