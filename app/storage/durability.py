"""Whether the database keeps what it says it has committed. An answer to a partner rests on nothing else."""

from sqlalchemy import Connection


def weaknesses(connection: Connection) -> list[str]:
    """Why an acknowledged document could be lost with the power, one sentence each with the way to mend it."""
    return _of_postgresql(connection) if connection.dialect.name == "postgresql" else _of_sqlite(connection)


def _of_postgresql(connection: Connection) -> list[str]:
    return [
        f"{setting} is off in PostgreSQL: what was acknowledged could be lost; turn it on"
        for setting in ("synchronous_commit", "fsync", "full_page_writes")
        if connection.exec_driver_sql(f"SHOW {setting}").scalar_one() == "off"
    ]


def _of_sqlite(connection: Connection) -> list[str]:
    mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
    if mode != "wal":
        return [
            f"SQLite's journal mode is {mode} here, not WAL (is the file on a network share?): "
            "put the data directory on a local disk"
        ]
    return []
