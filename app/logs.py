"""Logs: one JSON object a line on standard error, with the correlation id of the order they speak of.

Nothing secret gets into them: values are masked by the name of their key and, wherever they stand, by their text.
Control characters are written as escapes, so that what a partner sends cannot forge a line or steer a terminal.
"""

import logging
import sys
from collections.abc import Callable, Iterable, MutableMapping
from html import escape
from typing import IO, Any, Final
from urllib.parse import quote

import structlog
from structlog.typing import EventDict, Processor

MASK: Final = "***"

SECRET_KEYS: Final = (
    "secret",
    "password",
    "passwd",
    "authorization",
    "cookie",
    "token",
    "credential",
    "api_key",
    "apikey",
    "signature",
    "start_code",
)
"""A key whose name holds one of these is masked whatever its value."""

SHORTEST: Final = 4
"""Texts shorter than this are not looked for by value: they would mask half of every line."""

_PLAIN: Final = frozenset({"event", "level", "logger", "timestamp", "correlation_id"})


def configure(
    *,
    form: str,
    level: str,
    hidden: Callable[[], Iterable[str]] = tuple,
    stream: IO[str] | None = None,
) -> None:
    """Sets up structlog and the standard library's logging, once at the start of a process.

    form    `json` or `console`.
    hidden  the texts of all secrets in memory, asked for each line."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        Redaction(hidden),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    last: Processor = structlog.processors.JSONRenderer() if form == "json" else structlog.dev.ConsoleRenderer()
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "dbos", "alembic"):
        logger = logging.getLogger(name)
        logger.handlers = []
        logger.propagate = True
    # We write our own access log, by route and not by URL: URLs hold tokens.
    logging.getLogger("uvicorn.access").disabled = True
    for name in ("dbos", "alembic", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)


class Redaction:
    """Masks secrets and makes control characters visible, in keys, values and traces."""

    def __init__(self, hidden: Callable[[], Iterable[str]]) -> None:
        self._hidden = hidden

    def __call__(self, logger: Any, method: str, event: EventDict) -> MutableMapping[str, Any]:
        secrets = [text for text in self._hidden() if len(text) >= SHORTEST]
        texts = sorted({form for text in secrets for form in _forms(text)}, key=len, reverse=True)
        for key in list(event):
            if key.startswith("_"):
                continue
            masked = key not in _PLAIN and _is_secret(key)
            event[key] = MASK if masked else _clean(event[key], texts, lines=key == "exception")
        return event


def _forms(text: str) -> tuple[str, ...]:
    """As it is, in XML and HTML, in a URL, and as Python shows a text that it quotes."""
    return text, escape(text, quote=False), escape(text), quote(text), quote(text, safe=""), repr(text)[1:-1]


def _is_secret(key: str) -> bool:
    folded = key.casefold().replace("-", "_")
    return any(word in folded for word in SECRET_KEYS)


def _clean(value: Any, texts: list[str], *, lines: bool = False) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, dict):
        return {
            _clean(str(key), texts): MASK if _is_secret(str(key)) else _clean(item, texts)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(item, texts) for item in value]
    text = value if isinstance(value, str) else str(value)
    for hidden in texts:
        text = text.replace(hidden, MASK)
    return text if text.isprintable() else "".join(map(_visible_in_trace if lines else _visible, text))


def _visible(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape", "backslashreplace").decode()


def _visible_in_trace(character: str) -> str:
    return character if character == "\n" else _visible(character)
