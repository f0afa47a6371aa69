"""Reading a posted form within limits that the page sets, and writing what a form of filters would send."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request


@dataclass(frozen=True, slots=True)
class FormLimits:
    """
    fields  the most fields.
    size    the most bytes of one value.
    files   the most files; their bytes together count against the body limit of the page.
    """

    fields: int = 50
    size: int = 16 * 1024
    files: int = 0


class Form:
    """The texts and files of a form. A repeated name keeps all its values."""

    def __init__(self, data: FormData, files: Mapping[str, bytes]) -> None:
        self._values: dict[str, list[str]] = {}
        self._files = files
        for name, value in data.multi_items():
            if isinstance(value, str):
                self._values.setdefault(name, []).append(value)

    def text(self, name: str) -> str:
        """The first value, without blanks around it; "" when there is none."""
        values = self._values.get(name)
        return values[0].strip() if values else ""

    def put(self, name: str, text: str) -> None:
        """In place of what was posted."""
        self._values[name] = [text]

    def all(self, name: str) -> tuple[str, ...]:
        return tuple(self._values.get(name, ()))

    def file(self, name: str) -> bytes:
        """What the file holds; nothing when there is none. What it is called elsewhere is nobody's business here."""
        return self._files.get(name, b"")

    def names(self) -> tuple[str, ...]:
        return tuple(self._values)


async def read_form(request: Request, limits: FormLimits) -> Form:
    """Raises HTTPException 400 beyond the limits (Starlette holds them for both form types), files included, and for a
    NUL in a text, which PostgreSQL cannot keep."""
    async with request.form(max_files=limits.files, max_fields=limits.fields, max_part_size=limits.size) as data:
        if any("\x00" in name or (isinstance(value, str) and "\x00" in value) for name, value in data.multi_items()):
            raise HTTPException(400)
        files = {name: await value.read() for name, value in data.multi_items() if isinstance(value, UploadFile)}
        return Form(data, files)


def as_query(values: Mapping[str, str]) -> str:
    """As the query of a link; what is empty is left out."""
    return urlencode({name: value for name, value in values.items() if value})
