"""The only reader of the wire definitions: what a document may look like, checked against our own tables.

cXML: `schemas/cxml/*.txt` (notation: `schemas/content_model.py`) is rendered as one DTD for each of the standard's
document types and compiled for libxml2. libxml2 decides (a 1,000-line order costs about half of its parse); when it
says no, the table explains, in words for people. Which DTD holds is told by the payload element, never by the DOCTYPE,
whose address is never resolved. A DTD's ANY refuses undeclared elements, so subtrees outside our scope (travel, labor,
industry, release) are taken off a copy first.

Whether a deviation is a finding (inbound) or a fault (outbound) is for the caller to say.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import cast

from lxml import etree

from schemas.content_model import Model, parse_definitions
from schemas.deviations import LONGEST_LIST, Deviation, deviation_at, explain, is_told_above, listed, local_name

CXML_DTDS = ("cXML", "Fulfill", "InvoiceDetail", "Quote", "Catalog")
"""The standard's document types that have a table here; where a payload stands in several, the first one holds."""

_HOME = Path(__file__).parent / "cxml"
_NAMESPACES = {"ds": "http://www.w3.org/2000/09/xmldsig#"}


def cxml_dtd_for(payload: str) -> str | None:
    """Which DTD holds for a payload element (`OrderRequest`, `PunchOutSetupResponse`) or for the root of a file
    (`Index`): one of CXML_DTDS, None for a name that none of them declares."""
    return _dtd_by_name().get(payload)


def cxml_models(dtd: str) -> Mapping[str, Model]:
    """The definitions of one of CXML_DTDS by element name: what may stand in it, in which order, and its attributes."""
    return _tables()[dtd]


def dtd_of(root: etree._Element) -> str:
    """Which of CXML_DTDS holds for a document: by the payload, which stands last below Request, Message or Response;
    for a root other than cXML by its own name. `cXML` when nothing tells."""
    wrapper = next((child for child in root if local_name(child) in ("Request", "Message", "Response")), None)
    candidates = (root,) if wrapper is None else wrapper.iterchildren("{*}*", reversed=True)
    return next((dtd for element in candidates if (dtd := cxml_dtd_for(local_name(element)))), "cXML")


def check_cxml(root: etree._Element, dtd: str | None = None) -> tuple[Deviation, ...]:
    """Every deviation from the content models of cXML 1.2.071 in the order of the document; () when it is valid.

    `root` is the root of a document. One in a namespace is checked by local names. What a subtree outside our scope
    holds is not looked at. Without `dtd` the payload says which one holds (`dtd_of`)."""
    definition = _definition(dtd or dtd_of(root))
    refused = definition.dtd.check(root) if not root.tag.startswith("{") and _bounded(root) else None
    if refused == ():
        return ()
    # Few documents hold anything out of scope, and looking for it takes as long as validating ten lines.
    document = definition.in_scope(root)
    if document is not root:
        refused = definition.dtd.check(document) if _bounded(document) else None
    if refused is None or len(refused) > LONGEST_LIST:
        return listed(explain(document.iter("*"), definition.models))
    return listed(_in_our_words(document, refused, definition.models)) if refused else ()


def _in_our_words(
    document: etree._Element, refused: Iterable[Deviation], models: Mapping[str, Model]
) -> Iterator[Deviation]:
    """Each element that libxml2 refuses explained by the table, once; what the table does not see keeps its words."""
    for place, in_its_words in {deviation.at: deviation for deviation in refused}.items():
        try:
            elements = cast("list[etree._Element]", document.getroottree().xpath(place))
        except etree.XPathEvalError:  # a prefix that the document declares further down
            elements = []
        told = tuple(explain(elements, models))
        if told or not any(is_told_above(element, models) for element in elements):
            yield from told or (in_its_words,)


@dataclass(frozen=True, slots=True)
class Dtd:
    """A compiled DTD. A lock keeps the answer and the error log of one document together."""

    dtd: etree.DTD
    lock: Lock = field(default_factory=Lock)

    def check(self, root: etree._Element) -> tuple[Deviation, ...]:
        """In libxml2's words. The time grows with errors times siblings: for documents that we wrote, or after a
        bound on their size."""
        with self.lock:
            if self.dtd.validate(root):
                return ()
            errors = cast("Iterable[etree._LogEntry]", self.dtd.error_log)
            return listed(Deviation(error.path or "/", error.line or None, error.message) for error in errors)


def check_pin(root: etree._Element, version: str) -> tuple[Deviation, ...]:
    """What a document may not carry for a partner pinned to an older cXML version: the constructs that the DTDs of that
    time lacked (`schemas/cxml/pins.rules`). It does not replace `check_cxml`.
    Raises ValueError for a version such as `latest`."""
    return listed(_beyond_pin(root, pin_rules(version), version))


_VERSION = re.compile(r"\d{1,3}(\.\d{1,3}){1,3}")

# libxml2's error log writes the path of each error by counting siblings: a hostile document of 100,000 wrong siblings
# (0.8 MB) took 20 s. Within these bounds the worst one takes about a second; beyond them the table decides alone,
# at about four times the cost for a sound document, and stops after LONGEST_LIST.
_count_nodes = etree.XPath("count(//*) + count(//@*)")
_is_wide = etree.XPath("boolean(//*[3001])")


