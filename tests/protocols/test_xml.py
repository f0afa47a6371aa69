"""The hardened parse: what it takes, what it refuses, and that nothing is cut, fetched or expanded."""

import contextlib
import socket
import time
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols import xml
from protocols.xml_source import Repairs
from schemas.faults import Findings, Malformed

DOCTYPE = '<!DOCTYPE a SYSTEM "http://xml.cxml.org/schemas/cXML/1.2.071/cXML.dtd">'


def read(body: str | bytes, **options: Any) -> tuple[xml.Element, list[str]]:
    findings = Findings()
    root = xml.parse(body.encode() if isinstance(body, str) else body, findings, **options)
    return root, [fault.code for fault in findings.findings]


def refused(body: str | bytes, **options: Any) -> list[tuple[str, int | None, int | None]]:
    with pytest.raises(Malformed) as error:
        read(body, **options)
    return [(fault.code, fault.line, fault.column) for fault in error.value.faults]


def test_comments_and_instructions_go_without_cutting_a_text() -> None:
    root, _ = read("<a><m>9<!-- -->.9<?x y?>5<![CDATA[<&]]></m></a>")
    assert root[0].text == "9.95<&"
    assert len(root[0]) == 0


@pytest.mark.parametrize(
    ("body", "text", "attribute"),
    [
        (DOCTYPE + '<a k="x&nbsp;y">1&trade;2</a>', "1\u21222", "x\u00a0y"),
        (DOCTYPE + '<a k="&lt;&quot;">&amp;&#8364;&eacute;</a>', "&\u20ac\u00e9", '<"'),
        (DOCTYPE + '<a k="&LT;">&AMP;<![CDATA[&nbsp;]]></a>', "&&nbsp;", "<"),
        ('<!DOCTYPE a [<!ENTITY % x "INCLUDE">]><a k="">&nbsp;</a>', "\u00a0", ""),
    ],
)
def test_html_entities_are_put_in_where_a_doctype_lets_them_vanish(body: str, text: str, attribute: str) -> None:
    root, codes = read(body)
    assert (root.text, root.get("k")) == (text, attribute)
    assert set(codes) == {"xml.entity_repaired"}


def test_each_repaired_entity_is_a_finding_with_line_and_column() -> None:
    findings = Findings()
    xml.parse((DOCTYPE + "\n<a>\n  &nbsp;x&nbsp;</a>").encode(), findings)
    assert [(fault.line, fault.column, fault.found) for fault in findings.findings] == [
        (3, 3, "&nbsp;"),
        (3, 10, "&nbsp;"),
    ]


def test_a_hundred_thousand_entities_are_repaired_and_not_all_listed() -> None:
    root, codes = read(DOCTYPE + "<a>" + "&nbsp;" * 150_000 + "</a>")
    assert root.text == "\u00a0" * 150_000
    assert len(codes) == 101


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ("<!DOCTYPE a SYSTEM 'x'><a>&company;</a>", [("xml.entity_unknown", 1, 27)]),
        (DOCTYPE + '\n<a k="&x;">&nbsp;&y;</a>', [("xml.entity_unknown", 2, 7), ("xml.entity_unknown", 2, 18)]),
        ("<a>&nbsp;</a>", [("xml.entity_unknown", 1, 4)]),
        ("<a>x & y</a>", [("xml.entity_unknown", 1, 6)]),
        ('<a k="s=9&k=2">\n &&</a>', [("xml.entity_unknown", *at) for at in ((1, 10), (2, 2), (2, 3))]),
        ('<a k="x<y"/>', [("xml.not_well_formed", 1, 8)]),
        ("<a>\x01</a>", [("xml.not_well_formed", 1, 4)]),
        ("", [("xml.not_well_formed", 1, 1)]),
        ("<a><b></a>", [("xml.not_well_formed", 1, 11)]),
        ("\n \n<?xml version='1.0'?><a/>", [("xml.blank_before_declaration", 1, 1)]),
    ],
)
def test_damage_is_refused_with_its_place(body: str, faults: list[tuple[str, int, int]]) -> None:
    assert refused(body) == faults


