"""What was kept as it was goes back to its place: among its like by its position, else in the order of the DTD."""

import re
from collections.abc import Iterable

from protocols import xml
from protocols.xml import Element
from schemas.faults import Malformed, unwritable
from schemas.party import Verbatim
from schemas.wire import cxml_models

_STEP = re.compile(r"(?P<name>[^\[\]/]+)(?:\[(?P<position>[0-9]{1,6})\])?")


def put_back(owner: Element, kept: Iterable[Verbatim], dtd: str = "cXML") -> None:
    """Below `owner`, which has been written. What cXML does not know is not written at all: we write strictly.

    Raises Unwritable for a part whose place was not written."""
    for part in kept:
        *above, last = part.at.split("/")
        parent = owner
        for step in above:
            found = _child(parent, step)
            if found is None:
                raise unwritable("verbatim.no_place", part.at, "belongs into a part that is not there", part.content)
            parent = found
        if last.startswith("@"):
            _attribute(parent, last[1:], part.content, dtd)
        else:
            _element(parent, part, dtd)


def _child(parent: Element, step: str) -> Element | None:
    match = _STEP.fullmatch(step)
    if match is None:
        return None
    children = list(parent.iterchildren(match["name"]))
    position = int(match["position"] or 1)
    return children[position - 1] if 1 <= position <= len(children) else None


def _attribute(parent: Element, name: str, value: str, dtd: str) -> None:
    model = cxml_models(dtd).get(parent.tag)
    if model is not None and name in model.attributes and parent.get(name) is None:
        parent.set(name, xml.sound(value))


def _element(parent: Element, part: Verbatim, dtd: str) -> None:
    try:
        made = xml.from_outer(part.content)
    except Malformed as error:
        raise unwritable("verbatim.broken", part.at, str(error), part.content) from error
    model = cxml_models(dtd).get(parent.tag)
    if model is None or made.tag not in model.children:
        return
    step = _STEP.fullmatch(part.at.rpartition("/")[2])
    position = int((step["position"] if step else None) or 0)
    alike = list(parent.iterchildren(made.tag))
    if 1 <= position <= len(alike):
        alike[position - 1].addprevious(made)
        return
    rank = model.children.index(made.tag)
    before = 0
    for place, child in enumerate(parent, start=1):
        if child.tag not in model.children or model.children.index(child.tag) <= rank:
            before = place
    parent.insert(before, made)
