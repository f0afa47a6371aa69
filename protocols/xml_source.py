"""The bytes of an XML document before libxml2 sees them: encoding, DOCTYPE, entities, characters that were not escaped.

Repairs are of characters only, never of structure. All but the entities that HTML names are switched on per partner.
"""

import codecs
import re
from bisect import bisect_right
from html.entities import html5

import msgspec

from schemas.faults import Findings, Malformed


class Repairs(msgspec.Struct, frozen=True, kw_only=True):
    """
    leading_blank  blanks before the XML declaration are dropped.
    encoding       bytes that are not what the declaration says are read as UTF-8, else as Windows-1252.
    unescaped      a bare `&`, an HTML entity without a DOCTYPE, and a raw `<` inside an attribute value are escaped.
    """

    leading_blank: bool = False
    encoding: bool = False
    unescaped: bool = False


NO_REPAIRS = Repairs()
EVERY_REPAIR = Repairs(leading_blank=True, encoding=True, unescaped=True)


def malformed(
    code: str, message: str, found: str | None = None, *, line: int | None = None, column: int | None = None
) -> Malformed:
    findings = Findings()
    findings.add(code, "/", message, found, line=line, column=column)
    return Malformed(findings.faults)


# Bytes: which encoding, and the same text in UTF-8

_ENCODINGS = frozenset(
    {"us-ascii", "ascii", "iso-10646-ucs-2", "utf-16", "utf-16le", "utf-16be", "shift_jis", "euc-jp", "iso-2022-jp"}
    | {"gb2312", "gbk", "gb18030", "big5", "euc-kr", "koi8-r", "macintosh", "latin1", "latin-1"}
    | {f"iso-8859-{part}" for part in range(1, 17)}
    | {f"windows-{page}" for page in range(1250, 1259)}
    | {f"cp{page}" for page in range(1250, 1259)}
)
_DECLARATION = re.compile(rb"""\A\s*<\?xml\s[^>]{0,200}?encoding\s*=\s*["']([^"']{1,40})["']""")
_UTF_8 = frozenset({"utf-8", "utf8"})


def in_utf8(body: bytes, findings: Findings, repairs: Repairs, charset: str | None, *, head: bool = False) -> bytes:
    """The document in UTF-8, without a byte order mark and without a wrong byte.

    `head` says that it is only a beginning, read to see whose it is: its end may split a character, and from the first
    wrong byte on it is read as Windows-1252. Raises Malformed."""
    if body.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise malformed("xml.encoding_unknown", "is in UTF-32, which is not taken; send UTF-8")
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or body[:2] in (b"<\0", b"\0<"):
        return _from_utf16(body, findings, head=head)
    if body.startswith(codecs.BOM_UTF8):
        findings.note("xml.byte_order_mark", "/", "begins with a byte order mark; UTF-8 is sent without one")
        body = body[3:]
    if body[:1].isspace() and (blank := re.match(rb"\s+(?=<\?xml\s)", body)):
        if not repairs.leading_blank:
            raise malformed(
                "xml.blank_before_declaration",
                f"has blanks before the XML declaration, which begins at byte {blank.end()} instead of byte 0",
                line=1,
                column=1,
            )
        findings.note("xml.blank_before_declaration", "/", "blanks before the XML declaration were dropped", line=1)
        body = body[blank.end() :]
    match = _DECLARATION.match(body[:300])
    declared = match.group(1).decode("ascii", "replace").lower() if match else None
    transport = charset.strip().strip("\"'").lower() if charset else None
    if declared and transport and _same_encoding(declared) != _same_encoding(transport):
        findings.note("xml.charset_contradicted", "/", f"declares {declared}, its transport said {transport}")
    name = declared or transport or "utf-8"
    if name.startswith(("utf-16", "iso-10646")) and name in _ENCODINGS:
        findings.note("xml.encoding_contradicted", "/", f"declares {name} but is not; read as UTF-8", line=1)
        name = "utf-8"
    if name not in _UTF_8 and name not in _ENCODINGS:
        raise malformed("xml.encoding_unknown", "names an encoding that is not taken; send UTF-8", name, line=1)
    try:
        if name not in _UTF_8:
            return body.decode(name).encode()
        if not body.isascii():
            body.decode()
    except UnicodeDecodeError as error:
        if head:
            return (body[: error.start].decode(name) + body[error.start :].decode("cp1252", "replace")).encode()
        return _repaired_bytes(body, findings, repairs, name, error.start)
    return body


