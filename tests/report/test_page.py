"""The report's page in a real browser: it explains, sorts, filters and saves, and all can use it.

axe-core comes from npm; the variable ``BANKCRM_NODE_MODULES`` names the folder where it is
installed. The tests are skipped without a browser, those of accessibility without axe-core.
"""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pandas as pd
import pytest

from bankcrm.actions import select_actions
from bankcrm.book import Book
from bankcrm.datasets import load_berka
from bankcrm.policy import PolicySet, default_policies, default_policy
from bankcrm.report.tables import inert
from bankcrm.reviews import Review, review

AXE = Path(os.environ.get("BANKCRM_NODE_MODULES") or "none") / "axe-core" / "axe.min.js"
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
HOSTILE = {
    "script": "<script>alert(1)</script>",
    "formula": '=HYPERLINK("http://example.org")',
    "override": "\u202egnirts",
    "long": "x" * 10_000,
    "quote": "\"'><img src=x onerror=alert(1)>",
    "end": "</script><b>",
    "link": "a=b&c#d%zz e",
}


class Page:
    """The page of a report in a browser."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, file: Path, *, width: int = 1400, scheme: str = "light", link: str = "") -> None:
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        media = [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
        self.driver.get("about:blank")
        self.driver.get(file.as_uri() + link)

    def run(self, script: str, *values: object) -> Any:
        return self.driver.execute_script(script, *values)

    def text(self, selector: str) -> str:
        found: str = self.driver.find_element("css selector", selector).text
        return found

    def texts(self, selector: str) -> list[str]:
        return [e.text for e in self.driver.find_elements("css selector", selector)]

    def click(self, selector: str) -> None:
        self.driver.find_element("css selector", selector).click()

    def follow(self, link: Any) -> str:
        """Click a link to an id, and read the answer, which the browser opens a moment later."""
        from selenium.webdriver.support.ui import WebDriverWait

        link.click()
        opened = "return document.getElementById('why').open"
        WebDriverWait(self.driver, 20).until(lambda driver: driver.execute_script(opened))
        return self.text("#why")

    def too_wide(self) -> int:
        found: int = self.run("return document.documentElement.scrollWidth - innerWidth")
        return found

    def faults(self) -> list[Any]:
        found: list[Any] = self.driver.get_log("browser")
        return found

    def ask(self, wanted: str) -> str:
        """What the page answers to an id."""
        self.run(
            "dismiss();"
            "document.getElementById('asked').value = arguments[0];"
            "document.querySelector('#search button').click()",
            wanted,
        )
        self.run("route()")  # the browser follows the link a moment later
        return self.text("#why")

    def violations(self) -> list[str]:
        """What axe-core finds, with every part of the answer open."""
        self.run(AXE.read_text(encoding="utf-8"))
        found = self.driver.execute_async_script(
            "const done = arguments[1];"
            "for (const part of document.querySelectorAll('details')) part.open = true;"
            "axe.run({runOnly: arguments[0]}).then(r => done([r.passes.length,"
            " r.violations.map(v => `${v.id}: ${v.nodes[0].html.slice(0, 120)}`)]))",
            LEVELS,
        )
        assert found[0] > 20
        listed: list[str] = found[1]
        return listed


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver):
        pytest.skip("no browser: install Debian's chromium and chromium-driver")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (
        *("headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run"),
        *("disable-background-networking", "disable-component-update", "disable-sync"),
    ):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    made = webdriver.Chrome(options=options, service=Service(driver))
    yield Page(made)
    made.quit()


@pytest.fixture(scope="module")
def file(book: Book, reviewed: Review, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "index.html"
    reviewed.to_html(path, earlier=review(book, as_of="2026-03-31"))
    return path


def rows_of(page: Page, table: str) -> list[list[str]]:
    """The rows that the page would save as CSV, without the heading."""
    text = page.run("return csvOf(document.getElementById(arguments[0]))", table)
    return list(csv.reader(io.StringIO(text)))[1:]


@pytest.mark.parametrize("width", [390, 768, 1400])
def test_nothing_is_cut_and_nothing_fails(page: Page, file: Path, width: int) -> None:
    page.open(file, width=width)
    assert page.too_wide() <= 0
    cut = page.run(
        "return [...document.querySelectorAll('main .card')]"
        ".filter(c => c.scrollWidth > c.clientWidth)"
        ".map(c => c.querySelector('caption, h3').textContent)"
    )
    assert cut == []
    bars = page.run("return [...document.querySelectorAll('.bar')].map(b => b.offsetWidth)")
    assert max(bars) > 40, "bars are visible at every width"
    assert page.faults() == []


def test_printed_tables_are_tables(page: Page, file: Path) -> None:
    """A sheet is narrower than many screens on which a row of a wide table is a list."""
    page.open(file, width=700)
    display = "return getComputedStyle(document.querySelector('#alarm thead')).display"
    assert page.run(display) == "none"
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert page.run(display) == "table-header-group"
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_every_alarm_is_there_and_leads_to_its_why(
    page: Page, file: Path, reviewed: Review
) -> None:
    page.open(file)
    alarmed = reviewed.facts.query("warning == 'alarm'")
    assert {row[0] for row in rows_of(page, "alarm")} == set(alarmed.index.astype(str))
    first = rows_of(page, "alarm")[0][0]
    page.follow(page.driver.find_element("css selector", "#alarm tbody a"))
    assert page.text("#why-title") == f"Customer {first}"
    for reason in alarmed.loc[int(first), "warning_reasons"].split("; "):
        assert reason in page.text("#answer .warned")
    assert page.run("return location.hash") == f"#customer={first}"
    page.click("#close")
    assert page.run("return location.hash") == ""


def test_a_link_opens_the_same_answer(page: Page, file: Path, reviewed: Review) -> None:
    one = reviewed.facts.query("is_customer").index[0]
    page.open(file, link=f"#customer={one}")
    shown = page.text("#why")
    decided = reviewed.facts.loc[one]
    for outcome in ("stage", "segment", "tier", "resource_level", "warning"):
        assert decided[outcome].replace("_", " ") in shown
    assert page.ask(str(one)) == shown
    page.click("#answer details:last-of-type summary")
    chosen = page.texts(".trace .yes")
    for column in ("stage_rule", "tier_rule", "resource_level_rule"):
        assert any(line.startswith(decided[column]) for line in chosen), column
    assert "EB-3: RFM: recency, frequency, amount" in page.text("#answer")


def test_a_complaint_is_explained(page: Page, file: Path, reviewed: Review) -> None:
    rows = reviewed.complaints.query("severity == 'severe'")
    one, case = rows.index[0], rows.iloc[0]
    page.open(file, link=f"#complaint={one}")
    shown = page.text("#why")
    for known in (
        "severe",
        "severe: a task force",
        str(case["due"])[:10],
        str(case["customer_id"]),
    ):
        assert known in shown
    table = reviewed.policies["complaints"].table("severity")
    because = {r.id: r.because for r in table.rules}[case["severity_rule"]]
    assert because in shown


def test_a_managers_name_leads_to_this_weeks_list(page: Page, file: Path, reviewed: Review) -> None:
    """What to do this week, for whom and why; a link and the search lead there too."""
    page.open(file)
    name = rows_of(page, "managers")[0][0]
    page.follow(page.driver.find_element("css selector", "#managers tbody a"))
    assert page.text("#why-title") == f"What to do: {name}"
    assert page.run("return location.hash") == f"#owner={name}"
    week = select_actions(reviewed.actions, as_of=reviewed.as_of, owner=name, week=reviewed.as_of)
    mine = select_actions(reviewed.actions, as_of=reviewed.as_of, owner=name)
    assert 0 < len(week) < len(mine)
    shown = rows_of(page, "this-week")
    assert [row[0] for row in shown] == week["title"].astype(str).tolist()
    assert [row[1] for row in shown] == week["customer_id"].astype(str).tolist()
    assert len(rows_of(page, "later")) == len(mine) - len(week)
    against = week["contact"].isin(["hold", "never"])
    assert against.any()
    for text, no, action in zip(
        (row[-1] for row in shown), against, week.itertuples(), strict=True
    ):
        assert text.startswith(str(action.reason))
        assert text.endswith(f"do not contact: {action.contact_reason}") == no
    assert f"What to do: {name}" in page.ask(name)
    page.follow(page.driver.find_element("css selector", "#this-week td a"))
    assert page.text("#why-title") == f"Customer {shown[0][1]}"
    page.open(file, width=390, link=f"#owner={name}")
    assert (
        page.run("const d = document.getElementById('why'); return d.scrollWidth - d.clientWidth")
        <= 0
    )


ENGLISH = """
const texts = new Set();
const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walk.nextNode()) if (!walk.currentNode.parentElement.closest("script"))
  texts.add(walk.currentNode.textContent);
