"""The house keeps its shape: layers, layout, what may be imported where, and how old a dependency may be."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SOURCES = sorted(path for package in ("app", "protocols", "schemas") for path in (ROOT / package).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

LONGEST_FILE = 450


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


# Layers and layout


def test_layers_hold(capsys: pytest.CaptureFixture[str]) -> None:
    status = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True, no_logo=True)
    assert status == EXIT_STATUS_SUCCESS, capsys.readouterr().out


def test_a_worker_loads_no_web_pages() -> None:
    program = "import sys; from app.cli import WORKER, commands; commands(WORKER); print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = ran.stdout.split()
    assert "app.jobs.lane" in loaded
    assert [name for name in loaded if name.startswith(("app.web", "starlette"))] == []


def test_schemas_import_only_what_values_and_definitions_need() -> None:
    allowed = {"msgspec", "lxml", "xmlschema", "stdnum", "schemas"} | sys.stdlib_module_names
    imported = {
        (relative(path), module)
        for path in SOURCES
        if path.is_relative_to(ROOT / "schemas")
        for module in imported_modules(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert {(path, module) for path, module in imported if module.partition(".")[0] not in allowed} == set()


def test_the_top_level_holds_nothing_else() -> None:
    allowed = {"pyproject.toml", "README.md", "Dockerfile", "app", "protocols", "schemas", "tests", "fixtures", "docs"}
    made_by_tools = {"build", "dist", "crossdock-data", "__pycache__", "crossdock.egg-info"}
    found = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    assert found - allowed - made_by_tools == set()


def test_no_file_is_named_after_nothing() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc"}
    assert [relative(path) for path in SOURCES + TESTS if vague & {path.stem, path.parent.name}] == []


def test_no_source_file_is_too_long_to_read() -> None:
    lengths = {relative(path): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert {path: length for path, length in lengths.items() if length > LONGEST_FILE} == {}


def test_tests_are_no_packages_and_their_names_are_unique() -> None:
    assert [relative(path) for path in TESTS if path.name == "__init__.py"] == []
    names = [path.name for path in TESTS if path.name != "conftest.py"]
    assert sorted({name for name in names if names.count(name) > 1}) == []


# What may be called where

XML_PLACES = {
    "protocols/xml.py": "the one hardened parse",
    "schemas/wire.py": "compiles the definitions",
    "app/sandbox/browser.py": "reads HTML pages as a browser does",
}
"""Where an entry point of an XML parser may stand, and why."""

XML_MODULES = ("xml", "xmlschema", "lxml.html", "lxml.objectify", "lxml.isoschematron", "defusedxml", "bs4", "xsdata")
XML_NAMES = frozenset(
    {"XML", "XMLID", "HTML", "fromstring", "fromstringlist", "parse", "parseid", "iterparse", "XMLParser"}
    | {"XMLPullParser", "HTMLParser", "HTMLPullParser", "ETCompatXMLParser", "DTD", "XMLSchema", "RelaxNG"}
    | {"Schematron", "XSLT", "XInclude"}
)


def imported_modules(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def xml_entry_points(source: str) -> list[str]:
    """Every way into an XML parser: a module that is one, or a name of lxml.etree that parses or compiles."""
    tree = ast.parse(source)
    found = [
        module
        for module in imported_modules(tree)
        if any(module == xml or module.startswith(f"{xml}.") for xml in XML_MODULES)
    ]
    aliases = {"etree"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            aliases |= {name.asname for name in node.names if name.name == "lxml.etree" and name.asname}
        elif isinstance(node, ast.ImportFrom) and node.module == "lxml":
            aliases |= {name.asname or name.name for name in node.names if name.name == "etree"}
        elif isinstance(node, ast.ImportFrom) and node.module == "lxml.etree":
            found += [name.name for name in node.names if name.name in XML_NAMES | {"*"}]
    found += [
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in XML_NAMES and last_name(node.value) in aliases
    ]
    return found


def last_name(node: ast.expr) -> str | None:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else None


def test_xml_is_parsed_in_one_place() -> None:
    found = {relative(path): xml_entry_points(path.read_text(encoding="utf-8")) for path in SOURCES}
    assert {path: names for path, names in found.items() if names and path not in XML_PLACES} == {}


@pytest.mark.parametrize(
    "source",
    [
        "from lxml import etree\netree.fromstring(body)",
        "from lxml import etree as e\ne.iterparse(file)",
        "import lxml.etree\nlxml.etree.parse(file)",
        "import lxml.etree as x\nx.XMLParser()",
        "from lxml.etree import XML",
        "from lxml.etree import *",
        "from lxml import objectify",
        "import xml.etree.ElementTree",
        "from xml.dom import minidom",
        "from xmlschema import XMLSchema",
        "from lxml import etree\nread = etree.DTD",
    ],
)
def test_a_way_into_an_xml_parser_is_seen(source: str) -> None:
    assert xml_entry_points(source)


@pytest.mark.parametrize(
    "source",
    [
        "from lxml import etree\netree.SubElement(parent, 'Money')",
        "from protocols import xml\nxml.parse(body, findings)",
        "from urllib import parse\nparse.quote(text)",
        "import msgspec\nmsgspec.json.decode(body)",
    ],
)
def test_building_xml_and_other_parsers_are_no_way_in(source: str) -> None:
    assert not xml_entry_points(source)


UNSAFE_MODULES = frozenset({"pickle", "cPickle", "dill", "shelve", "marshal", "jsonpickle"})
UNSAFE_CALLS = frozenset({"eval", "exec", "yaml.load", "yaml.load_all", "yaml.unsafe_load", "yaml.full_load"})


def unsafe_uses(source: str) -> list[str]:
    """What turns a partner's bytes into running code."""
    tree = ast.parse(source)
    imported = [module for module in imported_modules(tree) if module.partition(".")[0] in UNSAFE_MODULES]
    called = [ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return imported + [name for name in called if name in UNSAFE_CALLS]


def test_no_data_becomes_code() -> None:
    found = {relative(path): unsafe_uses(path.read_text(encoding="utf-8")) for path in SOURCES}
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize("source", ["import pickle", "from pickle import loads", "eval(text)", "yaml.load(text)"])
def test_data_that_becomes_code_is_seen(source: str) -> None:
    assert unsafe_uses(source)


# Dependencies

FLOORS = {
    "starlette": ("1.10", "CVE-2026-48710 CVE-2026-48818 CVE-2026-54282 CVE-2026-54283 CVE-2025-62727 CVE-2026-54121"),
    "python-multipart": ("0.0.32", "CVE-2026-24486 CVE-2026-40347 CVE-2026-42561; goes with Starlette's form fix"),
    "lxml": ("6.1", "CVE-2026-41066: iterparse and ETCompatXMLParser read local files"),
    "cryptography": ("50", "CVE-2026-69247: decryption oracle in PKCS#7 EnvelopedData; the OpenSSL in its wheels"),
    "asyncssh": ("2.23.1", "CVE-2026-54591 CVE-2023-46446, Terrapin (CVE-2023-48795)"),
    "jinja2": ("3.1.6", "CVE-2025-27516 and earlier escapes from its sandbox"),
    "h11": ("0.16", "CVE-2025-43859: smuggling through chunked bodies"),
    "signxml": ("4.0.4", "CVE-2025-48994 CVE-2025-48995: algorithm confusion, timing"),
    "starlette-admin": ("1.0.3", "search and sort fields, open redirect before it"),
}
"""The oldest version of a dependency that may be installed, and what was wrong with those before it."""


def dependencies() -> list[Requirement]:
    project = PROJECT["project"]
    extras = [text for texts in project.get("optional-dependencies", {}).values() for text in texts]
    return [Requirement(text) for text in [*project["dependencies"], *extras]]


def floor_of(requirement: Requirement) -> Version | None:
    lower = [Version(part.version) for part in requirement.specifier if part.operator in (">=", "==", "~=")]
    return max(lower, default=None)


@pytest.mark.parametrize("requirement", dependencies(), ids=lambda requirement: requirement.name)
def test_a_dependency_has_a_floor_above_its_known_holes(requirement: Requirement) -> None:
    floor = floor_of(requirement)
    assert floor is not None, "has no lower bound"
    needed, reason = FLOORS.get(requirement.name.lower(), ("0", ""))
    assert floor >= Version(needed), reason


def test_what_listens_and_parses_is_named_with_its_floor() -> None:
    named = {requirement.name.lower() for requirement in dependencies()}
    assert {"starlette", "python-multipart", "lxml", "cryptography", "jinja2", "h11", "starlette-admin"} <= named
