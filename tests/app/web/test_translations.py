"""Every text of every page exists in every language that the page is for, and no page has a text of its own."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from babel.messages.extract import extract
from babel.messages.pofile import read_po
from jinja2 import Environment
from jinja2.ext import babel_extract
from lxml import html

from app.approval.fields import FIELDS
from app.flows.tables import csv_lines
from app.languages import LANGUAGES, offered
from app.letters import letter
from app.letters.approval_words import DIFFERENCES
from app.web.language import LOCALE_FOLDER, PEOPLE_LANGUAGES, negotiated, regional, translations

WEB = LOCALE_FOLDER.parent
LETTERS = Path(letter.__file__).parent
TEMPLATES = sorted([*WEB.glob("templates/**/*.html"), *LETTERS.glob("templates/*.*")])
TABLES = Path(csv_lines.__file__).parent
MODULES = sorted([*WEB.glob("**/*.py"), *LETTERS.glob("*.py"), *TABLES.glob("*.py")])
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]")

Message = tuple[str, ...]
"""The text, and its plural where it has one."""


def of_shoppers(path: Path) -> bool:
    """Whether people outside see it: the shop itself, mails and what their links lead to, and the error pages that
    everybody may meet."""
    outside = {"storefront", "links"} & set(path.parts) or LETTERS in path.parents
    return bool(outside) or path.name in ("errors.py", "error.html", "layout.html", "sentences.py")


def messages(path: Path) -> Iterator[Message]:
    with path.open("rb") as source:
        if path.suffix != ".py":
            options = {"extensions": "jinja2.ext.i18n", "trim_blocks": "true", "newstyle_gettext": "true"}
            found: Iterable[object] = (m for _, _, m, _ in babel_extract(source, ("_", "ngettext"), [], options))
        else:
            found = (m for _, m, _, _ in extract("python", source, keywords={"msgid": None}))
        for message in list(found):
            if isinstance(message, str):
                yield (message,)
            elif message is not None:
                yield tuple(part for part in message if isinstance(part, str))  # type: ignore[attr-defined]


FOLDERS = (LOCALE_FOLDER, LETTERS / "locale")


def catalogue(language: str, folders: Iterable[Path] = FOLDERS) -> dict[Message, tuple[str, ...]]:
    entries: dict[Message, tuple[str, ...]] = {}
    for path in sorted(path for folder in folders for path in (folder / language).glob("*.po")):
        with path.open("rb") as source:
            for entry in read_po(source, locale=language):
                if entry.id:
                    key = (entry.id,) if isinstance(entry.id, str) else tuple(entry.id)
                    value = (entry.string,) if isinstance(entry.string, str) else tuple(entry.string)
                    assert key not in entries or entries[key] == value, f"{key} is translated in two ways"
                    entries[key] = value
    return entries


LABELS: set[Message] = {(field.label,) for field in FIELDS.values()}
"""Of the fields that rules ask about, which stand beside the fields themselves."""


def untranslated(language: str, paths: Iterable[Path]) -> list[Message]:
    """Pages and mails look their texts up in catalogues of their own."""
    pages, mails = (catalogue(language, (folder,)) for folder in FOLDERS)
    known = {path: mails if LETTERS in path.parents else pages for path in paths}
    return sorted({m for path in known for m in messages(path) if not all(known[path].get(m, ("",)))})


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_every_text_for_shoppers_is_translated(language: str) -> None:
    assert untranslated(language, filter(of_shoppers, (*TEMPLATES, *MODULES))) == []
    assert LABELS - catalogue(language).keys() == set()


@pytest.mark.parametrize("language", PEOPLE_LANGUAGES[1:])
def test_every_text_for_our_own_people_is_translated(language: str) -> None:
    assert untranslated(language, (*TEMPLATES, *MODULES)) == []
    assert {(word,) for word in DIFFERENCES.values()} - catalogue(language, (LOCALE_FOLDER,)).keys() == set()


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_a_translation_fills_in_what_its_text_does(language: str) -> None:
    for key, value in catalogue(language).items():
        for text in value:
            assert set(PLACEHOLDER.findall(text)) == set(PLACEHOLDER.findall(key[-1])), key


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_no_translation_is_left_over(language: str) -> None:
    used = LABELS | {message for path in (*TEMPLATES, *MODULES) for message in messages(path)}
    assert sorted(catalogue(language).keys() - used) == []


EXPRESSION = "\ue000"
NAMES = frozenset({"Crossdock", "CSV", "XLSX", "SHA-256"})


def literal_texts(path: Path) -> list[str]:
    """What a reader would see or hear of the template without any expression in it."""
    tokens = Environment(extensions=["jinja2.ext.i18n"]).lex(path.read_text())
    parts = (value if kind == "data" else EXPRESSION if kind == "variable_begin" else "" for _, kind, value in tokens)
    root = html.document_fromstring("<body>" + "".join(parts))
    spoken = root.xpath("//text()[not(ancestor::script or ancestor::style)]")
    spoken += root.xpath("//@title | //@alt | //@placeholder | //@aria-label | //input[@type='submit']/@value")
    return [text.strip() for text in spoken if re.search(r"[^\W\d_]{2}", text) and text.strip() not in NAMES]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: "/".join(path.parts[-2:]))
def test_a_template_has_no_text_of_its_own(path: Path) -> None:
    assert literal_texts(path) == []


def test_english_needs_no_catalogue() -> None:
    assert translations("en").gettext("Return cart") == "Return cart"
    assert translations("fr").ngettext("%(num)d product", "%(num)d products", 0) == "%(num)d produit"


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("de", "de"),
        ("ja, pt-BR;q=0.7, es;q=0.9", "es"),
        ("de;q=0, fr", "fr"),
        ("de;q=x", "en"),
        ("*", "en"),
        (",;;q=,", "en"),
    ],
)
def test_the_browser_says_its_languages(header: str | None, language: str) -> None:
    assert negotiated(header) == language


@pytest.mark.parametrize(
    ("tag", "language", "region"),
    [
        ("de", "de", "de"),
        ("de-CH", "de", "de-CH"),
        ("es_mx", "es", "es-MX"),
        ("pt-Latn-BR", "pt", "pt-BR"),
        ("en-XX", "en", "en"),
        ("it", None, None),
        ("", None, None),
        (None, None, None),
    ],
)
def test_a_tag_names_a_language_and_perhaps_a_region(tag: str | None, language: str | None, region: str | None) -> None:
    assert offered(tag) == language
    assert regional(tag) == region
