"""Valid and damaged identifiers, made by plain arithmetic on single texts."""

from __future__ import annotations

import datetime as dt
import random
import string

CREDIT = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_DISTRICTS = ("110105", "310101", "440106", "360426", "510104")


def resident_id(rng: random.Random) -> str:
    # Born since 1996: python-stdnum refuses a district in years when it had another code.
    day = dt.date(1996, 1, 1) + dt.timedelta(days=rng.randrange(10_000))
    body = rng.choice(_DISTRICTS) + day.strftime("%Y%m%d") + f"{rng.randrange(1, 1000):03d}"
    total = sum(int(c) * 2 ** (17 - i) for i, c in enumerate(body))
    return body + "10X98765432"[total % 11]


def credit_code(rng: random.Random) -> str:
    tail = "".join(rng.choices(CREDIT, k=9))
    body = rng.choice(("91", "92", "11", "52")) + rng.choice(_DISTRICTS) + tail
    total = sum(CREDIT.index(c) * 3**i for i, c in enumerate(body))
    return body + CREDIT[-total % 31]


def lei(rng: random.Random) -> str:
    body = "".join(rng.choices(string.digits + string.ascii_uppercase, k=18))
    return body + f"{98 - int(_plain(body + '00')) % 97:02d}"


def iban(rng: random.Random) -> str:
    layouts = (("DE", "9" * 18), ("GB", "A" * 4 + "9" * 14), ("NL", "A" * 4 + "9" * 10))
    country, layout = rng.choice(layouts)
    own = "".join(rng.choice(string.digits if c == "9" else string.ascii_uppercase) for c in layout)
    return f"{country}{98 - int(_plain(own + country + '00')) % 97:02d}{own}"


def luhn(rng: random.Random) -> str:
    body = "".join(rng.choices(string.digits, k=rng.randrange(11, 19)))
    doubled = (sum(divmod(int(c) * 2, 10)) for c in body[::-2])
    total = sum(doubled) + sum(int(c) for c in body[-2::-2])
    return body + str(-total % 10)


def damaged(number: str, rng: random.Random) -> str:
    """One character replaced by another of its kind, two neighbours exchanged, or a length off."""
    at, kind = rng.randrange(len(number)), rng.randrange(10)
    if kind == 0:
        return number[:at] + number[at + 1 :]
    if kind == 1:
        return number + rng.choice(string.digits)
    if kind < 4 and at + 1 < len(number):
        return number[:at] + number[at + 1] + number[at] + number[at + 2 :]
    letters = string.digits if number[at].isdigit() else string.ascii_uppercase
    return number[:at] + rng.choice(letters) + number[at + 1 :]


def mixed(scheme: str, rows: int, seed: int) -> list[str]:
    """Half valid, half damaged."""
    rng = random.Random(seed)
    make = globals()[scheme]
    numbers = [make(rng) for _ in range(rows)]
    return [damaged(n, rng) if i % 2 else n for i, n in enumerate(numbers)]


def _plain(text: str) -> str:
    return "".join(str(int(c, 36)) for c in text)
