"""The report as a page: complete, inert, and the same in a real browser."""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import attrs
import openpyxl
import pandas as pd
import pytest

from bankcrm import report
from bankcrm.book import Book
from bankcrm.complaints import combine
from bankcrm.datasets import make_book
from bankcrm.errors import DataError, MissingExtraError
from bankcrm.pipeline import STEPS
from bankcrm.pipeline.beside import COMPLAINTS, RISK
from bankcrm.policy import PolicySet, default_policies, default_policy
from bankcrm.report import write_excel
from bankcrm.report.grid import spans_of
from bankcrm.report.html import _page
from bankcrm.report.words import Words
from bankcrm.reviews import Review, read_earlier, review
from bankcrm.vocabulary import Tier

SECTIONS = (
    *("attention", "figures", "lifecycle", "warnings", "risk", "tiers", "concentration"),
    *("resources", "complaints", "quality", "findings", "settings"),
)
HOSTILE = {
    "script": "<script>alert(1)</script>",
    "formula": '=HYPERLINK("http://example.org")',
    "override": "\u202egnirts",
    "long": "x" * 10_000,
    "quote": "\"'><img src=x onerror=alert(1)>",
    "end": "</script><b>",
}


@pytest.fixture(scope="module")
def earlier(book: Book) -> Review:
    return review(book, as_of="2026-03-31")


def hostile_book() -> Book:
    ids = list(HOSTILE.values())
    customers = pd.DataFrame({"customer_id": ids, "kind": "person", "name": ids})
    customers["contract_date"] = pd.Timestamp("2024-01-01")
    moves = pd.DataFrame({"customer_id": ids, "date": pd.Timestamp("2026-06-01"), "amount": 10.0})
    complaints = pd.DataFrame({"complaint_id": ids, "customer_id": ids, "text": ids})
    complaints["received_at"] = pd.Timestamp("2026-06-01", tz="Asia/Shanghai")
    complaints["closed_at"] = pd.to_datetime([None] * len(complaints), utc=True)
    return Book(customers, moves.assign(kind="card"), complaints=complaints, name=HOSTILE["script"])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_section_and_figure_is_there(reviewed: Review, language: Any) -> None:
    page = reviewed.to_html(language=language)
    for section in SECTIONS:
        assert f'<h2 id="{section}">' in page
        assert f'href="#{section}"' in page
    of = " of " if language == "en" else " / "
    for value in reviewed.key_figures().values():
        assert f"<dd>{value.replace(' of ', of)}</dd>" in page
    assert page.count("<h1>") == 1
    assert f'lang="{"zh-CN" if language == "zh" else "en"}"' in page


def test_nothing_is_fetched(reviewed: Review) -> None:
    assert not re.findall(r'(?:src|href)="(?!#|data:)', reviewed.to_html())


def test_change_and_movement_are_shown(reviewed: Review, earlier: Review) -> None:
    page = reviewed.to_html(earlier=earlier)
    assert "Movement since 2026-03-31" in page
    change = reviewed.summary["stage"]["active"] - earlier.summary["stage"]["active"]
    assert f"change {change:+,d}" in page
    plain = reviewed.to_html()
    assert "Movement since" not in plain
    assert ("listed since" in page, "listed since" in plain) == (True, False)
    ours, theirs = (r.standing()["tier"].astype(object) for r in (reviewed, earlier))
    both = sorted(set(ours.index) & set(theirs.index))
    assert f"New in the book: {len(ours) - len(both):,}." in page
    assert f"No longer in the book: {len(theirs) - len(both):,}." in page
    names = [*Tier, "(none)"]
    tiers = [[t[c] if pd.notna(t[c]) else "(none)" for c in both] for t in (theirs, ours)]
    counts = Counter(zip(*tiers, strict=True))
    table = page[page.index('<table id="movement"') :]
    rows = re.findall(r"(?s)<tr>(.*?)</tr>", table[: table.index("</table>")])[1:]
    cells = [re.findall(r">([^<>]*)</t[dh]>", row)[1:] for row in rows]
    expected = [[f"{counts[a, b]:,}" if counts[a, b] else "-" for b in names] for a in names]
    assert cells == [line[: len(cells)] for line in expected[: len(cells)]]


