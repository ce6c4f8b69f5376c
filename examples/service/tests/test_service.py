"""The service over real HTTP: answers, faults with their paths, limits, reloads, silence."""

from __future__ import annotations

import datetime as dt
import json
import logging
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from bankcrm_service import create_app
from fastapi.testclient import TestClient

from bankcrm.audit import replay_record
from bankcrm.errors import PolicyError
from bankcrm.plugins import assemble
from bankcrm.policy import default_policy

STAGE: dict[str, Any] = {
    "kind": "person",
    "has_contract": True,
    "closed": False,
    "contacted": True,
    "inquired": True,
    "quiet_product": False,
    "days_since_contract": 900,
    "days_idle": 400,
    "activity_ratio": 0.0,
}
MESSAGE = {
    "complaint_id": "C1",
    "received_at": "2024-09-27T10:00:00+08:00",
    "text": "I want to complain: you leaked my data, Zhang Wei 13800138000",
}


def paths(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 422, answer.text
    return [fault["path"] for fault in answer.json()["detail"]]


def test_a_stage_with_its_grounds(client: httpx.Client, lines: list[str]) -> None:
    answer = client.post("/stage", json={"facts": STAGE})
    assert answer.status_code == 200
    body = answer.json()
    assert (body["outcome"], body["rule"], body["source"]) == ("lost", "lost-idle-person", "LCM-2")
    assert answer.headers["X-Policy-Fingerprint"] == assemble().fingerprint
    (line,) = lines
    assert replay_record(line, assemble()).same_outcome


def test_a_missing_fact_is_asked_for(client: httpx.Client) -> None:
    body = client.post("/stage", json={"facts": {**STAGE, "closed": None}}).json()
    assert (body["outcome"], body["missing"]) == (None, "closed")
    assert body["not_given"] == ["closed"]


def test_a_tier_alone_and_in_a_batch(client: httpx.Client) -> None:
    one = client.post("/tier", json={"contribution": 60_000, "credit_standing": "good"}).json()
    assert (one["outcome"], one["steps"]["value_level"]["outcome"]) == ("premium", "top")
    cases = [{"contribution": 60_000, "credit_standing": "good"}, {"contribution": 1.0}]
    many = client.post("/tiers", json={"cases": cases}).json()
    assert [c["tier"] for c in many] == ["premium", "ordinary"]


def test_a_message_is_routed(client: httpx.Client) -> None:
    body = client.post("/route", json=MESSAGE).json()
    assert (body["severity"], body["route"], body["due"]) == ("severe", "task_force", "2024-10-16")
    calm = {**MESSAGE, "text": "please tell me the opening hours", "kind": "consultation"}
    assert client.post("/route", json=calm).json()["route"] == "consult"


def test_every_rule_is_explained(client: httpx.Client) -> None:
    body = client.post("/explain/lifecycle/stage", json={"facts": STAGE}).json()
    assert body["decision"]["outcome"] == "lost"
    assert "-> passed  lost-idle-person" in body["text"]
    assert client.post("/explain/lifecycle/tier", json={"facts": {}}).status_code == 404
    assert client.post("/explain/sales/tier", json={"facts": {}}).status_code == 404


def test_the_description_is_served(client: httpx.Client) -> None:
    assert set(client.get("/openapi.json").json()["paths"]) >= {"/stage", "/tier", "/route"}
    assert set(client.get("/policies").json()["policies"]) >= {"lifecycle", "complaints"}


def test_the_description_names_answers_examples_facts_and_errors(client: httpx.Client) -> None:
    found = client.get("/openapi.json").json()
    schemas = found["components"]["schemas"]
    assert "HTTPValidationError" not in schemas
    for path, methods in found["paths"].items():
        for operation in methods.values():
            answer = operation["responses"]["200"]["content"]["application/json"]["schema"]
            assert answer != {}, path
            if "requestBody" in operation:
                fault = operation["responses"]["422"]["content"]["application/json"]["schema"]
                assert fault == {"$ref": "#/components/schemas/Faults"}
                body = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
                example = schemas[body.rpartition("/")[2]]["examples"][0]
                sent = path.format(domain="lifecycle", table="stage")
                assert client.post(sent, json=example).status_code == 200, path
    facts = schemas["StageCase"]["properties"]["facts"]["properties"]
    assert facts["kind"]["anyOf"][0]["enum"] == ["person", "company"]
    assert facts["days_idle"]["anyOf"][0] == {"type": "integer"}
    assert set(STAGE) == set(facts)


def test_the_docs_page_needs_no_network(client: httpx.Client) -> None:
    page = client.get("/docs").text
    assert "<script" not in page
    assert "http" not in page.replace("httpx", "")
    for path in client.get("/openapi.json").json()["paths"]:
        assert path in page


def test_health_says_when_the_newest_files_do_not_load(
    client: httpx.Client, tmp_path: Path
) -> None:
    assert client.get("/health").json()["status"] == "ok"
    (tmp_path / "broken.toml").write_text("[policy]\nid = 3\n", encoding="utf-8")
    client.post("/reload")
    found = client.get("/health").json()
    assert found["status"] == "stale"
    assert "policy.id" in found["fault"]


def test_facts_of_every_table_are_listed(client: httpx.Client) -> None:
    found = client.get("/tables").json()
    assert {f["name"] for f in found["lifecycle"]["stage"]} == set(STAGE)


# --- what does not fit ---


def test_faults_name_every_field_and_repeat_no_value(client: httpx.Client) -> None:
    bad = {"contribution": "lots", "risk": 120, "credit_standing": "Zhang Wei", "x": 1}
    answer = client.post("/tier", json=bad)
    assert sorted(paths(answer)) == ["contribution", "credit_standing", "risk", "x"]
    assert "Zhang Wei" not in answer.text
    assert paths(client.post("/stage", json={"facts": {"closed": [1]}})) == ["facts.closed"]
    assert paths(client.post("/stage", json={})) == ["facts"]
    assert paths(client.post("/stage", content=b"{")) == [""]
    wrong = {"facts": {**STAGE, "days_idle": "many"}}
    assert paths(client.post("/stage", json=wrong)) == ["facts.days_idle"]
    assert paths(client.post("/tiers", json={"cases": []})) == ["cases"]
    assert paths(client.post("/route", json={**MESSAGE, "received_at": "soon"})) == ["received_at"]


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/stage", {"facts": {**STAGE, "days_idle": "many"}}, "fact 'days_idle': expected a whole"),
        ("/stage", {"facts": {**STAGE, "kind": "Zhang"}}, "fact 'kind': expected one of person, c"),
        ("/stage", {"facts": {**STAGE, "age": 3}}, "facts age are unknown; known: closed"),
        ("/route", {**MESSAGE, "received_at": "2024-09-27T10:00:00"}, "should have timezone info"),
        ("/route", {**MESSAGE, "received_at": "2050-09-27T10:00:00Z"}, "calendar does not reach"),
        ("/tiers", {"cases": [{"income": 3}]}, "Field required"),
    ],
)
def test_facts_that_do_not_fit_are_told(
    client: httpx.Client, path: str, body: dict[str, Any], said: str
) -> None:
    answer = client.post(path, json=body)
    assert answer.status_code == 422
    assert said in answer.json()["detail"][0]["message"]


