"""What the process logs, as text, for as long as a test looks; then everything is set back."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from app import logs, trace
from app.seal import live_secrets


@contextmanager
def logged(*, form: str = "json", level: str = "info") -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, before = root.handlers, root.level
    stream = io.StringIO()
    # A job that an earlier test ran in its own thread leaves the numbers of its request behind.
    trace.forget()
    logs.configure(form=form, level=level, hidden=live_secrets, stream=stream)
    try:
        yield stream
    finally:
        root.handlers, root.level = handlers, before
        structlog.reset_defaults()
        trace.forget()