for (const name of ["aria-label", "placeholder"])
  for (const one of document.querySelectorAll(`[${name}]`)) texts.add(one.getAttribute(name));
return [...texts].filter((t) => /[a-z]{2}/.test(t));
"""


def test_no_english_is_left_in_chinese_answers(
    page: Page, reviewed: Review, tmp_path: Path
) -> None:
    """Of customers, complaints and owners; ids of rules, rows, files and people stay."""
    reviewed.to_html(tmp_path / "r.html", language="zh")
    page.open(tmp_path / "r.html")
    actions, cases = reviewed.actions, reviewed.complaints
    chosen = reviewed.customers.reset_index().groupby("stage", observed=True)["customer_id"].first()
    held = actions.dropna(subset=["contact_reason"]).groupby("contact_reason", observed=True)
    customers = {*chosen, *held["customer_id"].first().dropna()}
    links = [*(f"#customer={one}" for one in customers), "#customer=nobody", "#owner=nobody"]
    for column in ("kind", "severity", "state", "product", "departments"):
        links += [f"#complaint={one}" for one in cases.drop_duplicates(column).index]
    links += [f"#owner={name}" for name in actions["department"].unique()]
    left = set(page.run(ENGLISH))
    for link in dict.fromkeys(links):
        page.run("location.hash = arguments[0]; route()", link)
        left.update(page.run(ENGLISH))
    names = rf"{reviewed.name}|bankcrm[.\w]*|default|nobody|earlier|\w+\.(?:csv|parquet)"
    fine = rf"^[\w-]+ → |\b(?:{names})\b"
    named = {*actions["manager"].dropna(), *page.texts("#policy-table td, #quality-rules td")}
    texts = {re.sub(fine, "", text) for text in left - named}
    texts = {re.sub(r"[A-Z][\w']+-\d-[A-Z]", "", text) for text in texts}  # of employees
    assert {text for text in texts if re.search("[a-z]{2}", text)} == set()


def test_unknown_ids_are_said_to_be_unknown(page: Page, file: Path) -> None:
    page.open(file)
    assert "No such customer on this page." in page.ask("nobody")
    page.open(file, link="#constructor=1")
    assert page.faults() == []
    assert "No such customer on this page." in page.ask("__proto__")
    page.open(file, link="#complaint=nothing")
    assert "No such complaint on this page." in page.text("#why")


def test_ids_are_suggested(page: Page, file: Path, reviewed: Review) -> None:
    page.open(file)
    wanted = str(reviewed.facts.index[0])
    page.driver.find_element("css selector", "#asked").send_keys(wanted[:4])
    offered = page.run("return [...document.querySelectorAll('#ids option')].map(o => o.value)")
    assert 0 < len(offered) <= 12
    assert all(o.startswith(wanted[:4]) for o in offered)


def test_tables_sort_and_filter(page: Page, file: Path) -> None:
    page.open(file)
    head = "#segments thead th:nth-child(2)"
    for way in ("ascending", "descending"):
        page.click(f"{head} .sort")
        counts = [float(row[1]) for row in rows_of(page, "segments")]
        assert counts == sorted(counts, reverse=way == "descending")
        assert page.run(f"return document.querySelector('{head}').ariaSort") == way
    page.run("const t = document.getElementById('segments'); filter(t, 'loyal')")
    assert {row[0] for row in rows_of(page, "segments")} == {"loyal", "potential loyalist"}
    page.run("const t = document.getElementById('segments'); filter(t, '')")
    assert len(rows_of(page, "segments")) == len(counts)


def test_a_long_table_shows_all_on_demand(page: Page, book: Book, tmp_path: Path) -> None:
    class WithTable(PolicySet):
        def sections(self, review: object) -> tuple[tuple[str, pd.DataFrame | str], ...]:
            return (("Own", pd.DataFrame({"x": range(130)})),)

    plain = review(book, as_of=book.as_of)
    more = attrs.evolve(plain, policies=WithTable(plain.policies.policies))
    more.to_html(tmp_path / "r.html")
    page.open(tmp_path / "r.html")
    rows = "return document.querySelectorAll('#table-1 tbody tr:not([hidden])').length"
    assert page.run(rows) == 25
    page.click("#table-1 + .more")
    assert page.run(rows) == 100
    assert "30 more rows not shown." in page.texts(".left-out")


def test_no_saved_cell_is_a_formula(page: Page, file: Path) -> None:
    """The page guards the same texts as the library's CSV files."""
    texts = [
        *("=1+1", "@x", "+1", "-1", "+86 13", "-x", "\tx", "\rx", "x=1", "-1.5", "plain", ""),
        *('=HYPERLINK("x")', "+8613800138000", "-12\n", "a,b", '"'),
    ]
    page.open(file)
    saved = page.run(
        "return arguments[0].map(t => { const c = document.createElement('td');"
        " c.textContent = t; return risky.test(t) ? `'${t}` : t; })",
        texts,
    )
    assert saved == inert(pd.Series(texts, dtype=object)).tolist()