MARK = "Zhang Wei 13800138000"
HALF = "\ud800"  # of a surrogate pair
ROUTE = {"complaint_id": "C1", "received_at": "2026-03-02T10:00:00+08:00", "kind": "complaint"}
HOSTILE: list[tuple[str, Any]] = [
    *(("/stage", {"facts": {**STAGE, fact: wrong}}) for fact in STAGE for wrong in (MARK, HALF)),
    *(("/stage", {"facts": {name: 1}}) for name in (MARK, HALF)),
    *(("/explain/lifecycle/stage", {"facts": {**STAGE, "kind": wrong}}) for wrong in (MARK, HALF)),
    *(("/explain/lifecycle/stage", {"facts": {name: 1}}) for name in (MARK, HALF)),
    *(("/tier", {"contribution": 1, field: MARK}) for field in ("credit_standing", "risk", MARK)),
    *(("/tiers", {"cases": [{"contribution": 1, field: wrong}]})
      for field in ("contribution", "credit_standing", MARK, HALF) for wrong in (MARK, HALF)),
    ("/tier", {"contribution": 10**400}), ("/tiers", {"cases": [{"contribution": 10**400}]}),
    ("/tiers", {"cases": [{HALF: 1}]}), ("/tiers", {"cases": [{"contribution": MARK}]}),
    *(("/route", {**ROUTE, field: wrong}) for wrong in (MARK, HALF)
      for field in ("kind", "received_at", "amount_at_stake", MARK, HALF)),
    *(("/route", {**ROUTE, "signals": {name: True}}) for name in (MARK, HALF)),
    *(("/route", {**ROUTE, field: HALF}) for field in ("text", "product", "complaint_id")),
    *(("/route", {**ROUTE, "received_at": f"{year}-06-30T23:59:59-12:00"})
      for year in ("0001", "1677", "1899", "2201", "9999")),
]  # fmt: skip


