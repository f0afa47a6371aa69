"""The proof of the table: element by element it says what the standard's own DTD says."""

from functools import cache
from typing import Any

import pytest
from cxml_instances import Instances, mutated, valid
from cxml_validity import STANDARD, standard
from lxml import etree

from schemas import wire
from schemas.content_model import Attribute, Model

pytestmark = pytest.mark.skipif(not STANDARD.is_dir(), reason=f"{STANDARD} is missing")


def declarations(dtd: wire.Dtd) -> dict[str, Any]:
    return {f"{e.prefix}:{e.name}" if e.prefix else e.name: e for e in dtd.dtd.iterelements()}


def normal(content: Any) -> Any:
    """A content model as nested tuples: groups of one and nested groups of the same kind flattened, choices sorted."""
    if content is None:
        return ()
    if content.type == "element":
        return (content.name, content.occur)
    if content.type == "pcdata":
        return ("#PCDATA", content.occur)
    parts: list[Any] = []
    for side in (content.left, content.right):
        part = normal(side)
        same = side is not None and side.type == content.type and side.occur == "once"
        parts += part[1] if same else [part] if part else []
    return (content.type, sorted(parts, key=repr) if content.type == "or" else parts, content.occur)


def attributes(element: Any) -> dict[str, Any]:
    return {
        f"{a.prefix}:{a.name}" if a.prefix else a.name: (a.type, a.default, a.default_value, sorted(a.values()))
        for a in element.attributes()
        # The default is the version of the DTD itself, which would be a lie here.
        if (element.name, a.name) != ("cXML", "version")
    }


def in_scope(dtd: str) -> list[str]:
    return [name for name, model in wire.cxml_models(dtd).items() if not model.is_open]


@pytest.mark.parametrize("dtd", wire.CXML_DTDS)
def test_the_table_knows_every_element_of_the_standard(dtd: str) -> None:
    theirs = {name for name in declarations(standard(dtd)) if ":" not in name} | {"ds:Signature"}
    assert set(wire.cxml_models(dtd)) == theirs


@pytest.mark.parametrize("dtd", wire.CXML_DTDS)
def test_content_models_are_those_of_the_standard(dtd: str) -> None:
    ours, theirs = declarations(wire.cxml_dtd(dtd)), declarations(standard(dtd))
    differing = {
        name: (normal(ours[name].content), normal(theirs[name].content))
        for name in in_scope(dtd)
        if (ours[name].type, normal(ours[name].content)) != (theirs[name].type, normal(theirs[name].content))
    }
    assert differing == {}


@pytest.mark.parametrize("dtd", wire.CXML_DTDS)
def test_attributes_are_those_of_the_standard(dtd: str) -> None:
    ours, theirs = declarations(wire.cxml_dtd(dtd)), declarations(standard(dtd))
    differing = {
        name: (attributes(ours[name]), attributes(theirs[name]))
        for name in in_scope(dtd)
        if attributes(ours[name]) != attributes(theirs[name])
    }
    assert differing == {}


# Instances


def notation(content: Any, prefix: str) -> str:
    """lxml does not tell the prefixes in a content model: they are those of the element."""
    if content.type in ("element", "pcdata"):
        word = prefix + content.name if content.type == "element" else "#"
    else:
        sides = [notation(side, prefix) for side in (content.left, content.right) if side is not None]
        word = f"({(', ' if content.type == 'seq' else ' | ').join(sides)})"
    return word + {"once": "", "opt": "?", "mult": "*", "plus": "+"}[content.occur]


def model_of(name: str, element: Any) -> Model:
    """The standard's declaration in our terms, to make instances of what our table leaves open."""
    if element.type in ("any", "empty"):
        content = element.type.upper()
    else:
        content = notation(element.content, f"{element.prefix}:" if element.prefix else "")
        content = "TEXT" if "#" in content else content
    return Model(
        name=name,
        content=content,
        attributes={
            n: Attribute(name=n, required=default == "required", values=tuple(values), type=kind.upper())
            for n, (kind, default, _, values) in attributes(element).items()
            if not n.startswith("xmlns")
        },
    )


@cache
def instances(dtd: str) -> Instances:
    theirs = {name: model_of(name, element) for name, element in declarations(standard(dtd)).items()}
    return Instances(theirs | {name: wire.cxml_models(dtd)[name] for name in in_scope(dtd)})


ONCE = {name: dtd for dtd in reversed(wire.CXML_DTDS) for name in in_scope(dtd)}
"""Each element in the first DTD that declares it: the tests above say that the others declare the same."""

PER_DTD = [
    (dtd, name)
    for name in ("cXML", "Request", "Message", "Response", "PaymentInformation")
    for dtd in wire.CXML_DTDS
    if name in in_scope(dtd) and ONCE[name] != dtd
]


@pytest.mark.parametrize(("dtd", "name"), [*((dtd, name) for name, dtd in sorted(ONCE.items())), *PER_DTD])
def test_ours_and_the_standards_verdict_on_an_element_are_the_same(dtd: str, name: str) -> None:
    made = instances(dtd)
    for text in valid(made, name):
        root = etree.fromstring(text)
        assert standard(dtd).check(root) == (), text
        assert wire.check_cxml(root, dtd) == (), text
    for text in set(mutated(made, name)):
        root = etree.fromstring(text)
        assert bool(wire.check_cxml(root, dtd)) == bool(standard(dtd).check(root)), text