@pytest.mark.parametrize(
    "subset",
    [
        '<!ENTITY c "x">',
        '<!ENTITY c SYSTEM "file:///etc/passwd">',
        '<!ENTITY c PUBLIC "p" "http://127.0.0.1:9/x">',
        '<!ENTITY % x SYSTEM "file:///etc/passwd"> %x;',
        "<!ENTITY % a \"<!ENTITY &#37; b SYSTEM 'http://127.0.0.1:9/'>\"> %a;",
        '<!ENTITY % a "x"><!ENTITY % b "%a;%a;">',
        "<!ENTITY % a \"&#60;!ENTITY c 'x'>\">",
        '<!ATTLIST a k CDATA "default">',
        "<!ELEMENT a ANY>",
        '<!NOTATION n SYSTEM "x">',
        '<!ENTITY % x "1"> broken',
        '<!-- > --> <!ENTITY c "]><a/>">',
    ],
)
def test_what_an_internal_subset_declares_refuses_the_document_used_or_not(subset: str) -> None:
    assert [code for code, _, _ in refused(f"<!DOCTYPE a [{subset}]><a>t</a>")] == ["xml.declarations"]


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd">',
        "<!DOCTYPE a SYSTEM 'file:///etc/passwd'>",
        '<!DOCTYPE a PUBLIC "-//x//y" "http://127.0.0.1:9/a.dtd">',
        '<!DOCTYPE a SYSTEM "x" [ <!ENTITY % SGML-help "INCLUDE"> <!-- why --> <?pi x?> ]>',
        "<!DOCTYPE a [ ]>",
        "<!-- <!DOCTYPE b [<!ENTITY c 'x'>]> --> <!DOCTYPE a>",
    ],
)
def test_a_doctype_is_taken_and_nobody_goes_there(doctype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*_: object, **__: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket, "socket", no_network)
    started = time.perf_counter()
    root, _ = read(doctype + "<a>t</a>")
    assert root.text == "t"
    assert time.perf_counter() - started < 10


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        ('<?xml version="1.0" encoding="UTF-8"?><a>ü東</a>'.encode(), []),
        (b"\xef\xbb\xbf" + "<a>ü東</a>".encode(), ["xml.byte_order_mark"]),
        ('<?xml version="1.0" encoding="UTF-16"?><a>ü東</a>'.encode("utf-16"), []),
        ('<?xml version="1.0" encoding="UTF-8"?><a>ü東</a>'.encode("utf-16"), ["xml.encoding_contradicted"]),
        ('<?xml version="1.0"?><a>ü東</a>'.encode("utf-16-be"), ["xml.byte_order_mark"]),
        ('<?xml version="1.0" encoding="UTF-16"?><a>ü東</a>'.encode(), ["xml.encoding_contradicted"]),
        ('<?xml version="1.0" encoding="GB18030"?><a>ü東</a>'.encode("gb18030"), []),
    ],
)
def test_encodings_that_are_taken(body: bytes, codes: list[str]) -> None:
    root, found = read(body)
    assert (root.text, found) == ("ü東", codes)


def test_latin_1_is_read_as_declared() -> None:
    root, codes = read('<?xml version="1.0" encoding="ISO-8859-1"?><a>ü</a>'.encode("latin-1"))
    assert (root.text, codes) == ("ü", [])


def test_the_declaration_wins_over_the_transport() -> None:
    root, codes = read('<?xml version="1.0" encoding="UTF-8"?><a>ü</a>'.encode(), charset="iso-8859-1")
    assert (root.text, codes) == ("ü", ["xml.charset_contradicted"])
    root, codes = read("<a>ü</a>".encode("latin-1"), charset="iso-8859-1")
    assert (root.text, codes) == ("ü", [])


@pytest.mark.parametrize(
    "name", ["UTF-7", "utf-32", "cp037", "rot13", "zlib", "unicode_escape", "nonsense", "..", "idna"]
)
def test_other_encodings_are_refused(name: str) -> None:
    assert refused(f'<?xml version="1.0" encoding="{name}"?><a>+AD4-</a>')[0][0] == "xml.encoding_unknown"


def test_wrong_bytes_are_refused_with_their_offset() -> None:
    with pytest.raises(Malformed, match="offset 45") as error:
        read('<?xml version="1.0" encoding="UTF-8"?>\n<a>ab ü</a>'.encode("latin-1"))
    assert (error.value.faults[0].line, error.value.faults[0].found) == (2, "0xfc")


def test_switches_repair_characters_and_say_so() -> None:
    root, codes = read("\n<?xml version='1.0'?><a>ü</a>", repairs=Repairs(leading_blank=True))
    assert (root.text, codes) == ("ü", ["xml.blank_before_declaration"])
    root, codes = read("<a>fa\xe7ade \x80</a>".encode("latin-1"), repairs=Repairs(encoding=True))
    assert (root.text, codes) == ("façade \u20ac", ["xml.encoding_broken"])
    root, codes = read('<a k="s=9&k=2&&amp;<b>">a & b&nbsp;&#65;</a>', repairs=Repairs(unescaped=True))
    assert (root.get("k"), root.text) == ("s=9&k=2&&<b>", "a & b\u00a0A")
    assert set(codes) == {"xml.entity_repaired", "xml.markup_repaired"}


def test_repairs_leave_comments_and_cdata_alone() -> None:
    body = '<a><!-- & <b k="<"> --><![CDATA[& <]]> & <b k="1">t</b></a>'
    root, codes = read(body, repairs=Repairs(unescaped=True))
    assert (root.text, root[0].text, codes) == ("& < & ", "t", ["xml.entity_repaired"])


