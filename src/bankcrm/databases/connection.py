"""Connections to databases, whose errors show neither passwords nor personal data."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from bankcrm.errors import BankcrmError, DataError, EngineError, MissingExtraError

if TYPE_CHECKING:
    import sqlalchemy

PASSWORD = "BANKCRM_DATABASE_PASSWORD"
"""The environment variable of the password of a URL that has none."""

Database: TypeAlias = "str | sqlalchemy.URL | sqlalchemy.Engine | sqlalchemy.Connection"
"""A URL such as ``postgresql://bank@host/crm``, or an engine or open connection of SQLAlchemy."""

_HIDDEN = "its message is left out, because it may contain personal data"


@contextmanager
def connected(database: Database) -> Iterator[sqlalchemy.Connection]:
    """Connect to a database; a connection of the caller stays open, others are closed.

    Args:
        database: The database. The password of a URL without one is taken from the environment
            variable ``BANKCRM_DATABASE_PASSWORD``, or as the driver takes it (``PGPASSWORD``).

    Raises:
        DataError: Not a database, or a statement of the block fails.
        EngineError: There is no connection, or it is lost; or the driver is not installed.
        MissingExtraError: The extra ``sql`` is not installed.

    >>> with connected("sqlite://") as connection:
    ...     connection.exec_driver_sql("SELECT 1").scalar()
    1
    """
    alchemy = _sqlalchemy()
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
    alchemy = _sqlalchemy()
    if not isinstance(database, str | alchemy.URL):
        raise DataError(
            f"database: {type(database).__name__} is no URL, engine or connection of SQLAlchemy"
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
    if password and url.password is None and url.host:
        url = url.set(password=password)
    return url


@contextmanager
def translated() -> Iterator[None]:
    """Convert errors of SQLAlchemy and of drivers to errors of bankcrm.

    SQLAlchemy prints the parameters of a statement and some drivers print values of rows, which
    are personal data. Only the first line of a message is kept, and none about values.
    """
    alchemy = _sqlalchemy()
    try:
        yield
    except alchemy.exc.SQLAlchemyError as error:
        raise _translated(error, alchemy) from None
    except ModuleNotFoundError as error:
        raise EngineError(
            f"database: the driver {error.name} is not installed; run: pip install {error.name}, "
            "or name another driver in the URL, such as postgresql+psycopg://"
        ) from None


def _translated(error: Exception, alchemy: Any) -> BankcrmError:
    exc = alchemy.exc
    if isinstance(error, exc.NoSuchModuleError):
        name = str(error).rpartition(":")[2]
        return EngineError(f"database: SQLAlchemy has no dialect {name}; install its package")
    original = getattr(error, "orig", None) or error
    said = _first_line(original)
    if isinstance(error, exc.OperationalError | exc.InterfaceError | exc.InternalError):
        return EngineError(f"database: {said}; nothing was changed")
    if not isinstance(error, exc.ProgrammingError | exc.NotSupportedError | exc.InvalidRequestError):
        return DataError(f"database: {_kind(original)}; {_HIDDEN}; nothing was changed")
    return DataError(f"database: {said}; nothing was changed")


def _first_line(error: BaseException) -> str:
    """The first line of a driver's message; PostgreSQL shows values in the lines after it."""
    primary = getattr(getattr(error, "diag", None), "message_primary", None)
    lines = str(primary or error).strip().splitlines() or [type(error).__name__]
    return re.sub(r"\s+", " ", lines[0])[:300]


def _kind(error: BaseException) -> str:
    """What failed, without the values: PostgreSQL names table, column and constraint."""
    about = getattr(error, "diag", None)
    names = [getattr(about, f"{n}_name", None) for n in ("table", "column", "constraint")]
    return " ".join([type(error).__name__, *(n for n in names if n)])


def _installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def _sqlalchemy() -> Any:
    try:
        import sqlalchemy
    except ImportError:
        raise MissingExtraError("SQLAlchemy", "sql") from None
    return sqlalchemy