def test_the_settings_and_the_foot_say_how_the_page_was_made(
    book: Book, reviewed: Review, earlier: Review
) -> None:
    page = reviewed.to_html(earlier=earlier)
    days = book.transactions["date"]
    period = f"{days.min():%Y-%m-%d} – {days.max():%Y-%m-%d}"
    for text in (period, book.currency, "2026-03-31", reviewed.as_of.isoformat()):
        assert f"<dd>{text}</dd>" in page
    plain = attrs.evolve(reviewed, currency="").to_html()
    assert "<dd>not recorded</dd>" in plain
    assert "<dd>none</dd>" in plain, "compared with no other review"
    [foot] = re.findall(r'@bottom-left { content: (".*?");', page)
    plain = re.sub(r"\\([0-9a-f]+) ", lambda code: chr(int(code[1], 16)), foot)
    policies = reviewed.summary["fingerprint"][:12]
    assert plain == f'"Customer review: {book.name}, {reviewed.as_of} · policies {policies}"'


def test_every_customer_of_a_small_book_is_explained(reviewed: Review) -> None:
    explained = reviewed.explanations()
    assert set(explained["customers"]) == set(reviewed.customers.index.astype(str))
    ruled = {"stage": "stage_rule", "tier": "tier_rule", "warning": "warning_rules"}
    for i, table in enumerate(explained["tables"]):
        column = ruled.pop(table["id"], None)
        if column is None:
            continue
        for customer, row in explained["customers"].items():
            shown = "+".join(table["rules"][n]["id"] for n in row[i])
            rule = reviewed.facts.loc[int(customer), column]
            assert shown == ("" if pd.isna(rule) else rule)
    assert not ruled


def test_a_large_book_explains_the_warned_and_the_largest(reviewed: Review) -> None:
    explained = reviewed.explanations(limit=60)["customers"]
    assert len(explained) == 60
    warned = reviewed.customers.query("warning_rules != 'none'").index.astype(str)
    assert len(set(warned) & set(explained)) == min(len(warned), 60)


def test_figures_of_a_regulator_that_are_not_confirmed_are_listed(
    book: Book, reviewed: Review
) -> None:
    own = default_policy("complaints")
    china = combine(own, default_policy("complaints", "cn_2020_3"))
    found = review(book, as_of=book.as_of, policies=default_policies().with_policy(china))
    [figure] = found.summary["policies"]["complaints"]["unconfirmed"]
    assert (figure["name"], figure["value"]) == ("cn_review_days", 30)
    english, chinese = found.to_html(), found.to_html(language="zh")
    for page, value in ((english, "30 calendar days"), (chinese, "30 日历日")):
        assert page.count(">cn_review_days<") == 1
        assert value in page
    assert "not confirmed" in english
    assert "未经核实" in chinese
    assert "not confirmed" not in reviewed.to_html()


def test_hostile_texts_are_inert(tmp_path: Path) -> None:
    result = review(hostile_book(), as_of="2026-06-30")
    result.write(tmp_path)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    for text in ("<script>alert", "<img", "</script><b>"):
        assert text not in page
    csv = (tmp_path / "customers.csv").read_text(encoding="utf-8")
    assert "\n=HYPERLINK" not in csv
    assert '\n"=HYPERLINK' not in csv
    result.to_excel(tmp_path / "r.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "r.xlsx")["customers"]
    assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)


def test_excel_keeps_types_and_rows(reviewed: Review, tmp_path: Path) -> None:
    reviewed.to_excel(tmp_path / "r.xlsx")
    back = pd.read_excel(tmp_path / "r.xlsx", sheet_name="customers")
    assert back["customer_id"].tolist() == reviewed.customers.index.tolist()
    assert back["contribution"].tolist() == pytest.approx(reviewed.customers["contribution"])
    due = pd.read_excel(tmp_path / "r.xlsx", sheet_name="complaints")["due"]
    assert due.tolist() == reviewed.complaints["due"].tolist()


def test_parquet_and_earlier_come_back(reviewed: Review, tmp_path: Path) -> None:
    reviewed.to_parquet(tmp_path / "p")
    kept = pd.read_parquet(tmp_path / "p" / "complaints.parquet")
    assert kept.index.equals(reviewed.complaints.index)
    reviewed.write(tmp_path / "w")
    again = read_earlier(tmp_path / "w")
    assert again.as_of == reviewed.as_of
    assert json.loads(json.dumps(reviewed.summary)) == again.summary
    with pytest.raises(DataError, match="not a folder that a review has written"):
        read_earlier(tmp_path / "p")


