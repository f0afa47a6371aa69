"""The one place that parses XML, and the places and texts of what it parsed.

Nothing is fetched and nothing is expanded: no network, no DTD, no entity, no XInclude. A document may carry a DOCTYPE,
and in its internal subset parameter entities with a plain value (an official cXML example does); whatever else an
internal subset declares refuses the document, used or not, before libxml2 sees it. Comments and processing
instructions go because lxml's `.text` stops at them: a price of `9<!-- -->.95` would read as 9.

libxml2 drops an undefined entity without an error when a DOCTYPE is there, and cuts the text. Such a document is
looked through again: the entities that HTML names are put in, with a finding each; any other refuses the document.

Refused alternative: recovering parsers (`recover=True`). They guess where an element ends, and a guess in an order is
worse than a refusal. What is repaired are characters, never structure (protocols/xml_source.py).
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Literal, cast

import msgspec
from lxml import etree

from protocols.xml_source import (
    EVERY_REPAIR,
    NO_REPAIRS,
    Repairs,
    in_utf8,
    look_at_doctype,
    malformed,
    with_entities,
    with_escaped_tags,
)
from schemas.faults import Fault, Findings, Malformed

Element = etree._Element

attributes = cast(Callable[[Element], list[tuple[str, str]]], Element.items)
"""Name and value of each attribute."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds on one document; libxml2 adds its own: 256 levels, 10 MB for one text or one tag."""

    size: int = 20_000_000
    elements: int = 300_000
    head: int = 65_536


LIMITS = Limits()


def parse(
    body: bytes,
    findings: Findings,
    *,
    repairs: Repairs = NO_REPAIRS,
    limits: Limits = LIMITS,
    charset: str | None = None,
) -> Element:
    """The root element; deviations of bytes and characters go to `findings`.

    `charset` is what the transport said; the document's own declaration wins over it.
    Raises Malformed, whose faults carry line and column (a byte offset where the bytes are not text)."""
    if len(body) > limits.size:
        raise malformed("xml.too_large", f"is {len(body)} bytes long; at most {limits.size} are taken")
    text = in_utf8(body, findings, repairs, charset)
    if text.count(b"<") > 2 * limits.elements:
        raise malformed("xml.too_many_elements", f"has more than {limits.elements} elements")
    doctype = look_at_doctype(text)
    parser = etree.XMLParser(**_HARDENED)
    try:
        root = etree.fromstring(text, parser)
    except etree.XMLSyntaxError as error:
        mended = _mended(text, error, findings, doctype=doctype, repairs=repairs)
        if mended is None:
            raise _syntax(error) from None
        return _parse_again(mended)
    if any(entry.type == etree.ErrorTypes.WAR_UNDECLARED_ENTITY for entry in parser.error_log):
        return _parse_again(with_entities(text, findings))
    return root


def parse_head(
    body: bytes,
    done: Callable[[str, Element], bool],
    *,
    limits: Limits = LIMITS,
    charset: str | None = None,
) -> Element:
    """The beginning of a document, as far as the `start` or `end` for which `done(event, element)` says so.

    Reads at most `limits.head` bytes, so it is safe before the sender is known. Which repairs a partner has is not
    known by then either, so each is made; what is wrong behind that point is not seen.
    Raises Malformed as `parse` does, and when the point was not reached."""
    unread = Findings()
    text = in_utf8(body[: limits.head], unread, EVERY_REPAIR, charset, head=True)
    look_at_doctype(text)
    root, complete, error = _pull(text, done)
    if root is None or not complete:
        text = with_entities(with_escaped_tags(text, unread), unread, escape=True)
        root, complete, error = _pull(text, done)
    if root is not None and complete:
        return root
    if error is not None and len(body) <= limits.head:
        raise _syntax(error)
    raise malformed("xml.head_too_long", f"does not come to its payload within {limits.head} bytes")


# The encoding is settled before (`in_utf8`), so that no declaration chooses a decoder of libxml2 or iconv.
_HARDENED: dict[str, Any] = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "remove_comments": True,
    "remove_pis": True,
    "encoding": "utf-8",
}


