"""Requests as pydantic models: errors give the path of each field."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

MAX_BATCH = 1_000
_FIRST_YEAR, _LAST_YEAR = 1900, 2200


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:  # half a surrogate pair, which no answer could hold
            raise ValueError("a text has to be Unicode text") from None
        return value
    if value is None or isinstance(value, bool | int | float):
        return value
    raise ValueError("a fact is a number, a text, true, false or null")


def _in_range(instant: datetime) -> datetime:
    if not _FIRST_YEAR <= instant.year <= _LAST_YEAR:  # elsewhere no calendar and no zone reaches
        raise ValueError(f"expected a year from {_FIRST_YEAR} to {_LAST_YEAR}")
    return instant


Instant = Annotated[AwareDatetime, AfterValidator(_in_range)]
FactValue = Annotated[Any, BeforeValidator(_plain)]
Facts = Annotated[dict[str, FactValue], Field(max_length=100)]


class Body(BaseModel):
    """A request body: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


STAGE_FACTS = {
    "kind": "person",
    "has_contract": True,
    "closed": False,
    "contacted": True,
    "inquired": True,
    "quiet_product": False,
    "days_since_contract": 900,
    "days_idle": 3,
    "activity_ratio": 1.2,
}
CUSTOMER = {"contribution": 60_000, "credit_standing": "good", "growth": 40, "risk": 10}
MESSAGE = {
    "complaint_id": "C1",
    "received_at": "2026-03-02T10:00:00+08:00",
    "text": "Somebody used my card; I want to complain.",
}


def _example(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [value]})


class Case(Body):
    """The facts of one case; ``GET /tables`` lists those of each table."""

    model_config = _example({"facts": STAGE_FACTS})

    facts: Facts


class Customer(Body):
    """What is known of a customer when its tier is asked for."""

    model_config = _example(CUSTOMER)

    contribution: float = Field(allow_inf_nan=False)
    value_score: float | None = Field(None, ge=0, le=100)
    growth: float | None = Field(None, ge=0, le=100)
    risk: float | None = Field(None, ge=0, le=100)
    credit_standing: Literal["good", "watch", "bad"] | None = None


class Batch(Body):
    """What is known of many customers."""

    model_config = _example({"cases": [CUSTOMER, {"contribution": 1.0}]})

    cases: Annotated[list[Customer], Field(min_length=1, max_length=MAX_BATCH)]


class Message(Body):
    """A customer's message; signals that are not given are read from the text."""

    model_config = _example(MESSAGE)

    complaint_id: str = Field(min_length=1, max_length=64)
    received_at: Instant
    text: str | None = Field(None, max_length=20_000)
    kind: Literal["consultation", "suggestion", "complaint"] | None = None
    product: str | None = Field(None, max_length=64)
    amount_at_stake: float | None = Field(None, ge=0, allow_inf_nan=False)
    signals: dict[str, bool] = Field(default_factory=dict, max_length=50)