def test_hostile_requests_are_refused_and_not_repeated(client: httpx.Client) -> None:
    for path, body in HOSTILE:
        sent = json.dumps(body)
        answer = client.post(path, content=sent, headers={"Content-Type": "application/json"})
        assert answer.status_code == 422, (path, sent[:200], answer.status_code)
        assert answer.json()["detail"], (path, sent[:200])
        assert "X-Policy-Fingerprint" in answer.headers
        assert not [m for m in (MARK, "13800138000", "ud800") if m in answer.text], answer.text
    answer = client.post(f"/explain/{MARK}/stage", json={"facts": {}})
    assert answer.status_code == 404
    assert MARK not in answer.text


def test_a_body_that_takes_too_long_is_given_up(client: httpx.Client) -> None:
    host, port = client.base_url.host, client.base_url.port
    with socket.create_connection((host, port), timeout=10) as slow:
        slow.sendall(b"POST /stage HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
        assert slow.recv(100).startswith(b"HTTP/1.1 408 ")


def test_bodies_and_batches_are_limited(client: httpx.Client) -> None:
    assert client.post("/stage", content=b"x" * 60_000).status_code == 413

    def endless() -> Any:
        for _ in range(100):
            yield b"x" * 1_000

    assert client.post("/stage", content=endless()).status_code == 413
    many = {"cases": [{"a": 1}] * 1_001}
    assert paths(client.post("/tiers", json=many)) == ["cases"]


def test_no_personal_data_in_logs(client: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        client.post("/route", json=MESSAGE)
        client.post("/tier", json={"contribution": "Zhang Wei"})
        client.get("/Zhang-Wei")
    lines = [r.getMessage() for r in caplog.records if r.name.startswith("bankcrm")]
    assert any("POST /route 200" in line for line in lines)
    assert not any("Zhang" in line or "13800138000" in line for line in lines)


# --- policies ---


def test_only_who_has_the_token_may_reload(client: httpx.Client) -> None:
    for headers in ({"Authorization": ""}, {"Authorization": "Bearer x"}):
        assert client.post("/reload", headers=headers).status_code == 401
    assert client.post("/reload").status_code == 200


def test_nobody_may_reload_where_there_is_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BANKCRM_RELOAD_TOKEN", raising=False)
    with TestClient(create_app()) as own:
        assert own.post("/reload", headers={"Authorization": "Bearer "}).status_code == 403


def test_the_versions_of_the_day_decide(tmp_path: Path) -> None:
    """A policy that begins later is refused, and one that ends stops deciding."""
    day = dt.date(2026, 6, 30)
    text = default_policy("lifecycle").to_toml()
    (tmp_path / "own.toml").write_text(_in_force(text, "2026-07-01"), encoding="utf-8")
    with pytest.raises(PolicyError, match="not in force on 2026-06-30"):
        create_app(tmp_path, today=lambda: day)
    (tmp_path / "own.toml").write_text(_in_force(text, "2026-01-01", "2026-06-30"), "utf-8")
    now = [day]
    with TestClient(create_app(tmp_path, today=lambda: now[0])) as own:
        assert own.post("/stage", json={"facts": STAGE}).status_code == 200
        now[0] += dt.timedelta(days=1)
        assert own.post("/stage", json={"facts": STAGE}).status_code == 503


def _in_force(text: str, first: str, last: str = "") -> str:
    """A policy's TOML with other days of force."""
    days = f"effective_from = {first}\n" + (f"effective_to = {last}\n" if last else "")
    return text.replace("[policy]\n", f"[policy]\n{days}", 1)


def test_a_changed_file_is_taken_over_whole(client: httpx.Client, tmp_path: Path) -> None:
    before = client.get("/policies").headers["X-Policy-Fingerprint"]
    patient = default_policy("lifecycle").with_parameters(lost_after_days=500)
    (tmp_path / "lifecycle.toml").write_text(patient.to_toml(), encoding="utf-8")
    assert client.post("/stage", json={"facts": STAGE}).json()["outcome"] == "lost"
    assert client.post("/reload").json()["changed"]
    answer = client.post("/stage", json={"facts": STAGE})
    assert answer.json()["outcome"] == "dormant"
    assert answer.headers["X-Policy-Fingerprint"] != before
    assert not client.post("/reload").json()["changed"]


def test_a_broken_file_changes_nothing_and_is_told(client: httpx.Client, tmp_path: Path) -> None:
    before = client.get("/policies").json()["fingerprint"]
    (tmp_path / "broken.toml").write_text("[policy]\nid = 3\n", encoding="utf-8")
    answer = client.post("/reload").json()
    assert (answer["changed"], answer["fingerprint"]) == (False, before)
    assert "policy.id: expected str, saw 3" in answer["fault"]
    (tmp_path / "broken.toml").unlink()
    assert client.post("/reload").json()["fault"] == ""


def test_reloads_and_requests_do_not_disturb_each_other(
    client: httpx.Client, tmp_path: Path
) -> None:
    """Under load, every answer comes from one policy or the other, whole."""
    policy = default_policy("lifecycle")
    outcomes = {"lost", "dormant"}

    def ask(_: int) -> str:
        return str(client.post("/stage", json={"facts": STAGE}).json()["outcome"])

    with ThreadPoolExecutor(4) as threads:
        answers = []
        for round_ in range(4):
            text = policy.with_parameters(lost_after_days=[500, 365][round_ % 2]).to_toml()
            (tmp_path / "lifecycle.toml").write_text(text + f"# {round_}\n", encoding="utf-8")
            running = threads.map(ask, range(20))
            client.post("/reload")
            answers += list(running)
    assert set(answers) <= outcomes
    assert len(answers) == 80


def test_every_line_of_the_audit_log_is_json(client: httpx.Client, lines: list[str]) -> None:
    for idle in (1, 100, 400):
        client.post("/stage", json={"facts": {**STAGE, "days_idle": idle}})
    assert [json.loads(line)["outcome"] for line in lines] == ["active", "dormant", "lost"]


def test_what_is_missing_or_doubled_keeps_the_policies_and_is_told(
    client: httpx.Client, tmp_path: Path
) -> None:
    """A vanished file or folder, two files of one domain, and a policy without a needed table."""
    policy = default_policy("lifecycle").with_parameters(lost_after_days=500)
    (tmp_path / "lifecycle.toml").write_text(policy.to_toml(), encoding="utf-8")
    before = client.post("/reload").json()["fingerprint"]

    def fault() -> str:
        answer = client.post("/reload")
        assert answer.status_code == 200
        assert (answer.json()["changed"], answer.json()["fingerprint"]) == (False, before)
        assert str(tmp_path) not in answer.text
        return str(answer.json()["fault"])

    (tmp_path / "gone.toml").symlink_to(tmp_path / "nowhere.toml")
    assert "gone.toml" in fault()
    (tmp_path / "gone.toml").unlink()
    (tmp_path / "again.toml").write_text(policy.to_toml(), encoding="utf-8")
    assert "again.toml and lifecycle.toml are both of domain lifecycle" in fault()
    (tmp_path / "again.toml").unlink()
    assert fault() == ""
    moved = tmp_path.with_name(f"{tmp_path.name}-moved")
    tmp_path.rename(moved)
    assert "the folder of the policies is not there" in fault()
    moved.rename(tmp_path)
    assert fault() == ""
