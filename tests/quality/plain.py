"""Each scheme of identifiers by its text, one text after the other; no arrays."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata

from tests.quality.numbers import CREDIT

from bankcrm.quality.identifiers.iban_layouts import LAYOUTS

DIGITS, CAPITALS = "0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# GB/T 2260: the first two digits of the provinces
PROVINCES = (
    "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 "
    "61 62 63 64 65 71 81 82 83 91"
)
# GB 32100: who registers, and what kind of organisation
OFFICES = (
    "11 12 13 19 21 29 31 32 33 34 35 39 41 49 51 52 53 59 61 62 69 71 72 79 81 89 91 92 93 "
    "A1 A9 N1 N2 N3 N9 Y1"
)
SEPARATORS = {"iban": " -.", "mobile": " -()", "email": ""}


def clean(text: str, scheme: str) -> str:
    text = unicodedata.normalize("NFKC", text).strip()
    for mark in SEPARATORS.get(scheme, " -"):
        text = text.replace(mark, "")
    capitals = str.maketrans(CAPITALS.lower(), CAPITALS)
    return text if scheme == "email" else text.translate(capitals)


def fault(text: str, scheme: str, last: dt.date = dt.date.max) -> str | None:
    """The first fault of a clean text; None where it has none."""
    if scheme == "email":
        return email(text)
    if not text.isascii():
        return "character"
    if scheme == "iban":
        return iban(text)
    if scheme == "mobile":
        return mobile(text)
    lengths = {"resident_id": (15, 18), "credit_code": (18,), "lei": (20,), "luhn": range(2, 33)}
    if len(text) not in lengths[scheme]:
        return "length"
    return {"resident_id": resident_id, "credit_code": credit_code, "lei": lei, "luhn": luhn}[
        scheme
    ](text, last)


def resident_id(text: str, last: dt.date) -> str | None:
    if not are(text[:17], DIGITS) or not are(text[17:], DIGITS + "X"):
        return "character"
    if text[:2] not in PROVINCES.split():
        return "region"
    born = text[6:14] if len(text) == 18 else "19" + text[6:12]
    try:
        day = dt.date(int(born[:4]), int(born[4:6]), int(born[6:]))
    except ValueError:
        return "date"
    if day.year < 1850 or day > last:
        return "date"
    total = sum(int(c) * 2 ** (17 - i) for i, c in enumerate(text[:17]))
    wrong = len(text) == 18 and text[17] != "10X98765432"[total % 11]
    return "check_digit" if wrong else None


def credit_code(text: str, last: dt.date) -> str | None:
    if not are(text, CREDIT) or not are(text[2:8], DIGITS):
        return "character"
    if text[:2] not in OFFICES.split():
        return "office"
    if sum(CREDIT.index(c) * 3**i for i, c in enumerate(text[:17])) % 31 != (
        -CREDIT.index(text[17]) % 31
    ):
        return "check_digit"
    return "resident_id" if fault(text, "resident_id", last) is None else None


def lei(text: str, last: dt.date) -> str | None:
    if not are(text, DIGITS + CAPITALS) or not are(text[18:], DIGITS):
        return "character"
    return None if int("".join(str(int(c, 36)) for c in text)) % 97 == 1 else "check_digit"


def luhn(text: str, last: dt.date) -> str | None:
    if not are(text, DIGITS):
        return "character"
    doubled = sum(sum(divmod(2 * int(c), 10)) for c in text[-2::-2])
    return "check_digit" if (doubled + sum(map(int, text[::-2]))) % 10 else None


def mobile(text: str) -> str | None:
    prefix = {11: "", 13: "86", 14: "+86", 15: "0086"}.get(len(text))
    if prefix is None:
        return "length"
    if not are(text[-11:], DIGITS):
        return "character"
    if not text.startswith(prefix):
        return "country"
    return None if text[-11] == "1" and text[-10] >= "3" else "range"


def iban(text: str) -> str | None:
    if len(text) < 4 or text[:2] not in LAYOUTS:
        return "country"
    runs = re.findall(r"(\d+)([nac])", LAYOUTS[text[:2]])
    kinds = "".join(kind * int(n) for n, kind in runs)
    if len(text) != len(kinds) + 4:
        return "length"
    allowed = {"n": DIGITS, "a": CAPITALS, "c": DIGITS + CAPITALS}
    if not all(c in allowed[k] for c, k in zip(text[2:], "nn" + kinds, strict=True)):
        return "character"
    moved = text[4:] + text[:4]
    return None if int("".join(str(int(c, 36)) for c in moved)) % 97 == 1 else "check_digit"


def email(text: str) -> str | None:
    if len(text.encode()) > 254:
        return "length"
    local, at, domain = text.partition("@")
    parts, labels = local.split("."), domain.split(".")
    signs = DIGITS + CAPITALS + CAPITALS.lower()
    fits = at and len(labels) > 1 and all(parts)
    fits = fits and not any(c.isspace() or c in '@"(),:;<>[]\\' for c in local)
    for label in labels[:-1]:
        fits = fits and label and label[0] != "-" and label[-1] != "-"
    fits = fits and all(are(c, signs + "-") or ord(c) > 127 for c in "".join(labels))
    top = labels[-1]
    named = len(top) > 1 and not any(c in DIGITS + "-" for c in top)
    fits = fits and (named or (top.startswith("xn--") and len(top) > 4))
    return None if fits else "shape"


def are(text: str, signs: str) -> bool:
    return all(c in signs for c in text)