def _same_encoding(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except (LookupError, ValueError):
        return name


def _from_utf16(body: bytes, findings: Findings, *, head: bool) -> bytes:
    marked = body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    name = "utf-16" if marked else ("utf-16-le" if body[:2] == b"<\0" else "utf-16-be")
    try:
        utf8 = body.decode(name, "ignore" if head else "strict").encode()
    except UnicodeError as error:
        raise malformed("xml.encoding_broken", f"begins as UTF-16 but is not: {error}") from None
    match = _DECLARATION.match(utf8[:300])
    declared = match.group(1).decode("ascii", "replace").lower() if match else None
    if declared and not declared.startswith("utf-16"):
        findings.note("xml.encoding_contradicted", "/", "is UTF-16 but declares another encoding", declared, line=1)
    elif not marked:
        findings.note("xml.byte_order_mark", "/", "is UTF-16 without a byte order mark", line=1)
    return utf8


def _repaired_bytes(body: bytes, findings: Findings, repairs: Repairs, declared: str, offset: int) -> bytes:
    line = body.count(b"\n", 0, offset) + 1
    if not repairs.encoding:
        raise malformed(
            "xml.encoding_broken",
            f"says that it is {declared}, but the byte at offset {offset} is not",
            f"0x{body[offset]:02x}",
            line=line,
        )
    for name in ("utf-8", "cp1252", "latin-1"):
        try:
            text = body.decode(name)
        except UnicodeDecodeError:
            continue
        findings.note(
            "xml.encoding_broken", "/", f"is not {declared} at byte offset {offset}; read as {name}", line=line
        )
        return text.encode()
    raise AssertionError("every byte string is Latin-1")


# DOCTYPE: seen before libxml2 sees it

_PROLOG = re.compile(rb"\A(?>\s+|<\?.*?\?>|<!--.*?-->)*+(?=<!DOCTYPE)", re.DOTALL)
_DOCTYPE = re.compile(
    rb"""<!DOCTYPE\s++[^\s\[>"'<]++(?>\s++(?:SYSTEM|PUBLIC\s++(?>"[^"]*+"|'[^']*+'))\s++(?>"[^"]*+"|'[^']*+'))?+"""
    rb"""\s*+(?:>|\[(?P<subset>(?>\s++|<!--.*?-->|<\?.*?\?>"""
    rb"""|<!ENTITY\s++%\s++[\w.:-]++\s++(?>"[^"%&]*+"|'[^'%&]*+')\s*+>)*+)\]\s*+>)""",
    re.DOTALL,
)


def look_at_doctype(text: bytes) -> bool:
    """Whether there is a DOCTYPE. Raises Malformed when it declares what may not be declared."""
    prolog = _PROLOG.match(text)
    if prolog is None:
        return False
    if _DOCTYPE.match(text, prolog.end()) is None:
        raise malformed(
            "xml.declarations",
            "has a DOCTYPE that declares entities or markup of its own, or is broken; only the address of a DTD and "
            "parameter entities with a plain value may stand there",
            line=text.count(b"\n", 0, prolog.end()) + 1,
        )
    return True


# Characters: entities that nothing defines, and markup characters that were not escaped

_PREDEFINED = frozenset({"lt", "gt", "amp", "apos", "quot"})
_OPAQUE_OR_AMPERSAND = re.compile(
    rb"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>|&(?:#[0-9]+;|#x[0-9A-Fa-f]+;|([A-Za-z][A-Za-z0-9]{0,40});)?", re.DOTALL
)
_ATTRIBUTE = rb"""\s++[^\s=<>"'/]++\s*+=\s*+(?>"[^"]*+"|'[^']*+')"""
_TAG = re.compile(
    rb"""<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>|<[A-Za-z_:][^\s<>/="']*+(?>""" + _ATTRIBUTE + rb""")++""", re.DOTALL
)
_MOST_REPAIRS = 100
_MOST_AMPERSANDS = 200_000


class _Lines:
    """Line and column (both from 1, the column in bytes) of an offset."""

    def __init__(self, text: bytes) -> None:
        self._starts = [0, *(match.end() for match in re.finditer(rb"\n", text))]

    def of(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1


def with_entities(text: bytes, findings: Findings, *, escape: bool = False, html: bool = True) -> bytes:
    """Entities that HTML names become character references (`html`); any other ampersand is escaped or refused.

    Raises Malformed with every place that is refused."""
    if text.count(b"&") > _MOST_AMPERSANDS:
        raise malformed("xml.entity_unknown", f"has wrong ampersands among more than {_MOST_AMPERSANDS}")
    lines = _Lines(text)
    unknown: list[tuple[str, int, int]] = []
    repaired = 0

    def repair(match: re.Match[bytes]) -> bytes:
        nonlocal repaired
        whole = match.group()
        name = (match.group(1) or b"").decode()
        if whole[:1] != b"&" or whole[1:2] == b"#" or name in _PREDEFINED:
            return whole
        line, column = lines.of(match.start())
        characters = html5.get(name + ";") if name and html else None
        if characters is None and not escape:
            if len(unknown) < _MOST_REPAIRS:
                unknown.append((whole.decode(), line, column))
            return whole
        repaired += 1
        if repaired <= _MOST_REPAIRS:
            said = f"read as {characters!r}" if characters else "read as the character itself"
            findings.note(
                "xml.entity_repaired", "/", f"is not defined in XML; {said}", whole.decode(), line=line, column=column
            )
        if characters is None:
            return b"&amp;" + whole[1:]
        return "".join(f"&#{ord(character)};" for character in characters).encode()

    mended = _OPAQUE_OR_AMPERSAND.sub(repair, text)
    if repaired > _MOST_REPAIRS:
        findings.note("xml.entity_repaired", "/", f"and {repaired - _MOST_REPAIRS} more of the same kind")
    if unknown:
        faults = Findings()
        for found, line, column in unknown:
            message = "is a bare ampersand; write &amp;" if found == "&" else "is an entity that nothing defines"
            faults.add("xml.entity_unknown", "/", message, found, line=line, column=column)
        raise Malformed(faults.faults)
    return mended


def with_escaped_tags(text: bytes, findings: Findings) -> bytes:
    """A raw `<` inside an attribute value becomes `&lt;`."""
    lines = _Lines(text)
    escaped = 0

    def escape(match: re.Match[bytes]) -> bytes:
        nonlocal escaped
        whole = match.group()
        if whole[1:2] in (b"!", b"?") or whole.count(b"<") == 1:
            return whole
        escaped += 1
        if escaped <= _MOST_REPAIRS:
            line, column = lines.of(match.start())
            findings.note("xml.markup_repaired", "/", "a raw < in an attribute was escaped", line=line, column=column)
        return b"<" + whole[1:].replace(b"<", b"&lt;")

    return _TAG.sub(escape, text)