@pytest.mark.skipif(
    not AXE.is_file(), reason="needs BANKCRM_NODE_MODULES with axe-core (npm install axe-core)"
)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_it(page: Page, file: Path, reviewed: Review, scheme: str) -> None:
    """WCAG 2.2 AA by axe-core: the page, the answers about a customer, a complaint, an owner."""
    alarmed = reviewed.facts.query("warning == 'alarm'").index[0]
    # A short list: axe-core takes links of a dialog that are below the window for skip links.
    manager = reviewed.actions["manager"].value_counts().index[-1]
    for width, link in (
        (1400, ""),
        (390, ""),
        (1400, f"#customer={alarmed}"),
        (390, "#complaint=1"),
        (1400, f"#owner={manager}"),
    ):
        page.open(file, width=width, scheme=scheme, link=link)
        assert page.violations() == [], (width, link)


def hostile_book() -> Book:
    ids = list(HOSTILE.values())
    customers = pd.DataFrame({"customer_id": ids, "kind": "person", "name": ids})
    customers["contract_date"] = pd.Timestamp("2024-01-01")
    moves = pd.DataFrame({"customer_id": ids, "date": pd.Timestamp("2026-06-01"), "amount": 10.0})
    complaints = pd.DataFrame({"complaint_id": ids, "customer_id": ids, "text": ids})
    complaints["received_at"] = pd.Timestamp("2026-06-01", tz="Asia/Shanghai")
    complaints["closed_at"] = complaints["received_at"].where(complaints.index == 0)
    return Book(customers, moves.assign(kind="card"), complaints=complaints, name=HOSTILE["end"])


