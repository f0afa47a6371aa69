"""How texts and queries are brought to the same words, alike on both databases.

Case and accents are folded here and not by the database, because SQLite's and PostgreSQL's foldings differ.
"""

import re
import unicodedata
from typing import Final

_WORD: Final = re.compile(r"[^\W_]+")
_LETTERS: Final = str.maketrans({"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})


def words(text: str) -> tuple[str, ...]:
    """The words of a text in their order: letters and digits, lower case, without accents (`Señal 2,5m` gives
    `senal`, `2`, `5m`)."""
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(c for c in decomposed if not unicodedata.combining(c)).translate(_LETTERS)
    return tuple(_WORD.findall(plain))


def folded(*texts: str | None) -> str:
    """All words of these texts, as they are indexed."""
    return " ".join(word for text in texts if text for word in words(text))


def code(text: str) -> str:
    """A code as it is compared: `cd-10 42/b` and `CD1042B` are the same."""
    return "".join(words(text))
