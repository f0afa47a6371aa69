"""What our times are held against: work on the same input that nobody can leave out.

A benchmark measures its subject and its references in one run, alternating, and prints ratios: the machine is shared,
and only ratios travel.
"""

import gc
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from lxml import etree


def bare_parse(body: bytes) -> etree._Element:
    """lxml alone, set as our own parse is."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True, encoding="utf-8"
    )
    return etree.fromstring(body, parser)


def read_every_element(root: etree._Element) -> int:
    """One Python loop that reads tag, text and attributes of every element once; how many there are."""
    count = 0
    for element in root.iter():
        _ = element.tag, element.text, element.items()
        count += 1
    return count


def times(*works: Callable[[], object], rounds: int) -> list[float]:
    """The least CPU seconds of each, run by turns so that a busy machine hits all of them; no garbage collection."""
    measured: list[list[float]] = [[] for _ in works]
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for work, seconds in zip(works, measured, strict=True):
                started = time.process_time()
                result = work()
                seconds.append(time.process_time() - started)
                del result
    finally:
        gc.enable()
    return [min(seconds) for seconds in measured]


Group = Sequence[tuple[str, Sequence[Any]]]
"""Statements with `?` for their values, which are to be durable together."""


@contextmanager
def grouped_on_sqlite(path: str) -> Iterator[Callable[[Group], None]]:
    """The bare driver, as durable as ours is: each group in one transaction, no savepoints."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")

    def write(group: Group) -> None:
        connection.execute("BEGIN IMMEDIATE")
        for statement, values in group:
            connection.execute(statement, values)
        connection.execute("COMMIT")

    yield write
    connection.close()


@contextmanager
def grouped_on_postgres(url: str) -> Iterator[Callable[[Group], None]]:
    """The same over psycopg."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:

        def write(group: Group) -> None:
            with connection.transaction():
                for statement, values in group:
                    connection.execute(statement.replace("?", "%s"), values)

        yield write
