"""Which language a page speaks, and the texts in it.

The texts of shoppers, and of those who come by a link in a mail, exist in five languages, the others in three.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from babel.localedata import exists
from babel.support import NullTranslations

from app.languages import LANGUAGES, catalogues, offered
from app.languages import msgid as msgid

PEOPLE_LANGUAGES = ("en", "es", "pt")

LOCALE_FOLDER = Path(__file__).parent / "locale"


@cache
def translations(language: str) -> NullTranslations:
    """All texts of our pages in a language."""
    return catalogues(LOCALE_FOLDER, language)


def regional(tag: str | None) -> str | None:
    """The same with its region where number formats are known for it (`es_mx` gives `es-MX`), for pages whose reader
    told the language exactly."""
    language = offered(tag)
    if language is None or tag is None:
        return None
    region = next((part.upper() for part in tag.replace("_", "-").split("-")[1:] if len(part) == 2), None)
    return f"{language}-{region}" if region and exists(f"{language}_{region}") else language


def negotiated(accept_language: str | None, languages: Sequence[str] = LANGUAGES) -> str:
    """The best of these for an Accept-Language header (RFC 9110), else the first of them."""
    wishes: list[tuple[float, str]] = []
    for part in (accept_language or "")[:1000].split(","):
        tag, _, parameter = part.partition(";")
        language = offered(tag, languages)
        weight = _weight(parameter)
        if language and weight > 0:
            wishes.append((weight, language))
    return max(wishes, key=lambda wish: wish[0])[1] if wishes else languages[0]


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