def test_structure_is_never_repaired() -> None:
    for body in ("<a><b></a>", "<a>x < y</a>", "<a k=1/>", "<a></a><b/>"):
        refused(body, repairs=Repairs(leading_blank=True, encoding=True, unescaped=True))


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"<a>" * 100_000, "xml.not_well_formed"),
        (b"<a>" + b"<b/>" * 10**6 + b"</a>", "xml.too_many_elements"),
        (b"<a " + b" ".join(b'a%d=""' % n for n in range(10**6)) + b"/>", "xml.not_well_formed"),
        (b"<a>" + b"x" * 15_000_000 + b"</a>", "xml.not_well_formed"),
        (b"<a>" + b"x" * 100_000_000 + b"</a>", "xml.too_large"),
        (b"<!--" * 300_000, "xml.not_well_formed"),
        (b"<!DOCTYPE a [" + b"<!-- " * 300_000, "xml.declarations"),
        (b"<!DOCTYPE a [" + b"<!-- -->" * 300_000, "xml.declarations"),
        (b"<!DOCTYPE a SYSTEM '" + b"<a " * 300_000, "xml.declarations"),
        (b"<?xml version='1.0'" + b" encoding=" * 300_000, "xml.not_well_formed"),
        (b"<a>" + b"<![CDATA[" * 300_000, "xml.not_well_formed"),
        (b"<!DOCTYPE a SYSTEM ''>" + b"<a>" + b"&x" * 10**6, "xml.entity_unknown"),
        (b"<!DOCTYPE a SYSTEM ''>" + b"<a>" + b"&x;<b " * 150_000, "xml.entity_unknown"),
    ],
    ids=lambda value: value if isinstance(value, str) else repr(value[:20]),
)
def test_huge_documents_are_refused_at_once(body: bytes, code: str) -> None:
    tracemalloc.start()
    started = time.process_time()
    faults = refused(body)
    spent = time.process_time() - started
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert faults[0][0] == code
    assert spent < 4
    assert most < 60_000_000


def test_a_path_counts_only_where_siblings_repeat() -> None:
    root, _ = read("<a><b/><b k='1'><c/></b><d/></a>")
    assert [xml.at(element) for element in root.iter()] == ["/a", "/a/b[1]", "/a/b[2]", "/a/b[2]/c", "/a/d"]
    assert xml.at(root[1], "k") == "/a/b[2]/@k"


def test_lines_are_right_beyond_65535() -> None:
    root, _ = read("<a>" + "\n" * 70_000 + "<b/></a>")
    assert root[0].sourceline == 70_001


def test_findings_beyond_200_are_counted_not_listed() -> None:
    root, _ = read("<a>" + "<b/>" * 1000 + "</a>")
    review = xml.Review(Findings())
    for element in root:
        review.fault("x.y", element, "wrong")
        review.note("x.z", element, "odd")
    assert len(review.faults) == 201
    assert len(review.findings.findings) == 201


def done(event: str, element: xml.Element) -> bool:
    return event == "end" and element.tag == "h"


@pytest.mark.parametrize(
    "body",
    [
        b"<a><h><i>7</i></h><rest>",
        b"<a><h><i>7</i></h>& < broken",
        DOCTYPE.encode() + b"<a><h><i>7</i></h>&nbsp;</a>",
        b"<a><h><i>7</i></h>" + b"<b/>" * 100_000,
        "<a><h><i>7</i></h>ü".encode("utf-16")[:-1],
        b"<a><h><i>7</i></h>\xff",
        b"\n <?xml version='1.0'?><a><h><i>7</i></h>",
        b"<a k='&x=1<'><h><i>7</i></h>",
    ],
)
def test_a_head_is_read_whatever_follows(body: bytes) -> None:
    assert xml.parse_head(body, done)[0].findtext("i") == "7"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (DOCTYPE + "<a><h><i>caf&eacute;</i></h></a>", "café"),
        (DOCTYPE + "<a><h><i>caf&eacute; & &x;</i></h></a>", "café & &x;"),
        ("<a><h><i>x&y</i></h></a>", "x&y"),
    ],
)
def test_a_head_loses_no_character(body: str, text: str) -> None:
    assert xml.parse_head(body.encode(), done)[0].findtext("i") == text


def test_a_head_is_utf_8_till_its_first_wrong_byte() -> None:
    body = "<a><h><i>東 ".encode() + "ü</i></h></a>".encode("latin-1")
    assert xml.parse_head(body, done)[0].findtext("i") == "東 ü"


def test_a_head_that_does_not_end_is_refused() -> None:
    for body in (b"<a><h>" + b"<i/>" * 100_000, b"<a/>", b"", b"<a><h></a>", b"x" * 10**6):
        with pytest.raises(Malformed):
            xml.parse_head(body, done)


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.binary(max_size=60), st.booleans())
def test_no_bytes_give_anything_but_a_document_or_malformed(body: bytes, repair: bool) -> None:
    repairs = Repairs(leading_blank=repair, encoding=repair, unescaped=repair)
    for framed in (body, b"<a>" + body + b"</a>", b"<!DOCTYPE a [" + body + b"]><a/>", b'<a k="' + body + b'"/>'):
        with contextlib.suppress(Malformed):
            xml.parse(framed, Findings(), repairs=repairs)
        with contextlib.suppress(Malformed):
            xml.parse_head(framed, done)


@given(st.text(max_size=30))
def test_any_text_is_written_as_sound_xml(text: str) -> None:
    made = xml.element("a", text, k=text)
    again = xml.parse(xml.serialise(made, name="a", system_id=None), Findings())
    assert again.text == (xml.sound(text) or None)
    assert again.get("k") == xml.sound(text)
