"""The application: each request reads the policies once, decides, and says by which rule."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from bankcrm.audit import decision_record
from bankcrm.calendars import WorkingCalendar, working_calendar
from bankcrm.complaints import SIGNALS, Complaint, default_lexicon, route
from bankcrm.errors import BankcrmError, CalendarError, PolicyError, UnknownNameError
from bankcrm.plugins import Assembled
from bankcrm.policy import Policy
from bankcrm.rules import DecisionTable
from bankcrm.segmentation import assign_tiers
from bankcrm.wire import converter
from bankcrm_service import answers
from bankcrm_service.bodies import Batch, Case, Customer, Message
from bankcrm_service.docs import docs_page
from bankcrm_service.facts import RequestError, decide, explain, refuse_unknown, shown_name
from bankcrm_service.limits import LOG, BodyLimit, Teller
from bankcrm_service.policies import PolicyStore

MAX_BYTES = 1_000_000
BODY_SECONDS = 10.0
TOKEN = "BANKCRM_RELOAD_TOKEN"
"""The environment variable with the token that ``/reload`` asks for."""
_FAULTS: dict[int | str, dict[str, Any]] = {
    413: {"model": answers.Faults, "description": "The body is larger than the service takes."},
    422: {"model": answers.Faults, "description": "Fields or facts that do not fit."},
}
_NO_TOKEN: dict[int | str, dict[str, Any]] = {
    401: {"model": answers.Faults, "description": "No token, or another one."},
    403: {"model": answers.Faults, "description": "The server has no token, so nobody may."},
}
_NO_TABLE: dict[int | str, dict[str, Any]] = {
    404: {"model": answers.Faults, "description": "There is no such domain or table."}
}
_TYPES = {"integer": "integer", "number": "number", "boolean": "boolean"}
_TIER_STEPS = {
    "standing": ("tier_standing", ("credit_standing", "risk")),
    "value_level": ("tier_value", ("contribution", "value_score")),
    "growth_level": ("tier_growth", ("growth",)),
}


async def in_force(request: Request) -> Assembled:
    """The policies of one request on its day: read once, whatever is reloaded meanwhile."""
    try:
        found: Assembled = request.app.state.store.policies
    except PolicyError:
        raise HTTPException(503, "no version of a policy is in force today") from None
    request.state.policies = found
    return found


InForce = Annotated[Assembled, Depends(in_force)]
Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))]


def create_app(
    folder: Path | None = None,
    *,
    max_bytes: int = MAX_BYTES,
    body_seconds: float = BODY_SECONDS,
    reload_token: str | None = None,
    today: Callable[[], date] = date.today,
    audit: Callable[[str], None] | None = None,
) -> FastAPI:
    """Make the application.

    Args:
        folder: TOML files of policies in the place of the defaults; looked at on ``/reload``.
        max_bytes: the largest body that is read.
        body_seconds: how long a client may take to send its body.
        reload_token: what ``/reload`` asks for as bearer token; None: the environment variable
            ``BANKCRM_RELOAD_TOKEN``. Without either, nobody may reload.
        today: the day whose versions of the policies decide.
        audit: takes one line of JSON for each single decision; None keeps none.
    """
    store = PolicyStore(folder, today)
    token = os.environ.get(TOKEN, "") if reload_token is None else reload_token
    days = working_calendar("CN")
    wire = converter()
    app = FastAPI(
        title="bankcrm service",
        version="1.0",
        description="Decisions about customers and complaints, each with its rule and its reason.",
        docs_url=None,  # FastAPI's page loads scripts from the network
        redoc_url=None,
    )
    app.add_middleware(BodyLimit, limit=max_bytes, seconds=body_seconds)
    app.add_middleware(Teller, store=store)

    app.state.store = store

    @app.exception_handler(RequestValidationError)
    async def bad_request(_: Request, error: RequestValidationError) -> JSONResponse:
        """The path of each faulty field and what is wrong; the values are not repeated."""
        errors = [
            {"path": "" if e["type"] == "json_invalid" else _path(e["loc"]), "message": e["msg"]}
            for e in error.errors()
        ]
        return JSONResponse({"detail": errors}, status_code=422)

    @app.exception_handler(RequestError)
    async def bad_facts(_: Request, error: RequestError) -> JSONResponse:
        return _faults(422, error.message, error.path)

    @app.exception_handler(UnknownNameError)
    async def unknown(_: Request, error: UnknownNameError) -> JSONResponse:
        return _faults(404, f"there is no such name; known: {', '.join(error.known)}")

    @app.exception_handler(CalendarError)
    async def beyond_the_calendar(_: Request, error: CalendarError) -> JSONResponse:
        return _faults(422, "the calendar does not reach this day", "received_at")

    @app.exception_handler(BankcrmError)
    async def not_decided(_: Request, error: BankcrmError) -> JSONResponse:
        """Any other sentence may quote a value, so it is for the log only."""
        LOG.warning("not decided: %s", type(error).__name__)
        return _faults(422, "the request does not fit the policies in force")

    @app.exception_handler(HTTPException)
    async def refused(_: Request, error: HTTPException) -> JSONResponse:
        return _faults(error.status_code, error.detail)

    def described() -> dict[str, Any]:
        """The OpenAPI description, with the facts of the stage table that is in force."""
        found = FastAPI.openapi(app)
        facts = _facts_schema(store.policies["lifecycle"].table("stage"))
        body = found["components"]["schemas"]["Case"]
        stage = {**body, "properties": {"facts": facts}}
        found["components"]["schemas"]["StageCase"] = {**stage, "title": "StageCase"}
        request = found["paths"]["/stage"]["post"]["requestBody"]["content"]["application/json"]
        request["schema"] = {"$ref": "#/components/schemas/StageCase"}
        return found

    app.openapi = described  # type: ignore[method-assign]

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        """The description as a page that needs no network."""
        return HTMLResponse(docs_page(app.openapi()))

    @app.get("/health", response_model=answers.Health)
    async def health(now: InForce) -> dict[str, Any]:
        """Whether the service decides, and by the newest policies."""
        status = "stale" if store.fault else "ok"
        return {"status": status, "fingerprint": now.fingerprint, "fault": store.fault}

    @app.get("/tables", response_model=dict[str, dict[str, list[answers.FactOfTable]]])
    async def tables(now: InForce) -> dict[str, Any]:
        """The facts that each table of each domain reads, with their types and values."""
        return {p.domain: {name: _facts(p.table(name)) for name in p.tables} for p in now}

    @app.get("/policies", response_model=answers.Policies)
    async def policies(now: InForce) -> dict[str, Any]:
        """The policies and plug-ins in force."""
        return {
            "fingerprint": now.fingerprint,
            "policies": {p.domain: {"id": p.id, "version": p.version} for p in now},
            "plugins": [str(p) for p in now.plugins],
            "fault": store.fault,
        }

    @app.post("/reload", response_model=answers.Reloaded, responses=_NO_TOKEN)
    def reload(given: Bearer) -> dict[str, Any]:
        """Take over changed files, all of them or none."""
        if not token:
            raise HTTPException(403, f"nobody may reload: the server has no {TOKEN}")
        sent = given.credentials if given else ""
        if not secrets.compare_digest(sent.encode(), token.encode()):
            raise HTTPException(401, "give the token: Authorization: Bearer ...")
        changed = store.reload()
        found = {"changed": changed, "fingerprint": store.policies.fingerprint}
        return {**found, "fault": store.fault}

    def decided(policy: Policy, table: str, facts: dict[str, Any]) -> dict[str, Any]:
        decision = decide(policy.table(table), facts)
        if audit is not None:
            audit(decision_record(decision, facts, policy))
        found: dict[str, Any] = wire.unstructure(decision)
        known = policy.table(table).compiled.facts
        return {**found, "not_given": [f for f in known if facts.get(f) is None]}

    @app.post("/stage", response_model=answers.Decided, responses=_FAULTS)
    async def stage(case: Case, now: InForce) -> dict[str, Any]:
        """The lifecycle stage from its facts."""
        return decided(now["lifecycle"], "stage", case.facts)

    @app.post("/tier", response_model=answers.DecidedTier, responses=_FAULTS)
    async def tier(customer: Customer, now: InForce) -> dict[str, Any]:
        """The tier of one customer, with what led to it."""
        policy, known = now["segmentation"], customer.model_dump()
        steps = {
            name: decide(policy.table(table), {c: known[c] for c in columns})
            for name, (table, columns) in _TIER_STEPS.items()
        }
        levels = {name: step.outcome for name, step in steps.items()}
        return {
            **decided(policy, "tier", levels),
            "steps": {name: {"outcome": s.outcome, "rule": s.rule} for name, s in steps.items()},
        }

    @app.post("/tiers", response_model=list[answers.TierOfCase], responses=_FAULTS)
    def tiers(batch: Batch, now: InForce) -> list[dict[str, Any]]:
        """The tiers of many customers."""
        cases = [case.model_dump() for case in batch.cases]
        frame = pd.DataFrame(cases).dropna(axis="columns", how="all").rename_axis("customer_id")
        decided = assign_tiers(frame, policy=now["segmentation"])
        found: list[dict[str, Any]] = decided[["tier", "tier_rule"]].astype(str).to_dict("records")
        return found

    @app.post("/route", response_model=answers.Routed, responses=_FAULTS)
    async def route_message(message: Message, now: InForce) -> dict[str, Any]:
        """Who answers a message, and by when."""
        return _route(message, now, days)

    @app.post(
        "/explain/{domain}/{table}",
        response_model=answers.Explained,
        responses={**_FAULTS, **_NO_TABLE},
    )
    async def explained(domain: str, table: str, case: Case, now: InForce) -> dict[str, Any]:
        """Every rule and cell with the value seen."""
        trace = explain(now[domain].table(table), case.facts)
        found: dict[str, Any] = wire.unstructure(trace)
        return {**found, "text": str(trace)}

    return app


def _facts(table: DecisionTable) -> list[dict[str, Any]]:
    """The facts of a table, with the values that they may have."""
    return [
        {"name": name, "type": str(fact.type), "values": list(fact.values or ())}
        for name, fact in table.compiled.facts.items()
    ]


def _facts_schema(table: DecisionTable) -> dict[str, Any]:
    """The facts of a table as a JSON schema; each may be null."""
    found: dict[str, Any] = {}
    for fact in _facts(table):
        kind = {"type": _TYPES.get(fact["type"], "string")}
        kind |= {"enum": fact["values"]} if fact["values"] else {}
        found[fact["name"]] = {"anyOf": [kind, {"type": "null"}]}
    return {"type": "object", "properties": found, "additionalProperties": False}


def _path(place: tuple[int | str, ...]) -> str:
    return ".".join(shown_name(p) for p in place if p != "body")


def _faults(status: int, message: str, path: str = "") -> JSONResponse:
    return JSONResponse({"detail": [{"path": path, "message": message}]}, status_code=status)


def _route(message: Message, now: Assembled, days: WorkingCalendar) -> dict[str, Any]:
    refuse_unknown("signals", message.signals, SIGNALS)
    amount = message.amount_at_stake
    complaint = Complaint(
        complaint_id=message.complaint_id,
        received_at=message.received_at,
        text=message.text,
        kind=message.kind,
        product=message.product,
        amount_at_stake=None if amount is None else str(amount),
        **message.signals,
    )
    found = route(
        complaint,
        policy=now["complaints"],
        calendar=now.calendar(days),
        classifier=now.classifier(default_lexicon()),
    )
    return {
        "kind": str(found.kind),
        "severity": None if found.severity is None else str(found.severity),
        "route": found.route,
        "owner": found.owner,
        "departments": found.departments,
        "priority": found.priority,
        "due": found.due.isoformat(),
        "provisional": found.provisional,
        "reasons": found.reasons,
    }
