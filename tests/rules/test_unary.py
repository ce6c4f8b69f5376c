"""The grammar of one cell: any text is either a test or a fault that points at the character."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bankcrm.errors import PolicyError
from bankcrm.rules import Fact, UnaryTest, parse_test
from bankcrm.rules.unary import Ref
from bankcrm.testing.tables import facts, unary_tests

POINTS = re.compile(r"\(at character (\d+)\)\Z")
WORDS = ">= <= < > = [ ] ( ) .. , in not missing present true false - @ @p 1 2.5 -3 1e9 2026-01-31"
ODD = ["2026-02-30", "gold", '"a b"', '"bad\\q"', '"', "𠀀", "٣", "__import__", "\x00"]
PIECES = st.sampled_from(WORDS.split() + ODD)


@given(st.text() | st.lists(PIECES).map(" ".join) | st.lists(PIECES).map("".join))
@example('= "\\ud800"')
@example("= " + "9" * 400)
@example("[1..")
def test_arbitrary_text_is_a_test_or_a_fault_that_points_at_the_character(text: str) -> None:
    try:
        test = parse_test(text)
    except PolicyError as error:
        (fault,) = error.faults
        found = POINTS.search(fault)
        assert found, fault
        assert 1 <= int(found[1]) <= len(text) + 1
        assert repr(text) in fault
    else:
        assert parse_test(str(test)) == test


@given(facts().flatmap(unary_tests))
def test_every_test_reads_back_from_its_text(test: UnaryTest) -> None:
    assert parse_test(str(test)) == test
    assert str(parse_test(str(test))) == str(test)


@given(st.text())
def test_any_text_can_be_compared_with(text: str) -> None:
    """Quotes let a cell hold every text, signs, line ends and keywords too."""
    test = UnaryTest("=", (text,))
    assert parse_test(str(test)) == test


@pytest.mark.parametrize(
    ("text", "op", "args"),
    [
        (">= 365", ">=", (365,)),
        ("<1", "<", (1,)),
        ("  =  -0.5 ", "=", (-0.5,)),
        ("> .5", ">", (0.5,)),
        ("= 1.", "=", (1.0,)),
        ("= +7", "=", (7,)),
        ("< 1e3", "<", (1000.0,)),
        ("= true", "=", (True,)),
        ("= gold card", "=", ("gold card",)),
        ("= private-bank", "=", ("private-bank",)),
        ('= "missing"', "=", ("missing",)),
        ("= missing", "=", ("missing",)),
        ("in (a, b)", "in", ("a", "b")),
        ("not(a)", "not", ("a",)),
        ("in (1, @top)", "in", (1, Ref("top"))),
        (">= @lost_after_days", ">=", (Ref("lost_after_days"),)),
        ("[@low..@high)", "between", (Ref("low"), Ref("high"))),
        ("missing", "missing", ()),
        ("present", "present", ()),
        ("-", "any", ()),
    ],
)
def test_the_grammar_by_example(text: str, op: str, args: tuple[object, ...]) -> None:
    test = parse_test(text)
    assert (test.op, test.args) == (op, args)
    assert [type(a) for a in test.args] == [type(a) for a in args]


def test_dates_and_intervals() -> None:
    assert str(parse_test("[2026-01-01..2026-07-01)")) == "[2026-01-01..2026-07-01)"
    assert parse_test("(1..2]").closed == (False, True)
    assert parse_test("[1.5..2.5]").args == (1.5, 2.5)
    assert parse_test("[-2..-1]").args == (-2, -1)


@pytest.mark.parametrize(
    ("text", "why", "at"),
    [
        ("", "ends too early", 1),
        ("   ", "ends too early", 4),
        ("gold", "write '= gold'", 1),
        ("365", "starts with an operator", 1),
        (">= ", "ends too early", 4),
        (">= gold", "compares numbers and dates", 4),
        ("< true", "compares numbers and dates", 3),
        ("= 1 2", "nothing more", 5),
        (">= 1 or True", "nothing more", 6),
        ("[1, 2]", "written [low..high)", 3),
        ("[1..2", "ends too early", 6),
        ("[1..2,", "expected ] or )", 6),
        ("[a..b]", "bounds of an interval", 2),
        ("[1..2026-01-01]", "both dates", 5),
        ("in 1", "expected (", 4),
        ("in (1; 2)", "cannot read", 6),
        ("in ()", "expected a number", 5),
        ("in (1, a)", "of one kind", 9),
        ("= 2026-02-30", "no such date", 3),
        ('= "a', "cannot read", 3),
        ('= "\\q"', "bad escape", 3),
        ("= 1e999", "too large", 3),
        ("= @", "cannot read", 3),
        ("missing 1", "nothing more", 9),
        ("= 1x", "cannot read", 3),
    ],
)
def test_faults_say_what_and_where(text: str, why: str, at: int) -> None:
    with pytest.raises(PolicyError, match=rf"\(at character {at}\)") as raised:
        parse_test(text)
    assert why in str(raised.value)


def test_a_test_that_is_not_text_is_refused() -> None:
    with pytest.raises(PolicyError, match="not 365"):
        parse_test(365)


def test_parameters_and_constants_of_a_test() -> None:
    test = parse_test("in (1, @top, 3)")
    assert (test.parameters, test.constants) == (("top",), (1, 3))
    assert str(test.resolved({"top": 2})) == "in (1, 2, 3)"
    assert str(test) == "in (1, @top, 3)"
    plain = parse_test("= 1")
    assert plain.resolved({}) is plain
    assert Fact("any").type == "any"
