"""Documents with files: taken apart, put together, linked, refused."""

import base64
import hashlib
import quopri
import time

import pytest
from golden import FIXTURES
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.cxml.attachments import LIMITS, Part, PartLimits, pack, parse_header, safe_name, unpack
from protocols.cxml.documents import read_any, receive
from protocols.cxml.envelope import peek
from schemas.faults import Findings, Malformed
from schemas.order import Order

ORDER = (FIXTURES / "cxml/order_request/second_version.xml").read_text()
DRAWING = b"%PDF-1.7\n\x00\xff\r\n--b1\r\n binary \n"


def order(*references: str) -> bytes:
    """An order whose header and first line refer to files."""
    comments = [
        f'<Comments xml:lang="en">see<Attachment><URL>{url}</URL></Attachment></Comments>' for url in references
    ]
    header, line = [*comments, ""][0], "".join(comments[1:])
    body = ORDER.replace("<DocumentReference", f"{header}<DocumentReference", 1)
    return body.replace("</ItemDetail>", f"</ItemDetail>{line}", 1).encode()


def body_of(*parts: tuple[str, bytes], boundary: str = "b1", end: str = "\r\n") -> bytes:
    pieces = []
    for head, content in parts:
        lines = f"--{boundary}{end}{head.replace(chr(10), end)}"
        pieces.append((lines + (end if head else "") + end).encode() + content + end.encode())
    return b"preamble" + end.encode() + b"".join(pieces) + f"--{boundary}--{end}epilogue".encode()


ROOT = "Content-Type: text/xml; charset=UTF-8\nContent-ID: <root@b.example>"
FILE = (
    'Content-Type: application/pdf\nContent-ID: <dwg1@b.example>\nContent-Disposition: attachment; filename="plan.pdf"'
)
RELATED = 'multipart/related; boundary="b1"; type="text/xml"; start="<root@b.example>"'


def read(body: bytes, media_type: str = RELATED) -> tuple[Order, list[str]]:
    received = receive(body, media_type)
    assert isinstance(received.document, Order)
    return received.document, [fault.code for fault in received.findings]


def test_a_file_is_linked_where_header_and_line_refer_to_it() -> None:
    body = body_of((ROOT, order("cid:dwg1@b.example", "cid:dwg1@b.example")), (FILE, b"PDF"))
    document, codes = read(body)
    assert codes == []
    header, line = document.comments[0].attachments[0], document.lines[0].comments[0].attachments[0]
    assert header == line
    assert (header.name, header.media_type, header.size) == ("plan.pdf", "application/pdf", 3)
    assert header.sha256 == hashlib.sha256(b"PDF").hexdigest()
    assert document.attachments == ()


@pytest.mark.parametrize(
    "media_type",
    [
        "multipart/related; boundary=b1; type=text/xml; start=root@b.example",
        'MULTIPART/Related;Boundary = "b1" ; start="<root@b.example>"',
        "multipart/mixed; boundary=b1",
        "multipart/related; boundary=b1; start=nobody@b.example",
    ],
)
def test_media_types_that_are_met(media_type: str) -> None:
    document, codes = read(body_of((ROOT, order("cid:dwg1@b.example")), (FILE, b"PDF")), media_type)
    assert document.comments[0].attachments[0].size == 3
    assert codes == (["multipart.start_unknown"] if "nobody" in media_type else [])


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_the_root_may_stand_behind_and_without_an_id(end: str) -> None:
    behind = body_of((FILE, b"PDF"), (ROOT, order("cid:dwg1@b.example")), end=end)
    assert read(behind)[0].comments[0].attachments[0].size == 3
    bare = body_of(("", order("cid:dwg1@b.example")), (FILE, b"PDF"), end=end)
    assert read(bare, "multipart/mixed; boundary=b1")[0].comments[0].attachments[0].size == 3


@pytest.mark.parametrize(
    "reference",
    [
        "cid:dwg1@b.example",
        "CID:dwg1@b.example",
        "cid: dwg1@b.example",
        "cid:dwg1%40b.example",
        "cid:&lt;dwg1@b.example&gt;",
    ],
)
def test_references_as_they_are_written(reference: str) -> None:
    document, codes = read(body_of((ROOT, order(reference)), (FILE, b"PDF")))
    assert document.comments[0].attachments[0].size == 3
    assert codes == []