def _bounded(root: etree._Element) -> bool:
    nodes = int(cast("float", _count_nodes(root)))
    return nodes <= 10_000 or (nodes <= 120_000 and not bool(_is_wide(root)))


@dataclass(frozen=True)
class _Definition:
    """The table of one document type."""

    models: Mapping[str, Model]
    dtd: Dtd
    open_tags: tuple[str, ...]

    def in_scope(self, root: etree._Element) -> etree._Element:
        """The document itself, or a copy without namespace and with the open subtrees emptied."""
        namespace: str | None = etree.QName(root).namespace
        if namespace is None and next(root.iter(*self.open_tags), None) is None:
            return root
        copy = deepcopy(root)
        if namespace is not None:
            for element in copy.iter(f"{{{namespace}}}*"):
                element.tag = etree.QName(element).localname
            etree.cleanup_namespaces(copy)
        for element in tuple(copy.iter(*self.open_tags)):
            tail = element.tail
            element.clear()
            element.tail = tail
        return copy


def cxml_dtd(dtd: str) -> Dtd:
    """Our own DTD of one of CXML_DTDS. Elements that are out of scope it takes only empty."""
    return _definition(dtd).dtd


@cache
def _tables() -> dict[str, dict[str, Model]]:
    """The definitions of each DTD by element name. `[all]`, or the DTDs' names, head the definitions that follow; an
    indented line goes on from the one before."""
    tables: dict[str, dict[str, Model]] = {name: {} for name in CXML_DTDS}
    for path in sorted(_HOME.glob("*.txt")):
        for heading, line in _entries(path):
            for model in parse_definitions(line):
                for dtd in CXML_DTDS if heading == "all" else heading.split():
                    if model.name in tables[dtd]:
                        raise ValueError(f"{path.name}: {model.name} is defined twice for {dtd}")
                    tables[dtd][model.name] = model
    return tables


def _entries(path: Path) -> Iterator[tuple[str, str]]:
    """Each entry of a definition file with the heading above it."""
    text = re.sub(r"\n +", " ", path.read_text(encoding="utf-8"))
    heading = ""
    for line in text.splitlines():
        if line.startswith("["):
            heading = line.strip("[]")
        elif line and not line.startswith("#"):
            yield heading, line


@cache
def _definition(name: str) -> _Definition:
    models = _tables()[name]
    text = "\n".join(model.as_dtd() for model in models.values())
    open_tags = tuple(_tag(model.name) for model in models.values() if model.is_open)
    return _Definition(models, Dtd(etree.DTD(BytesIO(text.encode()))), open_tags)


def _tag(name: str) -> str:
    prefix, _, local = name.rpartition(":")
    return f"{{{_NAMESPACES[prefix]}}}{local}" if prefix else local


@cache
def _dtd_by_name() -> dict[str, str]:
    names: dict[str, str] = {}
    for dtd, models in _tables().items():
        for wrapper in ("Request", "Message", "Response"):
            for payload in models[wrapper].children:
                names.setdefault(payload, dtd)
    for dtd, models in _tables().items():
        for name in models:
            names.setdefault(name, dtd)
    return names


@dataclass(frozen=True, slots=True)
class PinRules:
    """Names that are too new, with the parents they are too new in (empty: in all).

    attributes   (element or empty, attribute) -> the values that are too new; empty: all of them."""

    elements: dict[str, frozenset[str]]
    second: dict[str, frozenset[str]]
    attributes: dict[tuple[str, str], frozenset[str]]


def _beyond_pin(root: etree._Element, pin: PinRules, version: str) -> Iterator[Deviation]:
    for element in root.iter("*"):
        name = local_name(element)
        above = element.getparent()
        parent = "" if above is None else local_name(above)
        too_new = pin.elements.get(name)
        if too_new is not None and (not too_new or parent in too_new):
            yield deviation_at(element, f"cXML {version} has no {name}{f' in {parent}' if too_new else ''}", name)
        if (
            parent in pin.second.get(name, ())
            and next(element.itersiblings(str(element.tag), preceding=True), None) is not None
        ):
            yield deviation_at(element, f"cXML {version} allows only one {name} in {parent}", name)
        for attribute, value in ((str(key), str(value)) for key, value in element.attrib.items()):
            values = pin.attributes.get((name, attribute), pin.attributes.get(("", attribute)))
            if values is not None and (not values or value in values):
                what = f"value {value} of {name}@{attribute}" if values else f"attribute {attribute} of {name}"
                yield deviation_at(element, f"cXML {version} has no {what}", value, attribute)


@cache
def pin_rules(version: str) -> PinRules:
    """What is too new for a version. Raises ValueError for a version such as `latest`."""
    if not _VERSION.fullmatch(version):
        raise ValueError(f"not a cXML version: {version!r}")
    pin = PinRules({}, {}, {})
    for heading, rule in _entries(_HOME / "pins.rules"):
        if _numbers(version) >= _numbers(heading.removeprefix("older than ")):
            continue
        subject, _, parents = rule.partition(" in ")
        within = frozenset(filter(None, parents.split(", ")))
        if subject.startswith("second "):
            pin.second[subject.removeprefix("second ")] = within
        elif "@" in subject:
            element, _, attribute = subject.partition("@")
            attribute, _, values = attribute.partition("=")
            pin.attributes[element, attribute] = frozenset(filter(None, values.split("|")))
        else:
            pin.elements[subject] = pin.elements.get(subject, frozenset()) | within
    return pin


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