def _pull(
    text: bytes, done: Callable[[str, Element], bool]
) -> tuple[Element | None, bool, etree.XMLSyntaxError | None]:
    """The root once `done`, whether no entity was left out till then, and the error that came before."""
    parser = etree.XMLPullParser(events=("start", "end"), **_HARDENED)
    root: Element | None = None
    error: etree.XMLSyntaxError | None = None
    for start in range(0, len(text) + 4096, 4096):
        try:
            if start < len(text):
                parser.feed(text[start : start + 4096])
            else:
                parser.close()
        except etree.XMLSyntaxError as raised:
            error = raised
        for event, element in cast(Iterable[tuple[str, Element]], parser.read_events()):
            root = element if root is None else root
            if done(event, element):
                return root, not any(entry.type in _UNDECLARED for entry in parser.feed_error_log), error
        if error is not None:
            break
    return None, False, error


def _parse_again(text: bytes) -> Element:
    parser = etree.XMLParser(**_HARDENED)
    try:
        root = etree.fromstring(text, parser)
    except etree.XMLSyntaxError as error:
        raise _syntax(error) from None
    if any(entry.type == etree.ErrorTypes.WAR_UNDECLARED_ENTITY for entry in parser.error_log):
        raise malformed("xml.entity_unknown", "uses an entity that nothing defines")
    return root


def _code(error: etree.XMLSyntaxError) -> int:
    return cast(int, getattr(error, "code", 0))


def _syntax(error: etree.XMLSyntaxError) -> Malformed:
    line, column = error.position
    message = (error.msg or "unreadable").removesuffix(f", line {line}, column {column}")
    return malformed("xml.not_well_formed", f"is not well-formed XML: {message}", line=line, column=column)


_UNDECLARED = frozenset({etree.ErrorTypes.ERR_UNDECLARED_ENTITY, etree.ErrorTypes.WAR_UNDECLARED_ENTITY})
_UNESCAPED = frozenset(
    {
        etree.ErrorTypes.ERR_ENTITYREF_SEMICOL_MISSING,
        etree.ErrorTypes.ERR_NAME_REQUIRED,
        etree.ErrorTypes.ERR_LT_IN_ATTRIBUTE,
    }
)


def _mended(
    text: bytes, error: etree.XMLSyntaxError, findings: Findings, *, doctype: bool, repairs: Repairs
) -> bytes | None:
    """The text with its characters repaired, or None when the error is no matter of characters.

    Raises Malformed with every ampersand that stays wrong, as one error would hide the others."""
    code = _code(error)
    if code not in _UNDECLARED and code not in _UNESCAPED:
        return None
    if repairs.unescaped:
        return with_entities(with_escaped_tags(text, findings), findings, escape=True)
    if code == etree.ErrorTypes.ERR_LT_IN_ATTRIBUTE:
        return None
    return with_entities(text, findings, html=doctype)


# Places and texts

MOST_PLACES = 200


def local(element: Element) -> str:
    """The element's name without its namespace."""
    return element.tag.rpartition("}")[2]


def at(element: Element, attribute: str | None = None) -> str:
    """`/cXML/Request/OrderRequest/ItemOut[2]/@quantity`: [n] only where siblings repeat; no namespaces."""
    steps: list[str] = []
    step: Element | None = element
    while step is not None and "{" not in step.tag:
        step = step.getparent()
    if step is None:
        # The same by libxml2, a hundred times faster among many siblings; it leaves out the names of a namespace.
        path: str = element.getroottree().getpath(element)
        return f"{path}/@{attribute}" if attribute else path
    step = element
    while step is not None:
        name = local(step)
        before = sum(1 for _ in step.itersiblings(step.tag, preceding=True))
        if before or next(step.itersiblings(step.tag), None) is not None:
            name = f"{name}[{before + 1}]"
        steps.append(name)
        step = step.getparent()
    path = "/" + "/".join(reversed(steps))
    return f"{path}/@{attribute}" if attribute else path


class Places:
    """The places of many elements below one of them: each parent's children are counted once."""

    def __init__(self) -> None:
        self._steps: dict[Element, dict[Element, str]] = {}

    def below(self, owner: Element, element: Element) -> str:
        """`ItemDetail/Dimension[2]`; empty for the owner itself, the path from the root for what is not below it."""
        steps: list[str] = []
        step = element
        while step is not owner:
            parent = step.getparent()
            if parent is None:
                return "/" + "/".join((local(step), *reversed(steps)))
            if parent not in self._steps:
                self._steps[parent] = _counted(parent)
            steps.append(self._steps[parent][step])
            step = parent
        return "/".join(reversed(steps))


def _counted(parent: Element) -> dict[Element, str]:
    totals = Counter(child.tag for child in parent)
    seen: Counter[str] = Counter()
    steps = {}
    for child in parent:
        seen[child.tag] += 1
        steps[child] = f"{local(child)}[{seen[child.tag]}]" if totals[child.tag] > 1 else local(child)
    return steps


