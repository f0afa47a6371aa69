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


def explain(elements: Iterable[etree._Element], models: Mapping[str, Model]) -> Iterator[Deviation]:
    """Every deviation of these elements from the models: all that a DTD validator finds but doubled and dangling IDs
    and a namespace declared below the root. Open subtrees must have been emptied."""
    verdicts: dict[tuple[object, ...], _Verdict] = {}
    for element in elements:
        # Most lines of a document have the same shape: it is judged once.
        shape = (element.tag, element.prefix, *element.keys(), None, *[child.tag for child in element])
        verdict = verdicts.get(shape)
        if verdict is None:
            verdict = verdicts[shape] = _judged(element, models)
        if element.getparent() is None:
            yield from _declared_namespaces(element)
        if not verdict.sound:
            yield from _misfits(element, verdict, models)
        for key, attribute in verdict.restricted:
            if wish := attribute.refuses(str(element.get(key))):
                yield deviation_at(element, f"{attribute.name} must be {wish}", element.get(key), attribute.name)
        if not verdict.takes_text:
            yield from _text_out_of_place(element, verdict.is_empty)


def is_told_above(element: etree._Element, models: Mapping[str, Model]) -> bool:
    """Whether an element that no model declares is told as a child that its parent does not allow."""
    above = element.getparent()
    if above is None or _name(element) in models:
        return False
    model = models.get(_name(above))
    return model is None or model.content != "ANY"


def _judged(element: etree._Element, models: Mapping[str, Model]) -> "_Verdict":
    model = models.get(_name(element))
    if model is None:
        return _Verdict(is_declared=False)
    children = tuple(_name(child) for child in element.iterchildren("*"))
    attributes = {_attribute_name(element, str(key)): str(key) for key in element.attrib}
    known = [model.attributes[name] for name in attributes if name in model.attributes]
    return _Verdict(
        misfits=(
            *islice(model.misfits(children), LONGEST_LIST + 1),
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
    is_declared: bool = True

    @property
    def sound(self) -> bool:
        return self.is_declared and not self.misfits and not self.unknown


def _declared_namespaces(root: etree._Element) -> Iterator[Deviation]:
    for prefix in root.nsmap:
        name = f"xmlns:{prefix}" if prefix else "xmlns"
        yield deviation_at(root, "a namespace is declared where cXML has none", name)


def _misfits(element: etree._Element, verdict: _Verdict, models: Mapping[str, Model]) -> Iterator[Deviation]:
    if not verdict.is_declared and not is_told_above(element, models):
        yield deviation_at(element, "is not an element of cXML", _name(element))
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
