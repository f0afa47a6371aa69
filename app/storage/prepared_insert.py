"""An INSERT that is compiled once and handed to the driver as it is: for the hottest writes, where SQLAlchemy's way
takes four times as long as the database."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Table
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

Bind = tuple[str, Any]


class PreparedInsert:
    """Inserts one row of a table; a column without a value is NULL."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._by_dialect: dict[str, tuple[str, list[Bind]]] = {}

    def __call__(self, session: Session, values: Mapping[str, Any]) -> None:
        """Raises as `session.execute` does."""
        connection = session.connection()
        dialect = connection.dialect
        prepared = self._by_dialect.get(dialect.name)
        if prepared is None:
            prepared = self._by_dialect[dialect.name] = self._prepared(dialect)
        sql, binds = prepared
        row = [values.get(name) if convert is None else convert(values.get(name)) for name, convert in binds]
        driver: Any = connection.connection.dbapi_connection
        errors: type[Exception] = dialect.loaded_dbapi.Error
        try:
            driver.execute(sql, row)
        except errors as error:
            raise DBAPIError.instance(sql, None, error, errors, hide_parameters=True, dialect=dialect) from error

    def _prepared(self, dialect: Dialect) -> tuple[str, list[Bind]]:
        binds = [(column.name, column.type.dialect_impl(dialect).bind_processor(dialect)) for column in self._table.c]
        place = "?" if dialect.paramstyle == "qmark" else "%s"
        names, places = ", ".join(name for name, _ in binds), ", ".join([place] * len(binds))
        # Names of our own tables and columns, places for everything else.
        return f"INSERT INTO {self._table.name} ({names}) VALUES ({places})", binds  # noqa: S608
