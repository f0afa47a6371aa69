import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import wire
from schemas.content_model import Attribute, BadDefinition, Model, parse_attributes, parse_definitions

SEQUENCES = [
    model
    for dtd in wire.CXML_DTDS
    for model in wire.cxml_models(dtd).values()
    if model.content not in ("TEXT", "ANY", "EMPTY", "OPEN") and not model.content.startswith("MIX(")
]


def as_expression(content: str) -> str:
    """The content model as a regular expression over names that each end in a semicolon."""
    return re.sub(r"[A-Za-z][\w:.-]*", lambda name: f"(?:{name[0]};)", content).replace(",", "").replace(" ", "")


def sequences_for(model: Model) -> st.SearchStrategy[tuple[Model, list[str]]]:
    return st.tuples(st.just(model), st.lists(st.sampled_from(model.children), max_size=8))


@given(st.sampled_from(SEQUENCES).flatmap(sequences_for))
def test_children_fit_when_the_definition_as_a_regular_expression_says_so(drawn: tuple[Model, list[str]]) -> None:
    model, children = drawn
    fits = re.fullmatch(as_expression(model.content), "".join(f"{name};" for name in children))
    assert (not list(model.misfits(children))) == bool(fits)


def test_definitions_render_as_declarations() -> None:
    (model,) = parse_definitions("Tax = Money, (A | B)*, C? @ x! y=a|b(a) z='p q' w:NMTOKEN xml:lang")
    assert model.as_dtd() == (
        "<!ELEMENT Tax (Money, (A | B)*, C?)>\n"
        '<!ATTLIST Tax\n  x CDATA #REQUIRED\n  y (a|b) "a"\n  z CDATA #FIXED "p q"\n  w NMTOKEN #IMPLIED\n'
        "  xml:lang CDATA #IMPLIED>"
    )


@pytest.mark.parametrize(
    ("content", "declared"),
    [
        ("TEXT", "(#PCDATA)"),
        ("MIX(X | Y)", "(#PCDATA | X | Y)*"),
        ("ANY", "ANY"),
        ("EMPTY", "EMPTY"),
        ("OPEN", "EMPTY"),
    ],
)
def test_words_for_content_render_as_declarations(content: str, declared: str) -> None:
    (model,) = parse_definitions(f"E = {content}")
    assert model.as_dtd() == f"<!ELEMENT E {declared}>"


def test_one_line_defines_several_names() -> None:
    assert [model.name for model in parse_definitions("From, To = Credential+ @ x!")] == ["From", "To"]


@pytest.mark.parametrize(
    "line",
    ["", "Tax", "Tax =", "Tax = @ x", "1Tax = Money", "Tax = Money @ x x", "Tax = Money @ =a", "Tax = TEXT @ x!!"],
)
def test_a_definition_that_does_not_follow_the_notation_is_refused(line: str) -> None:
    with pytest.raises(BadDefinition):
        parse_definitions(line)


@pytest.mark.parametrize("content", ["A,", "(A", "A | B, C", "A B", "A)", "(A | A)", "A?, A", "A & B", "()"])
def test_a_content_model_that_xml_would_not_take_is_refused(content: str) -> None:
    (model,) = parse_definitions(f"E = {content}")
    with pytest.raises(BadDefinition):
        list(model.misfits(["A"]))


ORDER = "E = Total, ShipTo?, BillTo, (Card | Term)?, Note*, (Foo, Bar)?"


@pytest.mark.parametrize(
    ("children", "told"),
    [
        ("Total BillTo", []),
        ("Total ShipTo BillTo Term Note Note Foo Bar", []),
        ("", [(None, "Total is missing"), (None, "BillTo is missing")]),
        ("Total Note", [(None, "BillTo is missing before Note")]),
        ("Note", [(None, "Total is missing before Note"), (None, "BillTo is missing before Note")]),
        ("Total Other BillTo", [(1, "Other is not allowed in E")]),
        ("Note Total BillTo", [(0, "Note stands too early in E: Total comes before it")]),
        ("BillTo Total", [(0, "BillTo stands too early in E: Total comes before it")]),
        ("Total BillTo ShipTo", [(2, "ShipTo cannot stand after BillTo in E")]),
        ("Total Total BillTo", [(1, "only one Total is allowed in E")]),
        ("Total BillTo Card Term", [(3, "Term cannot stand after Card in E")]),
        ("Total BillTo Foo", [(None, "Bar is missing")]),
        ("Total BillTo Note Foo Bar Note", [(5, "Note cannot stand after Bar in E")]),
        (
            "Total Zip BillTo Zap ShipTo",
            [
                (1, "Zip is not allowed in E"),
                (3, "Zap is not allowed in E"),
                (4, "ShipTo cannot stand after BillTo in E"),
            ],
        ),
    ],
)
def test_misfits_say_what_is_wrong_all_at_once(children: str, told: list[tuple[int | None, str]]) -> None:
    (model,) = parse_definitions(ORDER)
    assert list(model.misfits(children.split())) == told


def test_alternatives_are_named_up_to_four() -> None:
    few, many = (f"E = ({' | '.join(names)})" for names in ("ABCD", "ABCDEF"))
    assert [m.message for m in parse_definitions(few)[0].misfits([])] == ["A or B or C or D is missing"]
    assert [m.message for m in parse_definitions(many)[0].misfits([])] == ["one of A, B, C, D or 2 others is missing"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("TEXT", "B is not allowed in E, which holds text"),
        ("EMPTY", "B is not allowed in E, which holds nothing"),
        ("MIX(A)", "B is not allowed in E"),
    ],
)
def test_children_where_there_may_be_none(content: str, told: str) -> None:
    (model,) = parse_definitions(f"E = {content}")
    assert [misfit.message for misfit in model.misfits(["B"])] == [told]


@pytest.mark.parametrize(
    ("attribute", "value", "wish"),
    [
        ("a", "anything at all", None),
        ("a=x|y", "x", None),
        ("a=x|y", "z", "x or y"),
        ("a=x|y", "X", "x or y"),
        ("a=yes", "no", "yes, or left out"),
        ("a='p q'", "p  q", "'p q'"),
        ("a:NMTOKEN", "12.b", None),
        ("a:NMTOKEN", "two words", "one word of letters, digits, '.', '-', '_' or ':'"),
        ("a:ID", "12", "a name: a letter, then letters, digits, '.', '-' or '_'"),
        ("a:ID", "n12", None),
    ],
)
def test_an_attribute_says_what_its_value_would_have_to_be(attribute: str, value: str, wish: str | None) -> None:
    assert parse_attributes(attribute)["a"].refuses(value) == wish


def test_attributes_are_read_with_all_that_is_said_of_them() -> None:
    assert parse_attributes("a! b=x|\n  y(x) c:ID") == {
        "a": Attribute("a", required=True),
        "b": Attribute("b", values=("x", "y"), default="x"),
        "c": Attribute("c", type="ID"),
    }
