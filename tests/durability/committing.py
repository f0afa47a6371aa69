"""A process that commits rows through the group-commit writer and says each one on standard output once it may.

Arguments: the database's URL, and SQLite's `synchronous`: FULL is how the product runs."""

import sys
import threading
from datetime import UTC, datetime

from sqlmodel import Session

import app.storage.database as database_module
from app.storage.base import new_id
from app.storage.processes import ProcessRow


def main(url: str, synchronous: str) -> None:
    database_module.PRAGMAS = (*database_module.PRAGMAS, f"synchronous={synchronous}")
    database = database_module.Database(url)
    database.start()

    def commit() -> None:
        while True:
            row_id = new_id()

            def write(session: Session, row_id: str = row_id) -> None:
                session.add(ProcessRow(id=row_id, seen_at=datetime.now(UTC)))

            database.write(write)
            sys.stdout.write(f"{row_id}\n")
            sys.stdout.flush()

    for _ in range(4):
        threading.Thread(target=commit).start()


if __name__ == "__main__":
    main(*sys.argv[1:])