@pytest.mark.parametrize("content_id", ["dwg1@b.example", "<dwg1@b.example>", " < dwg1@b.example > "])
def test_content_ids_with_and_without_brackets(content_id: str) -> None:
    head = FILE.replace("<dwg1@b.example>", content_id)
    document, _ = read(body_of((ROOT, order("cid:dwg1@b.example")), (head, b"PDF")))
    assert document.comments[0].attachments[0].size == 3


@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        ("binary", DRAWING),
        ("8bit", DRAWING),
        ("7BIT", DRAWING),
        ("base64", base64.encodebytes(DRAWING)),
        ("Base64", base64.b64encode(DRAWING)),
        ("quoted-printable", quopri.encodestring(DRAWING)),
    ],
)
def test_transfer_encodings(encoding: str, content: bytes) -> None:
    head = f"{FILE}\nContent-Transfer-Encoding: {encoding}"
    body = body_of((ROOT, order("cid:dwg1@b.example")), (head, content), boundary="other-b1")
    part = receive(body, RELATED.replace('"b1"', '"other-b1"')).parts[0]
    assert part.data.replace(b"\r\n", b"\n") == DRAWING.replace(b"\r\n", b"\n")
    if encoding.lower() != "quoted-printable":
        assert part.data == DRAWING


def test_the_root_may_be_encoded_too() -> None:
    head = ROOT + "\nContent-Transfer-Encoding: base64"
    body = body_of((head, base64.encodebytes(order())))
    assert read(body)[0].id == "PO-9"
    assert peek(body, RELATED).kind == "OrderRequest"
    latin = ROOT.replace("UTF-8", "ISO-8859-1")
    document = ORDER.replace("Werk Eins", "Süd").replace('encoding="UTF-8"', "").encode("latin-1")
    place = read(body_of((latin, document)))[0].ship_to
    assert place is not None
    assert place.name == "Süd"


def test_a_dangling_reference_and_an_unreferenced_file_are_findings() -> None:
    document, codes = read(body_of((ROOT, order("cid:lost@b.example")), (FILE, b"PDF")))
    assert codes == ["attachment.dangling", "attachment.unreferenced"]
    assert document.comments[0].attachments[0].sha256 is None
    assert [(file.name, file.size) for file in document.attachments] == [("plan.pdf", 3)]


@pytest.mark.parametrize(
    ("body", "media_type", "code"),
    [
        (b"", RELATED, "multipart.cut_off"),
        (b"x" * 100_000, RELATED, "multipart.cut_off"),
        (body_of((ROOT, order()))[:-20], RELATED, "multipart.cut_off"),
        (body_of((ROOT, order()), (FILE, b"PDF" * 99))[:-100], RELATED, "multipart.cut_off"),
        (b"--b1--\r\n", RELATED, "multipart.empty"),
        (body_of((ROOT, order())), "multipart/related", "multipart.no_boundary"),
        (body_of((ROOT, order())), 'multipart/related; boundary=""', "multipart.no_boundary"),
        (b"--b1\r\nA: " + b"x" * 100_000, RELATED, "multipart.head"),
        (b"--b1\r\n" + b"A: x\r\n" * 10**6, RELATED, "multipart.head"),
        (b"y" * 30_000 + body_of((ROOT, order())), RELATED, "multipart.cut_off"),
        (body_of((ROOT, order()), (FILE, b"1"), (FILE, b"2")), RELATED, "attachment.id_repeated"),
        (
            body_of((ROOT, order()), (FILE + "\nContent-Transfer-Encoding: base64", b"!!!")),
            RELATED,
            "attachment.not_base64",
        ),
        (
            body_of((ROOT, order()), (FILE + "\nContent-Transfer-Encoding: gzip", b"x")),
            RELATED,
            "attachment.encoding_unknown",
        ),
        (body_of((ROOT, order()), (FILE, b"x" * (LIMITS.part + 1))), RELATED, "attachment.too_large"),
        (body_of(*[("", b"x")] * 300), RELATED, "attachment.too_many"),
    ],
)
def test_what_is_refused(body: bytes, media_type: str, code: str) -> None:
    started = time.process_time()
    reading = read_any(body, media_type)
    assert time.process_time() - started < 10
    assert [fault.code for fault in reading.faults] == [code]


