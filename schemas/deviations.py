"""Where a document departs from its content models, in words for people.

A DTD validator says that an element "does not follow the DTD"; here it is said which child is missing, too early or one
too many, and where.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import cast

from lxml import etree

from schemas.content_model import Attribute, Misfit, Model

_XML_SPACE = " \t\r\n"
_XML_NAMESPACE = "http://www.w3.org/XML/1998/namespace"

# What an attribute of these holds is never repeated: somebody may have put the secret there.
_SECRETIVE = frozenset({"Credential", "SharedSecret", "CredentialMac", "DigitalSignature", "PCard"})

LONGEST_LIST = 100
"""Deviations told of one document; one more then says that there are others."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """One place where a document departs from a definition.

    at       path from the root: `/cXML/Request/OrderRequest/ItemOut[2]/@quantity`.
    line     1-based line in the source; None for a tree that was not parsed.
    found    the offending value or name, where there is one; never out of an element that holds secrets.
    """

    at: str
    line: int | None
    message: str
    found: str | None = None


def listed(deviations: Iterable[Deviation]) -> tuple[Deviation, ...]:
    """At most LONGEST_LIST, and then the word that there are more."""
    first = tuple(islice(deviations, LONGEST_LIST + 1))
    if len(first) <= LONGEST_LIST:
        return first
    return (*first[:LONGEST_LIST], Deviation("/", None, f"there are more than {LONGEST_LIST} deviations"))


def explain(root: etree._Element, models: Mapping[str, Model]) -> Iterator[Deviation]:
    """Every deviation from the models, in the order of the document: all that a DTD validator finds but doubled and
    dangling IDs. Open subtrees must have been emptied."""
    for prefix in root.nsmap:
        name = f"xmlns:{prefix}" if prefix else "xmlns"
        yield deviation_at(root, "a namespace is declared where cXML has none", name)
    if _name(root) not in models:
        yield deviation_at(root, "is not an element of cXML", _name(root))
    verdicts: dict[tuple[object, ...], _Verdict] = {}
    for element in root.iter("*"):
        # Most lines of a document have the same shape: it is judged once.
        shape = (element.tag, element.prefix, *element.keys(), None, *[child.tag for child in element])
        verdict = verdicts.get(shape)
        if verdict is None:
            verdict = verdicts[shape] = _judged(element, models)
        if not verdict.sound:
            yield from _misfits(element, verdict)
        for key, attribute in verdict.restricted:
            if wish := attribute.refuses(str(element.get(key))):
                yield deviation_at(element, f"{attribute.name} must be {wish}", element.get(key), attribute.name)
        if not verdict.takes_text:
            yield from _text_out_of_place(element, verdict.is_empty)


def _judged(element: etree._Element, models: Mapping[str, Model]) -> "_Verdict":
    model = models.get(_name(element))
    if model is None:
        return _Verdict()
    children = tuple(_name(child) for child in element.iterchildren("*"))
    attributes = {_attribute_name(element, str(key)): str(key) for key in element.attrib}
    known = [model.attributes[name] for name in attributes if name in model.attributes]
    undeclared = (at for at, name in enumerate(children) if model.content == "ANY" and name not in models)
    return _Verdict(
        misfits=(
            *islice(model.misfits(children), LONGEST_LIST + 1),
            *(Misfit(at, f"{children[at]} is not an element of cXML") for at in undeclared),
            *(
                Misfit(None, f"attribute {attribute.name} is missing")
                for attribute in model.attributes.values()
                if attribute.required and attribute.name not in attributes
            ),
        ),
        unknown=tuple(
            (key, name, f"{model.name} has no attribute {name}")
            for name, key in attributes.items()
            if name not in model.attributes
        ),
        restricted=tuple((attributes[a.name], a) for a in known if a.is_restricted),
        takes_text=model.takes_text,
        is_empty=model.content == "EMPTY",
    )


@dataclass(frozen=True, slots=True)
class _Verdict:
    """On all elements of one name with the same attributes and children.

    unknown      attributes that the element does not have: key in the tree, name, message.
    restricted   attributes that do not take every value, by their key in the tree."""

    misfits: tuple[Misfit, ...] = ()
    unknown: tuple[tuple[str, str, str], ...] = ()
    restricted: tuple[tuple[str, Attribute], ...] = ()
    takes_text: bool = True
    is_empty: bool = False

    @property
    def sound(self) -> bool:
        return not self.misfits and not self.unknown


def _misfits(element: etree._Element, verdict: _Verdict) -> Iterator[Deviation]:
    children = tuple(element.iterchildren("*"))
    for misfit in verdict.misfits:
        if misfit.child is None:
            yield deviation_at(element, misfit.message)
        else:
            yield deviation_at(children[misfit.child], misfit.message, _name(children[misfit.child]))
    for key, name, message in verdict.unknown:
        found = None if local_name(element) in _SECRETIVE else element.get(key)
        yield deviation_at(element, message, found, name)


def _text_out_of_place(element: etree._Element, is_empty: bool) -> Iterator[Deviation]:
    text = element.text
    if is_empty:
        if text or len(element):
            yield deviation_at(element, f"{_name(element)} must be empty, without even blanks")
    elif (text and text.strip(_XML_SPACE)) or any(child.tail and child.tail.strip(_XML_SPACE) for child in element):
        yield deviation_at(element, f"text is not allowed in {_name(element)}")


def deviation_at(
    element: etree._Element, message: str, found: str | None = None, attribute: str | None = None
) -> Deviation:
    path = element.getroottree().getpath(element)
    line = cast("int | None", element.sourceline)
    return Deviation(f"{path}/@{attribute}" if attribute else path, line, message, found)


def _name(element: etree._Element) -> str:
    """The name as a DTD sees it, prefix included."""
    tag = str(element.tag)
    return f"{element.prefix}:{tag.rpartition('}')[2]}" if element.prefix else tag.rpartition("}")[2]


def _attribute_name(element: etree._Element, key: str) -> str:
    if not key.startswith("{"):
        return key
    namespace, _, local = key[1:].partition("}")
    if namespace == _XML_NAMESPACE:
        return f"xml:{local}"
    return next((f"{prefix}:{local}" for prefix, uri in element.nsmap.items() if uri == namespace and prefix), local)


def local_name(node: etree._Element) -> str:
    """The name without namespace."""
    return str(node.tag).rpartition("}")[2]
