"""Fixtures and settings shared by all tests."""

from __future__ import annotations

import gc
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, settings
from pandas.api import types

settings.register_profile(
    "quick", max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "brief", max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "thorough", max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(  # short runs that stop at the first failure, without shrinking
    "mutation",
    max_examples=25,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


def pytest_collection_finish() -> None:
    """What has been imported stays: the collector of garbage need not look at it in every test."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the project; a test that needs it is skipped without it."""
    if not SHARED_DATA.is_dir():
        pytest.skip("real data not found: ../shared/data is missing beside the project")
    return SHARED_DATA


@pytest.fixture
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL database for one test, dropped after it.

    ``BANKCRM_TEST_POSTGRES`` is the URL of a server where the user may make databases; the tests
    that need one are skipped without it.
    """
    server = os.environ.get("BANKCRM_TEST_POSTGRES")
    if not server:
        pytest.skip("no PostgreSQL server: BANKCRM_TEST_POSTGRES is not set (see CONTRIBUTING.md)")
    psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed (extra test)")
    name = f"bankcrm_test_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    try:
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database: SQLite always, PostgreSQL where there is a server."""
    if request.param == "sqlite":
        pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed (extra sql)")
        return f"sqlite:///{tmp_path / 'bank.db'}"
    url: str = request.getfixturevalue("postgres")
    return url


@pytest.fixture(scope="session")
def kind() -> Callable[[object], str]:
    """What a column holds, told alike on every version of pandas."""

    def told(dtype: object) -> str:
        if isinstance(dtype, pd.CategoricalDtype):
            return "category"
        if types.is_datetime64_dtype(dtype):
            return "date"
        return str(dtype) if types.is_numeric_dtype(dtype) else "text"

    return told
