"""The languages that are spoken with people outside, and how a catalogue of texts is read.

Message ids are the English texts. Catalogues are gettext `.po` files, `locale/<language>/<area>.po`, read once at
start: no compiled file has to be built or kept.
"""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

LANGUAGES: Final = ("en", "es", "pt", "fr", "de")


def msgid(text: str) -> str:
    """Marks a text of the code as one to translate; it is looked up where it is shown."""
    return text


def offered(tag: str | None, languages: Sequence[str] = LANGUAGES) -> str | None:
    """The language among these that a BCP 47 tag asks for (`de-AT`, `pt_BR`), by its first subtag."""
    primary = (tag or "").strip().replace("_", "-").partition("-")[0].casefold()
    return primary if primary in languages else None


def catalogues(folder: Path, language: str) -> NullTranslations:
    """All catalogues of a language below `folder` in one; English has none and needs none."""
    merged: NullTranslations = NullTranslations()
    for path in sorted((folder / language).glob("*.po")):
        with path.open("rb") as po:
            compiled = BytesIO()
            write_mo(compiled, read_po(po, locale=language))
        compiled.seek(0)
        catalogue = Translations(compiled)
        merged = merged.merge(catalogue) if isinstance(merged, Translations) else catalogue
    return merged
