"""The words of the report, in English and Chinese."""

from __future__ import annotations

import functools
import importlib.resources
import re
import tomllib
from collections.abc import Mapping

import attrs

from bankcrm.vocabulary import (
    Channel,
    CustomerKind,
    Department,
    Kind,
    Labelled,
    Language,
    Product,
    QualityDimension,
    ResourceLevel,
    Severity,
    Signal,
    Stage,
    Tier,
    in_chinese,
)

_LABELLED: tuple[type[Labelled], ...] = (
    Stage,
    Tier,
    ResourceLevel,
    Department,
    Kind,
    Severity,
    CustomerKind,
    Signal,
    Product,
    Channel,
    QualityDimension,
)

_ENGLISH: Mapping[str, str] = {
    "true": "yes",
    "false": "no",
    "r": "recency score",
    "f": "frequency score",
    "m": "monetary score",
    "rfm_score": "RFM score",
    "rfm_segment": "RFM segment",
    "rfm_level": "RFM level",
}

_ABSENCES = {
    "the book has no {names}": re.compile(r"the book has no (?P<names>.+)"),
    "no row of {names} is known on the day ({n} in all)": re.compile(
        r"no row of (?P<names>\w+) is known on the day \((?P<n>[\d,]+) in all\)"
    ),
    "{names} has no row": re.compile(r"(?P<names>\w+) has no row"),
    "all {n} rows of {names} are rejected ({why})": re.compile(
        r"all (?P<n>[\d,]+) rows of (?P<names>\w+) are rejected \((?P<why>.*)\)"
    ),
    "the only row of {names} is rejected ({why})": re.compile(
        r"the only row of (?P<names>\w+) is rejected \((?P<why>.*)\)"
    ),
}
_AND_NO = " and no "

_PLAIN_TESTS = {"missing": "is not known", "present": "is known", "-": "any"}
_BETWEEN = re.compile(r"(?P<left>[\[(])(?P<low>[^.]+(?:\.\d+)?)\.\.(?P<high>.+)(?P<right>[\])])")
_LISTED = re.compile(r"(?P<op>in|not) \((?P<names>.*)\)")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")


@functools.cache
def _chinese() -> Mapping[str, str]:
    """The entries of ``zh.toml``, whose sections only group them."""
    file = importlib.resources.files("bankcrm.report") / "zh.toml"
    sections = tomllib.loads(file.read_text(encoding="utf-8")).values()
    return {english: word for section in sections for english, word in section.items()}


@attrs.frozen
class Count:
    """A number in an English sentence.

    ``{n}`` formats the number, ``{n:customer|customers}`` the form that agrees with it.

    Attributes:
        n: The number.

    >>> one, many = Count(1), Count(2_000)
    >>> f"{one} {one:customer has|customers have} an alarm"
    '1 customer has an alarm'
    >>> f"{many} {many:customer has|customers have} an alarm"
    '2,000 customers have an alarm'
    """

    n: int

    def __format__(self, forms: str) -> str:
        """The number, or the form that agrees with it."""
        singular, _, plural = forms.partition("|")
        if not forms:
            return f"{self.n:,}"
        return singular if self.n == 1 else plural


def rows_of(n: int) -> str:
    """A number of rows in words.

    >>> rows_of(1), rows_of(2_000)
    ('1 row', '2,000 rows')
    """
    count = Count(n)
    return f"{count} {count:row|rows}"


class Words:
    """Looks up words in one language; unknown words are shown as they are.

    >>> Words("zh")("dormant"), Words("en")("at_risk"), Words("zh")("no such word")
    ('沉睡', 'at risk', 'no such word')
    """

    def __init__(self, language: Language) -> None:
        self.language = language
        labels = {m.value: m.label(language) for kind in _LABELLED for m in kind}
        self._departments = {d.value: d.label(language) for d in Department}
        self._known = {**labels, **(_chinese() if in_chinese(language) else _ENGLISH)}

    def __call__(self, word: object) -> str:
        """The word for people."""
        text = str(word)
        return self._known.get(text, text.replace("_", " "))

    def departments(self, names: object) -> str:
        """Departments joined by ``+``; a name is that of the department and of nothing else.

        >>> Words("zh").departments("customer_service+risk"), Words("en").departments("legal")
        ('客户服务部门 + 风险管理部门', 'legal')
        """
        return " + ".join(
            self._departments.get(name) or self(name) for name in str(names).split("+")
        )

    def sentence(self, template: str, **values: object) -> str:
        """A sentence with its values; integers are `Count` values.

        >>> template = "{alarm} {alarm:customer has|customers have} an alarm; "
        >>> Words("en").sentence(template + "{watch} {watch:is|are} on watch.", alarm=1, watch=0)
        '1 customer has an alarm; 0 are on watch.'
        """
        counts = {n: Count(v) if isinstance(v, int) else v for n, v in values.items()}
        return self(template).format(**counts)

    def paragraph(self, *sentences: str) -> str:
        """Sentences one after the other; Chinese writes no space between them.

        >>> Words("en").paragraph("One.", "Two."), Words("zh").paragraph("一。", "二。")
        ('One. Two.', '一。二。')
        """
        return self(" ").join(s for s in sentences if s)

    def reasons(self, text: str) -> str:
        """Reasons joined by semicolons, each in the language as far as it is known.

        >>> Words("zh").reasons("the balance is falling; of the bank's own")
        "余额持续下降；of the bank's own"
        """
        known = (self._known.get(part, part) for part in text.split("; "))
        return self("; ").join(known)

    def test(self, text: str) -> str:
        """A unary test for people: parameters and codes in words, signs instead of operators.

        >>> english = Words("en")
        >>> [english.test(t) for t in (">= 50000.0", "= true", "in (at_risk, loyal)", "[18..30)")]
        ['≥ 50,000', 'yes', 'at risk or loyal', '≥ 18, < 30']
        >>> english.test("missing"), english.test("not (lost)"), english.test("-")
        ('is not known', 'not lost', 'any')
        """
        if text in _PLAIN_TESTS:
            return self(_PLAIN_TESTS[text])
        if found := _BETWEEN.fullmatch(text):
            low, high = (self._argument(found[n]) for n in ("low", "high"))
            left = "≥" if found["left"] == "[" else ">"
            right = "≤" if found["right"] == "]" else "<"
            return f"{left} {low}, {right} {high}"
        if found := _LISTED.fullmatch(text):
            names = [self._argument(a) for a in found["names"].split(", ")]
            negated = found["op"] == "not"
            joined = self(", " if negated else " or ").join(names)
            return f"{self('not')} {joined}" if negated else joined
        operator, _, argument = text.partition(" ")
        sign = {"=": "", ">=": "≥ ", "<=": "≤ "}.get(operator, f"{operator} ")
        return sign + self._argument(argument)

    def _argument(self, text: str) -> str:
        """A constant of a test: a number with separators, a text or a code in words."""
        text = text.strip('"')
        return f"{float(text):,g}" if _NUMBER.fullmatch(text) else self(text)

    def absence(self, reason: str) -> str:
        """Why there is no result; names of frames and columns stay as they are.

        >>> Words("zh").absence("the book has no balances and no loans")
        '账册没有balances、loans'
        """
        for template, pattern in _ABSENCES.items():
            if found := pattern.fullmatch(reason):
                names = self(_AND_NO).join(found["names"].split(_AND_NO))
                return self(template).format(**{**found.groupdict(), "names": names})
        first, separator, rest = reason.partition("; the book has no ")
        if separator:
            return self("; ").join((self.absence(first), self.absence(f"the book has no {rest}")))
        return self(reason)