def test_without_a_positive_total_shares_are_not_defined(
    reviewed: Review,
) -> None:
    measured = {**reviewed.summary["concentration"], "gini": None, "lorenz": None, "whale": None}
    measured["top_fifth_share"] = None
    poor = attrs.evolve(reviewed, summary={**reviewed.summary, "concentration": measured})
    page = poor.to_html()
    assert "the total is not above zero" in page
    assert "Lorenz curve" not in page
    assert "pp</dd>" not in poor.to_html(earlier=reviewed)


def test_without_its_extra_the_error_names_it(
    reviewed: Review, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    modules = __import__("sys").modules
    _page.cache_clear()
    monkeypatch.setitem(modules, "jinja2", None)
    monkeypatch.setitem(modules, "openpyxl", None)
    with pytest.raises(MissingExtraError, match=r"bankcrm\[report\]"):
        reviewed.to_html()
    with pytest.raises(MissingExtraError, match=r"bankcrm\[report\]"):
        write_excel({}, tmp_path / "r.xlsx")


def test_chinese_has_a_word_for_every_outcome(reviewed: Review) -> None:
    words = Words("zh")
    for name in ("stage", "segment", "tier", "resource_level", "warning"):
        for outcome in reviewed.summary[name]:
            assert words(outcome) != outcome.replace("_", " "), outcome


def test_chinese_has_a_word_for_every_reason_of_the_defaults(reviewed: Review) -> None:
    words = Words("zh")
    for table in reviewed.explanations()["tables"]:
        assert words(table["id"]) != table["id"].replace("_", " ")
        for rule in table["rules"]:
            assert not re.search("[a-z]", words(rule["because"])), rule
    for fact in reviewed.explanations()["facts"]:
        assert words(fact) != fact.replace("_", " "), fact
    for signal in default_policy("lifecycle").table("warning").rules:
        assert not re.search("[a-z]", words.reasons(signal.because))
    assert words.reasons("the balance is falling; a rule of the bank") == (
        "余额持续下降；a rule of the bank"
    )


def test_chinese_has_a_word_for_every_result_that_may_not_be_available() -> None:
    words = Words("zh")
    needs = [*(n for step in STEPS for n in step.needs), COMPLAINTS, *RISK]
    english = {n.partial for n in needs if n.partial}
    english |= {
        s.fit.nothing for s in STEPS if s.fit is not None and "nothing to" not in s.fit.nothing
    }
    english |= {r for s in STEPS for n in s.needs if not n.partial for r in n.results or s.results}
    assert {e for e in english if words(e) == e.replace("_", " ")} <= {"r", "f", "m"}


def test_chinese_has_every_text_of_the_page(
    reviewed: Review, earlier: Review, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the templates, the scripts and the tables look up is in ``zh.toml``."""
    asked: set[str] = set()
    look_up = Words.__call__

    def recorded(words: Words, word: object) -> str:
        asked.add(str(word))
        return look_up(words, word)

    monkeypatch.setattr(Words, "__call__", recorded)
    reviewed.to_html(earlier=earlier, language="zh")
    reviewed.to_html(language="zh")
    assert len(asked) > 200
    known = Words("zh")._known
    assert {a for a in asked if re.search("[a-z]{2}", a) and a not in known} == set()


def test_no_entry_is_there_twice() -> None:
    """Sections group entries only: a second entry would silently replace the first."""
    file = Path(report.__file__).parent / "zh.toml"
    entries = [e for section in tomllib.loads(file.read_text("utf-8")).values() for e in section]
    assert len(entries) == len(set(entries))


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, "0 customers have"), (1, "1 customer has"), (2_500, "2,500 customers have")],
)
def test_sentences_agree_with_their_numbers(number: int, shown: str) -> None:
    template = "{n} {n:customer has|customers have}"
    assert Words("en").sentence(template, n=number) == shown


def test_the_page_of_one_customer_is_grammatical() -> None:
    one = make_book(1, seed=3)
    [first, *_] = re.findall("<li>(1 of 1 .*?)</li>", review(one, as_of=one.as_of).to_html())
    assert first == "1 of 1 customer (100%) is active; 0 are dormant."


def test_what_is_not_available_is_listed_with_its_reason(book: Book, reviewed: Review) -> None:
    empty = attrs.evolve(book, transactions=book.transactions.iloc[:0])
    found = review(empty, as_of=book.as_of)
    assert set(found.reasons.values()) == {"transactions has no row"}
    assert found.reasons["segment"] == found.reasons["contribution"] == "transactions has no row"
    assert "RFM segment" in found.to_html()
    assert ": transactions has no row</li>" in found.to_html()
    assert "：transactions没有记录" in found.to_html(language="zh").replace(": ", "：")
    assert "Not available: transactions has no row" not in reviewed.to_html()


def test_no_english_is_left_on_the_chinese_page(reviewed: Review, earlier: Review) -> None:
    page = reviewed.to_html(earlier=earlier, language="zh")
    body = page[page.index("<body>") : page.index('<script type="application/json"')]
    # ids of files and rules, and names of the bank's branches
    body = re.sub(r'(?s)<table id="(policy-table|managers|quality-rules)".*?</tbody>', "", body)
    text = re.sub(r"(?s)<style[^>]*>.*?</style>|<[^>]+>", " ", body)
    text = re.sub(r"[A-Z][a-z]+-\d-[A-Z]", "", text)  # of employees
    left = set(re.findall(r"[a-z]{3,}", text)) - {"bankcrm", "synthetic", "default", "earlier"}
    files = {"customers", "parquet", "actions", "complaints", "moved", "settled", "csv"}
    assert left <= files


def test_the_quality_of_the_records_is_shown(reviewed: Review, earlier: Review) -> None:
    quality = reviewed.summary["quality"]
    page, chinese = reviewed.to_html(), reviewed.to_html(language="zh")
    assert 0 < quality["score"] < 1
    for word in ("completeness", f"{quality['score']:.1%}", "phone"):
        assert f">{word}<" in page
    for word in (">完整性<", ">电话<", "数据质量"):
        assert word in chinese
    accuracy = next(r for r in quality["dimensions"] if r["dimension"] == "accuracy")
    assert accuracy["share"] is None, "nothing assessed is not 100%"
    assert earlier.summary["quality"]["score"] is None
    assert "the records are of a later day than the review" in earlier.to_html()
    assert "记录的日期晚于审查日" in earlier.to_html(language="zh")


def test_the_first_sentences_summarise_the_book(reviewed: Review) -> None:
    page = reviewed.to_html()
    stage = reviewed.summary["stage"]
    customers = reviewed.customers["is_customer"].sum()
    assert f"<li>{stage['active']:,} of {customers:,} customers" in page
    others = len(reviewed.customers) - customers
    assert f"<li>{others} in the book are not customers on the day, " in page
    state = reviewed.summary["complaints"]["state"]
    answered = state["late"] + state["in_time"]
    assert f"{state['late']:,} of {answered:,} answers were late." in page


def test_bars_of_the_components_share_one_scale() -> None:
    assert spans_of([30.0, -10.0, None, 20.0]) == [(25.0, 75.0), (0.0, 25.0), None, (25.0, 50.0)]
    assert spans_of([0.0]) == [(0.0, 0.0)]


def test_note_and_currency_of_the_book_are_shown(book: Book) -> None:
    noted = attrs.evolve(book, note="half of it <left out>", currency="CZK")
    page = review(noted, as_of=book.as_of).to_html()
    assert "half of it &lt;left out&gt;" in page
    assert "amounts in CZK" in page


class _WithSections(PolicySet):
    def sections(self, review: object) -> tuple[tuple[str, pd.DataFrame | str], ...]:
        long = pd.DataFrame({"<b>": range(130)}, index=pd.RangeIndex(130, name="row"))
        return (("Own <section>", HOSTILE["script"]), ("Table", long))


def test_sections_of_plugins_are_shown_and_inert(reviewed: Review) -> None:
    more = attrs.evolve(reviewed, policies=_WithSections(reviewed.policies.policies))
    page = more.to_html()
    assert '<h2 id="extra-1">Own &lt;section&gt;</h2>' in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "30 more rows not shown." in page
    assert HOSTILE["script"] not in page


def test_the_page_of_a_large_book_says_that_it_explains_a_part(reviewed: Review) -> None:
    summary = {**reviewed.summary, "stage": {"active": 1_000_000}}
    page = attrs.evolve(reviewed, summary=summary).to_html()
    assert "This page explains 400 of 1,000,000 customers" in page