def test_a_nested_multipart_is_a_file_like_any_other() -> None:
    inner = body_of((ROOT, order()), boundary="inner")
    head = 'Content-Type: multipart/mixed; boundary="inner"\nContent-ID: <n@b.example>'
    received = receive(body_of((ROOT, order("cid:n@b.example")), (head, inner)), RELATED)
    assert received.parts[0].media_type == "multipart/mixed"
    assert received.parts[0].data == inner


def test_what_is_packed_comes_out_again_byte_for_byte() -> None:
    parts = [
        Part(data=DRAWING, media_type="application/pdf", content_id="dwg1@b.example", name="../../plan 1.pdf"),
        Part(data=b"", media_type='x"\r\nEvil: 1', content_id="a@b", name=None),
    ]
    document = order("cid:dwg1@b.example")
    media_type, body = pack(document, parts)
    assert pack(document, parts) == (media_type, body)
    package = unpack(body, media_type, Findings())
    assert package.document == document
    assert [part.data for part in package.parts] == [part.data for part in parts]
    assert [part.name for part in package.parts] == ["plan_1.pdf", "attachment-2"]
    assert b"Evil: 1" not in body
    assert read(body, media_type)[0].comments[0].attachments[0].sha256 == parts[0].sha256


@pytest.mark.parametrize("content_id", [None, "", "a b", "a\r\nb", "<a>", "ü"])
def test_a_part_without_a_sound_id_is_not_sent(content_id: str | None) -> None:
    with pytest.raises(ValueError, match="content_id"):
        pack(b"<a/>", [Part(data=b"", media_type="text/plain", content_id=content_id)])


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("plan.pdf", "plan.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\a b.PDF", "a_b.PDF"),
        (".htaccess", "htaccess"),
        ("con", "file"),
        ("NUL.txt", "file"),
        ("\x00", "file"),
        ("", "file"),
        (None, "file"),
        ("…", "file"),
        ("Größe.pdf", "Gr_e.pdf"),
        ("trailing.", "trailing"),
        ("x" * 4000 + ".pdf", "x" * 96 + ".pdf"),
        ("x" * 4000, "x" * 100),
    ],
)
def test_names_that_go_out(name: str | None, safe: str) -> None:
    assert safe_name(name, "file") == safe


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("text/xml", ("text/xml", {})),
        ('Text/XML; Charset="UTF-8"', ("text/xml", {"charset": "UTF-8"})),
        ('a/b; x="q\\"; y=1"; z=2', ("a/b", {"x": 'q"; y=1', "z": "2"})),
        ("attachment; filename*=UTF-8''na%C3%AFve.pdf", ("attachment", {"filename": "naïve.pdf"})),
        ("attachment; filename*=nonsense''a%20b", ("attachment", {"filename": "a b"})),
        ("a/b; x=1; x=2", ("a/b", {"x": "1"})),
        ("", ("", {})),
    ],
)
def test_headers_are_taken_apart(header: str, expected: tuple[str, dict[str, str]]) -> None:
    assert parse_header(header) == expected


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.binary(max_size=80), st.text(max_size=30))
def test_no_bytes_give_anything_but_a_package_or_malformed(body: bytes, boundary: str) -> None:
    for media_type, framed in (
        (f"multipart/related; boundary={boundary}", body),
        ("multipart/related; boundary=b", b"--b\r\n" + body + b"\n--b--"),
        ("multipart/related; boundary=b", b"--b\r\n\r\n" + body + b"\n--b\r\n" + body + b"\r\n--b--"),
        (boundary, body),
    ):
        try:
            unpack(framed, media_type, Findings(), PartLimits(count=5))
        except Malformed:
            continue


def test_a_mebibyte_in_twenty_parts_is_taken_in_one_pass() -> None:
    parts = [(FILE.replace("dwg1", f"d{at}"), b"\n--b\n" * 200_000) for at in range(20)]
    started = time.process_time()
    package = unpack(body_of((ROOT, order()), *parts), RELATED, Findings())
    assert len(package.parts) == 20
    assert time.process_time() - started < 10