def doctype(root: Element) -> tuple[bool, str]:
    """Whether the document has a DOCTYPE, and the address of the DTD that it names; nobody goes there."""
    info: Any = root.getroottree().docinfo
    return bool(info.doctype), info.system_url or ""


class Review:
    """What is wrong with one XML document, put down by element: path and line are worked out only here.

    Beyond 200 faults, findings or notices the rest is counted, not listed: a path costs a walk over the siblings."""

    def __init__(self, findings: Findings | None = None) -> None:
        self.findings = findings or Findings()
        self._faults = 0
        self._notes = 0

    def fault(
        self, code: str, element: Element, message: str, found: str | None = None, *, attribute: str | None = None
    ) -> None:
        self._faults += 1
        if self._faults <= MOST_PLACES:
            self.findings.add(code, at(element, attribute), message, found, line=_line(element))
        elif self._faults == MOST_PLACES + 1:
            self.findings.add("faults.not_listed", "/", f"has more faults than the {MOST_PLACES} that are listed")

    def note(
        self, code: str, element: Element, message: str, found: str | None = None, *, attribute: str | None = None
    ) -> None:
        self._notes += 1
        if self._notes <= MOST_PLACES:
            self.findings.note(code, at(element, attribute), message, found, line=_line(element))
        elif self._notes == MOST_PLACES + 1:
            self.findings.note("findings.not_listed", "/", f"has more findings than the {MOST_PLACES} that are listed")

    def tell(self, code: str, element: Element, message: str) -> None:
        self._notes += 1
        if self._notes <= MOST_PLACES:
            self.findings.tell(code, at(element), message)

    @property
    def faults(self) -> tuple[Fault, ...]:
        return self.findings.faults


def _line(element: Element) -> int | None:
    return cast("int | None", element.sourceline)


def text_of(element: Element) -> str:
    """All character data below the element: `.text` alone would stop at a child that should not be there."""
    return "".join(cast(Iterable[str], element.itertext())) if len(element) else element.text or ""


def inner(element: Element) -> tuple[str, bool]:
    """The content, and whether it is markup: plain text, or the inner XML when there are child elements."""
    if not len(element):
        return element.text or "", False
    parts = [_escaped(element.text or "")]
    parts += [etree.tostring(child, encoding="unicode", with_tail=True) for child in element]
    return "".join(parts), True


def outer(element: Element) -> str:
    """The element as XML text, without what follows it."""
    return etree.tostring(element, encoding="unicode", with_tail=False)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


# Writing

_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def sound(text: str) -> str:
    """Text that XML 1.0 can carry: characters that it excludes become U+FFFD, which people can see."""
    return _NOT_XML.sub("\ufffd", text)


def element(name: str, text: str | None = None, /, **attributes: str | None) -> Element:
    """A new element; attributes that are None are left out."""
    made = etree.Element(name, {key: sound(value) for key, value in attributes.items() if value is not None})
    if text is not None:
        made.text = sound(text)
    return made


def add(parent: Element, name: str, text: str | None = None, /, **attributes: str | None) -> Element:
    """A new last child of `parent`; attributes that are None are left out."""
    made = element(name, text, **attributes)
    parent.append(made)
    return made


def set_inner(parent: Element, markup: str) -> None:
    """Content that `inner` gave out as markup. Raises Malformed."""
    made = parse(b"<x>" + markup.encode() + b"</x>", Findings())
    parent.text = made.text
    parent.extend(list(made))


def from_outer(markup: str) -> Element:
    """An element that `outer` gave out. Raises Malformed."""
    return parse(markup.encode(), Findings())


XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


def serialise(
    root: Element, *, name: str, system_id: str | None, encoding: Literal["UTF-8", "US-ASCII"] = "UTF-8"
) -> bytes:
    """The document with declaration and DOCTYPE; in US-ASCII all else is numeric references."""
    head = f'<?xml version="1.0" encoding="{encoding}"?>\n'
    if system_id is not None:
        head += f'<!DOCTYPE {name} SYSTEM "{system_id}">\n'
    return head.encode() + etree.tostring(root, encoding=encoding, xml_declaration=False)


def strip_namespace(root: Element, uri: str) -> None:
    """Takes the elements below (and with) `root` out of one namespace, in place."""
    prefix = f"{{{uri}}}"
    found: Iterable[Element] = root.iter(f"{prefix}*")
    for step in list(found):
        step.tag = step.tag[len(prefix) :]
    etree.cleanup_namespaces(root)
