"""The application: each request reads the policies once, decides, and says by which rule."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse

from bankcrm.audit import decision_record
from bankcrm.calendars import WorkingCalendar, working_calendar
from bankcrm.complaints import SIGNALS, Complaint, default_lexicon, route
from bankcrm.errors import BankcrmError, DataError, UnknownNameError
from bankcrm.plugins import Assembled
from bankcrm.policy import Policy
from bankcrm.rules import Decision, DecisionTable
from bankcrm.segmentation import assign_tiers
from bankcrm.wire import converter
from bankcrm_service import answers
from bankcrm_service.bodies import Batch, Case, Customer, Message
from bankcrm_service.docs import docs_page
from bankcrm_service.limits import BodyLimit, Teller
from bankcrm_service.policies import PolicyStore

MAX_BYTES = 1_000_000
_FAULTS: dict[int | str, dict[str, Any]] = {
    413: {"model": answers.Faults, "description": "The body is larger than the service takes."},
    422: {"model": answers.Faults, "description": "Fields or facts that do not fit."},
}
_NO_TABLE: dict[int | str, dict[str, Any]] = {
    404: {"model": answers.Faults, "description": "There is no such domain or table."}
}
_FACT = re.compile(r"fact '(\w+)'")
_TYPES = {"integer": "integer", "number": "number", "boolean": "boolean"}
_TIER_STEPS = {
    "standing": ("tier_standing", ("credit_standing", "risk")),
    "value_level": ("tier_value", ("contribution", "value_score")),
    "growth_level": ("tier_growth", ("growth",)),
}


async def in_force(request: Request) -> Assembled:
    """The policies of one request: read once, whatever is reloaded meanwhile."""
    found: Assembled = request.app.state.store.policies
    request.state.policies = found
    return found


InForce = Annotated[Assembled, Depends(in_force)]


def create_app(
    folder: Path | None = None,
    *,
    max_bytes: int = MAX_BYTES,
    audit: Callable[[str], None] | None = None,
) -> FastAPI:
    """Make the application.

    Args:
        folder: TOML files of policies in the place of the defaults; looked at on ``/reload``.
        max_bytes: the largest body that is read.
        audit: takes one line of JSON for each single decision; None keeps none.
    """
    store = PolicyStore(folder)
    days = working_calendar("CN")
    wire = converter()
    app = FastAPI(
        title="bankcrm service",
        version="1.0",
        description="Decisions about customers and complaints, each with its rule and its reason.",
        docs_url=None,  # FastAPI's page loads scripts from the network
        redoc_url=None,
    )
    app.add_middleware(BodyLimit, limit=max_bytes)
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

    @app.exception_handler(BankcrmError)
    async def bad_facts(_: Request, error: BankcrmError) -> JSONResponse:
        status = 404 if isinstance(error, UnknownNameError) else 422
        fact = _FACT.search(str(error))
        path = f"facts.{fact[1]}" if fact else ""
        return JSONResponse({"detail": [{"path": path, "message": str(error)}]}, status_code=status)

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

    @app.post("/reload", response_model=answers.Reloaded)
    def reload() -> dict[str, Any]:
        """Take over changed files, all of them or none."""
        changed = store.reload()
        found = {"changed": changed, "fingerprint": store.policies.fingerprint}
        return {**found, "fault": store.fault}

    def decided(policy: Policy, table: str, facts: dict[str, Any]) -> dict[str, Any]:
        decision = _decide(policy, table, facts)
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
            name: _decide(policy, table, {c: known[c] for c in columns})
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
        frame = pd.DataFrame(batch.cases).rename_axis("customer_id")
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
    async def explain(domain: str, table: str, case: Case, now: InForce) -> dict[str, Any]:
        """Every rule and cell with the value seen."""
        trace = now[domain].table(table).explain(case.facts)
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
    return ".".join(str(p) for p in place if p != "body")


def _decide(policy: Policy, table: str, facts: dict[str, Any]) -> Decision:
    ready = policy.table(table)
    unknown = sorted(set(facts) - set(ready.compiled.facts))
    if unknown:
        known = ", ".join(ready.compiled.facts)
        raise DataError(f"facts {', '.join(unknown)} are unknown to {table}; it knows {known}")
    return ready.decide(facts, on_missing="undecided")


def _route(message: Message, now: Assembled, days: WorkingCalendar) -> dict[str, Any]:
    unknown = sorted(set(message.signals) - set(SIGNALS))
    if unknown:
        raise DataError(f"signals {', '.join(unknown)} are unknown; known: {', '.join(SIGNALS)}")
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
