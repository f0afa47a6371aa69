"""A document with files: one multipart body, taken apart and put together.

`multipart/related` is written; `multipart/mixed`, a boundary without quotes and a root without Content-ID are read
too. References are `cid:` URLs in Attachment elements. What a sender calls a file is a text to be shown: bytes are
known by their SHA-256. The standard library's email parser was refused: it takes any damage for a document, and has no
bounds.
"""

import base64
import binascii
import hashlib
import quopri
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import unquote

import msgspec

from schemas.faults import Findings, Malformed
from schemas.order import Attachment


class PartLimits(msgspec.Struct, frozen=True, kw_only=True):
    count: int = 200
    part: int = 25_000_000
    head: int = 16_384


LIMITS = PartLimits()


@dataclass(frozen=True)
class Part:
    """One part of a multipart body, decoded. `name` is the sender's word for it, `content_id` without its brackets."""

    data: bytes
    media_type: str
    content_id: str | None = None
    name: str | None = None

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    def as_attachment(self, reference: str) -> Attachment:
        return Attachment(
            reference=reference,
            name=self.name,
            media_type=self.media_type,
            size=len(self.data),
            sha256=self.sha256,
        )


@dataclass(frozen=True)
class Package:
    """The document and the files that came with it. `charset` is what the transport says of the document."""

    document: bytes
    charset: str | None = None
    parts: tuple[Part, ...] = ()


def unpack(body: bytes, media_type: str | None, findings: Findings, limits: PartLimits = LIMITS) -> Package:
    """A body that is no multipart is the document itself. Raises Malformed for a multipart body that is damaged."""
    kind, parameters = parse_header(media_type or "")
    if not kind.startswith("multipart/"):
        return Package(body, parameters.get("charset"))
    pieces = list(_pieces(body, parameters, limits))
    root = _root(pieces, parameters, findings)
    charset = parse_header(pieces[root].headers.get("content-type", ""))[1].get("charset")
    parts = tuple(_part(piece, limits) for at, piece in enumerate(pieces) if at != root)
    ids = [part.content_id for part in parts if part.content_id]
    for repeated in sorted({content_id for content_id in ids if ids.count(content_id) > 1}):
        raise _malformed("attachment.id_repeated", "is the Content-ID of more than one part", repeated)
    return Package(_decoded(pieces[root], limits), charset, parts)


def root_of(body: bytes, media_type: str | None, limits: PartLimits = LIMITS) -> tuple[bytes, str | None]:
    """The document alone, and its charset; the other parts are not decoded."""
    kind, parameters = parse_header(media_type or "")
    if not kind.startswith("multipart/"):
        return body, parameters.get("charset")
    pieces = list(_pieces(body, parameters, limits))
    piece = pieces[_root(pieces, parameters, Findings())]
    return _decoded(piece, limits), parse_header(piece.headers.get("content-type", ""))[1].get("charset")