def hostile_policies() -> PolicySet:
    """Policies with reasons that contain HTML and scripts."""
    policy = default_policy("lifecycle")
    table = policy.table("stage")
    rules = [attrs.evolve(r, because=HOSTILE["quote"], source=HOSTILE["end"]) for r in table.rules]
    changed = policy.with_table(attrs.evolve(table, rules=rules))
    return default_policies().with_policy(changed)


def test_hostile_texts_do_nothing(page: Page, tmp_path: Path) -> None:
    found = review(hostile_book(), as_of="2026-06-30", policies=hostile_policies())
    found.to_html(tmp_path / "r.html")
    page.open(tmp_path / "r.html", width=390)
    for text in HOSTILE.values():
        assert page.text("#why-title") or page.ask(text)
        answer = page.ask(text)
        assert "No such" not in answer
        assert "Decisions" in answer
    page.run("dismiss()")
    page.run("arguments[0].click()", page.driver.find_element("css selector", "#due td a"))
    assert page.faults() == []
    assert page.driver.find_elements("css selector", "img, b") == []
    assert page.too_wide() <= 0
    assert all(not row[0].startswith("=") for row in rows_of(page, "due"))


def test_in_two_clicks_why_there_is_an_alarm_and_what_to_do_by_when(
    page: Page, shared_data: Path, tmp_path: Path
) -> None:
    """Berka: customer 10566 on 1994-03-30."""
    found = review(load_berka(shared_data / "berka"), as_of="1994-03-30")
    found.to_html(tmp_path / "r.html")
    page.open(tmp_path / "r.html")
    answer = page.follow(page.driver.find_element("link text", "10566"))
    assert "no movement for much longer than usual" in answer
    assert "by 1994-04-01: Call the customer and keep the relationship" in answer
    assert "customer service" in answer
    [action] = found.actions[found.actions["customer_id"].astype(str) == "10566"].to_dict("records")
    assert (str(action["due"])[:10], action["action"]) == ("1994-04-01", "retention_call")
