"""Connections to databases, whose errors show neither passwords nor personal data."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from bankcrm.errors import BankcrmError, DatabaseError, DataError, MissingExtraError

if TYPE_CHECKING:
    import sqlalchemy

PASSWORD = "BANKCRM_DATABASE_PASSWORD"
"""The environment variable of the password of a URL that has none."""

Database: TypeAlias = "str | sqlalchemy.URL | sqlalchemy.Engine | sqlalchemy.Connection"
"""A URL such as ``postgresql://bank@host/crm``, or an engine or open connection of SQLAlchemy."""


@contextmanager
def connected(database: Database) -> Iterator[sqlalchemy.Connection]:
    """Connect to a database; a connection of the caller stays open, others are closed.

    Args:
        database: The database. The password of a URL without one is taken from the environment
            variable ``BANKCRM_DATABASE_PASSWORD``, or as the driver takes it (``PGPASSWORD``).

    Raises:
        DataError: Not a database.
        DatabaseError: There is no connection, it is lost, or a statement of the block is refused.
        MissingExtraError: The extra ``sql`` is not installed.

    >>> with connected("sqlite://") as connection:
    ...     connection.exec_driver_sql("SELECT 1").scalar()
    1
    """
    alchemy = sqlalchemy_()
    with translated():
        if isinstance(database, alchemy.Connection):
            yield database
        elif isinstance(database, alchemy.Engine):
            with database.connect() as connection:
                yield connection
        else:
            # Without a pool the connection is closed with the block.
            engine = alchemy.create_engine(
                url_of(database), hide_parameters=True, poolclass=alchemy.pool.NullPool
            )
            with engine.connect() as connection:
                yield connection


@contextmanager
def transaction(database: Database) -> Iterator[sqlalchemy.Connection]:
    """Run a block in one transaction, which is rolled back when the block fails.

    A transaction that the caller has begun stays open: the block is a savepoint in it.

    Args:
        database: The database; see `connected`.

    Raises:
        DataError: The connection commits each statement on its own.
    """
    with connected(database) as connection:
        driver: Any = connection.connection.driver_connection
        if getattr(driver, "autocommit", False) is True:
            raise DataError("database: the connection is in autocommit mode; turn it off")
        outer = connection.in_transaction()
        with ExitStack() as stack:
            if not outer:
                stack.enter_context(connection.begin())
            if connection.dialect.name == "sqlite" and not driver.in_transaction:
                # Python begins no transaction before CREATE TABLE, so that it could not be undone.
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            if outer:
                stack.enter_context(connection.begin_nested())
            yield connection


def url_of(database: object) -> sqlalchemy.URL:
    """The URL of a database, with the password from the environment if it has none.

    Args:
        database: A URL of SQLAlchemy, as text or parsed.

    Raises:
        DataError: Not a URL; its text is not shown, because it may contain a password.

    >>> url_of("postgresql+psycopg://bank@localhost/crm").host
    'localhost'
    """
    alchemy = sqlalchemy_()
    if not isinstance(database, str | alchemy.URL):
        raise DataError(
            f"database: {type(database).__name__} is no URL, and no engine or open connection"
        )
    try:
        url: sqlalchemy.URL = alchemy.make_url(database)
    except (alchemy.exc.ArgumentError, ValueError):
        raise DataError(
            "database: the text is no URL; expected one such as postgresql://user@host/name or "
            "sqlite:///bank.db; characters such as @ : / in a name are written %40 %3A %2F"
        ) from None
    if url.drivername == "postgresql" and not _installed("psycopg2") and _installed("psycopg"):
        url = url.set(drivername="postgresql+psycopg")
    password = os.environ.get(PASSWORD)
    if password and url.password is None and url.get_backend_name() != "sqlite":
        url = url.set(password=password)
    return url


@contextmanager
def translated() -> Iterator[None]:
    """Convert errors of SQLAlchemy, ADBC and drivers to `DatabaseError`.

    SQLAlchemy prints the parameters of a statement, and databases print values of the rows that
    fail: personal data. So only the first line of a message is kept, and none about values.
    """
    try:
        yield
    except BankcrmError:
        raise
    except ModuleNotFoundError as error:
        raise DatabaseError(
            f"database: the driver {error.name} is not installed; install it, or name another "
            "in the URL, such as postgresql+psycopg://"
        ) from None
    except Exception as error:
        kinds = {kind.__name__ for kind in type(error).__mro__}
        if not kinds & _ERRORS:
            raise
        raise DatabaseError(f"database: {_reason(error, kinds)}") from None


_ERRORS = {"DatabaseError", "InterfaceError", "SQLAlchemyError"}
"""Bases of all errors: the first two by the standard of Python's database drivers (PEP 249)."""

_WITHOUT_VALUES = {
    "InterfaceError",
    "InternalError",
    "NotSupportedError",
    "OperationalError",
    "ProgrammingError",
}
"""Errors whose first line has no value of a row."""


def _reason(error: Exception, kinds: set[str]) -> str:
    if "NoSuchModuleError" in kinds:
        return f"SQLAlchemy has no dialect {str(error).rpartition(':')[2]}; install its package"
    original = getattr(error, "orig", None) or error
    about = getattr(original, "diag", None)  # of psycopg
    if kinds & _WITHOUT_VALUES:
        text = getattr(about, "message_primary", None) or str(original)
        lines = text.strip().splitlines() or [type(original).__name__]
        return re.sub(r"\s+", " ", lines[0])[:300]
    named = [getattr(about, f"{n}_name", None) for n in ("table", "column", "constraint")]
    what = " ".join([type(original).__name__, *(n for n in named if n)])
    return f"{what}; the message is left out, because it may contain personal data"


def _installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def sqlalchemy_() -> Any:
    """SQLAlchemy, which is an extra.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        import sqlalchemy
    except ImportError:
        raise MissingExtraError("SQLAlchemy", "sql") from None
    return sqlalchemy
