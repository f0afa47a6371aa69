"""`read` and `convert`: a document on its own, without partner, credentials or prices.

What `read` prints is one JSON object, always with the same members:

    protocol            its name, null when the bytes speak none of ours
    sender, receiver    [{scheme, value}], as the envelope names them
    documents           [{kind, id, document, findings, faults}]: `document` is the canonical JSON, null when the
                        message was refused or is of a kind that is not translated
    findings, faults    all of them, those of the envelope and then those of each document

Exit status: 0 read, 1 refused, 2 wrong usage.
"""

import re
import sys
from collections.abc import Callable, Iterator
from email.parser import BytesHeaderParser
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from protocols.protocol import CanonicalDocument, Reading
from protocols.registry import PROTOCOLS, recognise
from schemas.base import to_json
from schemas.faults import Fault, shortened

MOST_BYTES = 128 * 1024 * 1024
"""More than any transport of ours lets in."""

LONGEST_HEAD = 16 * 1024

REFUSED = 1

_BOUNDARY = re.compile(rb"--([A-Za-z0-9'()+_,./:=?-]{1,70})[ \t]*\r?\n")
_HEAD = re.compile(rb"(?:(?:MIME-Version|Content-[A-Za-z-]+):[^\n]*\n(?:[ \t][^\n]*\n)*)+\r?\n", re.IGNORECASE)

_encoder = msgspec.json.Encoder(decimal_format="string")

Input = Annotated[
    str, typer.Argument(metavar="FILE", help="The document; `-` reads standard input.", show_default=False)
]
MediaType = Annotated[
    str | None,
    typer.Option(help="Its Content-Type header, where it came with one (a multipart body needs no header here)."),
]


class Target(StrEnum):
    JSON = "json"


_WRITERS: dict[Target, Callable[[CanonicalDocument], bytes]] = {Target.JSON: to_json}


def read(file: Input, media_type: MediaType = None) -> None:
    """Read a document and say in JSON what it is, what it holds and what is wrong with it.

    Exit status: 0 read, 1 refused (the faults say why), 2 wrong usage."""
    reading = _reading(file, media_type)
    _print(_encoder.encode(_report(reading)))
    if reading.refused:
        raise typer.Exit(REFUSED)


def convert(
    file: Input,
    to: Annotated[Target, typer.Option(help="What to convert to.")],
    kind: Annotated[str | None, typer.Option(help="Only documents of this kind (`read` names the kinds).")] = None,
    media_type: MediaType = None,
) -> None:
    """Print the documents of a file in another form, one a line; faults go to standard error.

    `json` is the canonical form that the ERP and the API speak."""
    reading = _reading(file, media_type)
    for fault in reading.all_faults:
        typer.echo(str(fault), err=True)
    chosen = [document for document in reading.documents if kind is None or document.kind == kind]
    for found in chosen:
        if found.document is None:
            if not found.faults:
                typer.echo(f"{found.kind}: read, but of a kind that has no other form here", err=True)
            continue
        _print(_WRITERS[to](found.document))
    if reading.refused or not any(found.document for found in chosen):
        if not reading.refused and kind and not chosen:
            kinds = ", ".join(document.kind for document in reading.documents) or "none"
            typer.echo(f"there is no document of kind {kind} here; there is: {kinds}", err=True)
        raise typer.Exit(REFUSED)


def _reading(file: str, media_type: str | None) -> Reading:
    body = _bytes(file)
    if len(body) > MOST_BYTES:
        message = f"an input has at most {MOST_BYTES} bytes"
        return _nothing("input.too_large", message)
    if media_type is None:
        media_type, body = _unwrapped(body)
    protocol = recognise(body, media_type)
    if protocol is None:
        names = ", ".join(protocol.title for protocol in PROTOCOLS)
        message = f"this is none of the protocols spoken here ({names})"
        return _nothing("protocol.unknown", message, body[:80].decode("utf-8", "replace"))
    return protocol.read(body, media_type)


def _nothing(code: str, message: str, found: str | None = None) -> Reading:
    return Reading(protocol="", faults=(Fault(code=code, at="/", message=message, found=shortened(found)),))


def _unwrapped(body: bytes) -> tuple[str | None, bytes]:
    """The media type and the body of an input that was saved with its MIME headers, or of a bare multipart body, whose
    first line is its boundary."""
    boundary = _BOUNDARY.match(body)
    if boundary:
        return f'multipart/related; boundary="{boundary[1].decode("ascii")}"', body
    head = _HEAD.match(body[:LONGEST_HEAD])
    if not head:
        return None, body
    media_type = BytesHeaderParser().parsebytes(head[0]).get("Content-Type")
    return None if media_type is None else str(media_type), body[head.end() :]


def _bytes(file: str) -> bytes:
    """At most one byte more than may be read, so that an endless input ends."""
    if file == "-":
        return sys.stdin.buffer.read(MOST_BYTES + 1)
    try:
        with Path(file).open("rb") as source:
            return source.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise typer.BadParameter(f"cannot read {file!r}: {reason}", param_hint="FILE") from error


def _report(reading: Reading) -> dict[str, Any]:
    return {
        "protocol": reading.protocol or None,
        "sender": reading.sender,
        "receiver": reading.receiver,
        "documents": list(_documents(reading)),
        "findings": reading.all_findings,
        "faults": reading.all_faults,
    }


def _documents(reading: Reading) -> Iterator[dict[str, Any]]:
    for found in reading.documents:
        yield {
            "kind": found.kind,
            "id": found.id,
            "document": found.document,
            "findings": found.findings,
            "faults": found.faults,
        }


def _print(line: bytes) -> None:
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()