class Attached:
    """The files of one document, found by the references in it."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts
        self._used: set[int] = set()

    def find(self, reference: str) -> Attachment | None:
        """By the `cid:` URL: blanks behind the colon dropped, percent-encoding decoded."""
        if reference[:4].lower() != "cid:":
            return None
        content_id = unquote(reference[4:].strip()).strip("<>")
        for at, part in enumerate(self._parts):
            if part.content_id == content_id:
                self._used.add(at)
                return part.as_attachment(reference)
        return None

    def unused(self) -> tuple[Attachment, ...]:
        """Those that nothing in the document refers to."""
        left = [part for at, part in enumerate(self._parts) if at not in self._used]
        return tuple(part.as_attachment(f"cid:{part.content_id}" if part.content_id else "") for part in left)


def _malformed(code: str, message: str, found: str | None = None) -> Malformed:
    findings = Findings()
    findings.add(code, "/", message, found)
    return Malformed(findings.faults)


# Headers

_PARAMETER = re.compile(
    r""";\s*(?P<name>[^\s=;"]{1,60})\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^;"]*))""", re.DOTALL
)


def parse_header(value: str) -> tuple[str, dict[str, str]]:
    """`text/xml; charset=UTF-8` -> the value in lower case, and its parameters; the first of a name counts."""
    main, _, _ = value.partition(";")
    parameters: dict[str, str] = {}
    for match in _PARAMETER.finditer(value[len(main) :]):
        text = match["bare"].strip() if match["quoted"] is None else re.sub(r"\\(.)", r"\1", match["quoted"])
        name = match["name"].lower()
        if name.endswith("*") and text.count("'") >= 2:
            charset, _, encoded = text.split("'", 2)
            try:
                text = unquote(encoded, encoding=charset or "utf-8", errors="replace")
            except LookupError:
                text = unquote(encoded)
        parameters.setdefault(name.rstrip("*"), text)
    return main.strip().lower(), parameters


@dataclass(frozen=True)
class _Piece:
    headers: dict[str, str]
    body: bytes


def _pieces(body: bytes, parameters: dict[str, str], limits: PartLimits) -> Iterator[_Piece]:
    boundary = parameters.get("boundary", "")
    if not 1 <= len(boundary) <= 200 or not boundary.isascii():
        raise _malformed("multipart.no_boundary", "has no usable boundary in its Content-Type", boundary)
    delimiter = b"--" + boundary.encode()
    at = _next(body, delimiter, 0, limits.head)
    for _ in range(limits.count + 1):
        at += len(delimiter)
        if body[at : at + 2] == b"--":
            return
        line_end = body.find(b"\n", at, at + 200)
        if line_end < 0:
            raise _malformed("multipart.cut_off", "ends behind a boundary")
        headers, start = _headers(body, line_end + 1, limits)
        at = _next(body, delimiter, start, len(body))
        yield _Piece(headers, body[start:at].removesuffix(b"\n").removesuffix(b"\r"))
    raise _malformed("attachment.too_many", f"has more than {limits.count} parts")


def _next(body: bytes, delimiter: bytes, start: int, within: int) -> int:
    """Where the next delimiter line begins. Raises Malformed when there is none: the body is cut off."""
    at = start - 1
    while (at := body.find(delimiter, at + 1, min(len(body), start + within + len(delimiter)))) >= 0:
        follows = body[at + len(delimiter) : at + len(delimiter) + 1]
        if (at == 0 or body[at - 1 : at] == b"\n") and follows in (b"", b"-", b"\r", b"\n", b" ", b"\t"):
            return at
    raise _malformed("multipart.cut_off", "does not end with its boundary, or does not begin with it")


def _headers(body: bytes, start: int, limits: PartLimits) -> tuple[dict[str, str], int]:
    """The headers of a part, names in lower case, and where its content begins."""
    if body[start : start + 1] == b"\n":
        return {}, start + 1
    if body[start : start + 2] == b"\r\n":
        return {}, start + 2
    match = re.compile(rb"\r?\n\r?\n").search(body, start, start + limits.head)
    if match is None:
        raise _malformed("multipart.head", f"has a part whose headers do not end within {limits.head} bytes")
    text = re.sub(r"\r?\n[ \t]+", " ", body[start : match.start()].decode("utf-8", "replace"))
    headers: dict[str, str] = {}
    for line in text.splitlines():
        name, _, value = line.partition(":")
        headers.setdefault(name.strip().lower(), value.strip())
    return headers, match.end()


def _root(pieces: Sequence[_Piece], parameters: dict[str, str], findings: Findings) -> int:
    if not pieces:
        raise _malformed("multipart.empty", "has no part")
    start = parameters.get("start")
    if start is None:
        return 0
    for at, piece in enumerate(pieces):
        if piece.headers.get("content-id", "").strip("<> ") == start.strip("<> "):
            return at
    findings.note("multipart.start_unknown", "/", "names a start that no part has; the first part was taken", start)
    return 0


def _part(piece: _Piece, limits: PartLimits) -> Part:
    media_type, parameters = parse_header(piece.headers.get("content-type", "application/octet-stream"))
    disposition = parse_header(piece.headers.get("content-disposition", ""))[1]
    return Part(
        data=_decoded(piece, limits),
        media_type=media_type or "application/octet-stream",
        content_id=piece.headers.get("content-id", "").strip().strip("<>").strip() or None,
        name=disposition.get("filename") or parameters.get("name") or None,
    )


def _decoded(piece: _Piece, limits: PartLimits) -> bytes:
    encoding = piece.headers.get("content-transfer-encoding", "binary").lower()
    if len(piece.body) > limits.part * 3 // 2:
        raise _malformed("attachment.too_large", f"has a part of more than {limits.part} bytes")
    match encoding:
        case "7bit" | "8bit" | "binary" | "":
            data = piece.body
        case "base64":
            try:
                data = base64.b64decode(piece.body.translate(None, b" \t\r\n\v\f"), validate=True)
            except (binascii.Error, ValueError):
                raise _malformed("attachment.not_base64", "has a part that is not the Base64 it says") from None
        case "quoted-printable":
            data = quopri.decodestring(piece.body)
        case _:
            raise _malformed("attachment.encoding_unknown", "has a part in an unknown transfer encoding", encoding)
    if len(data) > limits.part:
        raise _malformed("attachment.too_large", f"has a part of more than {limits.part} bytes")
    return data


# Writing

_RESERVED = re.compile(r"(?i)(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?\Z")


def safe_name(name: str | None, fallback: str) -> str:
    """A file name that can go out: `[A-Za-z0-9._-]`, at most 100 characters, no leading dot, no device name."""
    bare = re.sub(r"[^A-Za-z0-9._-]+", "_", (name or "").replace("\\", "/").rpartition("/")[2]).strip("._")
    if len(bare) > 100:
        stem, dot, ending = bare.rpartition(".")
        bare = (stem[: 99 - len(ending)] + dot + ending) if stem and len(ending) <= 10 else bare[:100]
    return fallback if not bare or _RESERVED.match(bare) else bare


def pack(document: bytes, parts: Iterable[Part]) -> tuple[str, bytes]:
    """The Content-Type header and the body of a document with its files, as `multipart/related`.

    Every part has a content_id; the boundary is made from the contents, so the same input gives the same bytes."""
    parts = tuple(parts)
    digest = hashlib.sha256(b"".join((document, *(part.data for part in parts)))).hexdigest()
    boundary = f"crossdock-{digest[:40]}"
    root = f"{digest[40:]}@crossdock"
    lines = [
        f"--{boundary}",
        "Content-Type: text/xml; charset=UTF-8",
        f"Content-ID: <{root}>",
        "Content-Transfer-Encoding: binary",
    ]
    pieces = ["\r\n".join(lines).encode() + b"\r\n\r\n" + document]
    for at, part in enumerate(parts):
        if not part.content_id or not re.fullmatch(r"[!-;=?-~]+", part.content_id):
            raise ValueError("a part to be sent has a content_id of visible ASCII")
        lines = [
            f"--{boundary}",
            f"Content-Type: {re.sub(r'[^A-Za-z0-9./+-]', '', part.media_type)}",
            f"Content-ID: <{part.content_id}>",
            "Content-Transfer-Encoding: binary",
            f'Content-Disposition: attachment; filename="{safe_name(part.name, f"attachment-{at + 1}")}"',
        ]
        pieces.append("\r\n".join(lines).encode() + b"\r\n\r\n" + part.data)
    body = b"\r\n".join(pieces) + f"\r\n--{boundary}--\r\n".encode()
    return f'multipart/related; type="text/xml"; start="<{root}>"; boundary="{boundary}"', body
