"""Logs tell what happened and never a secret."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from log_lines import logged

from app.seal import Secret


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    with logged() as stream:
        yield stream


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_with_level_time_and_correlation(stream: io.StringIO) -> None:
    structlog.contextvars.bind_contextvars(correlation_id="c-1")
    structlog.get_logger("app.x").info("order.taken", order="PO-1", lines=3)
    (line,) = lines(stream)
    assert line | {"timestamp": ""} == {
        "event": "order.taken",
        "level": "info",
        "logger": "app.x",
        "correlation_id": "c-1",
        "order": "PO-1",
        "lines": 3,
        "timestamp": "",
    }
    assert line["timestamp"].endswith("Z")


@pytest.mark.parametrize(
    "key", ["shared_secret", "SharedSecret", "password", "Authorization", "set-cookie", "api-key", "path_token"]
)
def test_a_value_is_masked_by_the_name_of_its_key(stream: io.StringIO, key: str) -> None:
    structlog.get_logger().info("x", **{key: "c4nary"}, headers={key: "c4nary", "deep": [{key: "c4nary"}]})
    assert "c4nary" not in stream.getvalue()


def test_a_secret_is_masked_wherever_its_text_stands(stream: io.StringIO) -> None:
    secret = Secret("c4nary-value")
    log = structlog.get_logger()
    log.info("sent c4nary-value", url="https://x/?s=c4nary-value", nested={"c4nary-value": ["c4nary-value"]})
    log.info("x", it=secret)
    logging.getLogger("some.library").warning("got %s", "c4nary-value")
    try:
        raise ValueError("c4nary-value is wrong")
    except ValueError:
        log.exception("failed")
    assert "c4nary" not in stream.getvalue()
    assert len(lines(stream)) == 4
    assert secret.reveal() == "c4nary-value"


def test_what_a_partner_sends_cannot_forge_a_line_or_steer_a_terminal(stream: io.StringIO) -> None:
    structlog.get_logger().info("x", payload_id='a\r\n{"event":"forged"}\x1b[2J\u202eb\x00')
    (line,) = lines(stream)
    assert line["payload_id"] == 'a\\r\\n{"event":"forged"}\\x1b[2J\\u202eb\\x00'


def test_console_lines_are_clean_as_well() -> None:
    with logged(form="console") as stream:
        structlog.get_logger().info("x", payload_id="a\nb\x1b[2J", password="c4nary")
    assert "c4nary" not in stream.getvalue()
    assert stream.getvalue().count("\n") == 1


def test_the_level_holds_for_libraries_too(stream: io.StringIO) -> None:
    logging.getLogger("some.library").debug("detail")
    logging.getLogger("dbos").info("chatter")
    logging.getLogger("uvicorn.access").info('GET /p/token-in-url/ HTTP/1.1" 200')
    assert stream.getvalue() == ""
