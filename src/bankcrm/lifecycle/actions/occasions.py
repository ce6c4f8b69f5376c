"""What a book says about when and how to contact each customer (CSC-7, PB-8)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.book.view import NEVER, BookView, FrameView, day_number
from bankcrm.frames.numbering import categorical
from bankcrm.lifecycle.actions.plan import birthdays
from bankcrm.policy import Policy
from bankcrm.vocabulary import Channel, ContactOutcome

_CHANNELS = tuple(str(c) for c in Channel)


def occasions_of(view: BookView, day: np.datetime64, policy: Policy) -> pd.DataFrame:
    """The next birthday, the channel that each customer answers best, and the manager.

    Args:
        view: ``customers``; ``contacts`` where the book records them.
        day: The day.
        policy: Its ``plan_days`` is how far ahead birthdays are looked for.

    Returns:
        One row per customer: ``next_birthday`` (null if it is not within ``plan_days``),
        ``preferred_channel`` (the channel of most contacts with a positive outcome, the last one
        used among equals; null without such a contact), ``last_contact`` (the last day on which the
        bank and the customer spoke or met) and ``manager``.

    Source: CSC-7, PB-8.
    """
    people = view["customers"]
    horizon = day + np.timedelta64(int(policy.value("plan_days")), "D")
    return pd.DataFrame(
        {
            "next_birthday": _next_birthday(people, day, horizon),
            "preferred_channel": _preferred_channel(view, day_number(day)),
            "last_contact": _last_contact(view, day_number(day)),
            "manager": _words(people, "manager"),
        },
        index=view.customers,
    )


def _next_birthday(
    people: FrameView, day: np.datetime64, horizon: np.datetime64
) -> npt.NDArray[np.datetime64]:
    found = np.full(len(people), np.datetime64("NaT", "s"))
    born = people.day("birth_date")
    dated = born.astype("datetime64[D]")
    dated[born == NEVER] = np.datetime64("NaT", "D")
    place, date = birthdays(dated, day, horizon)
    found[place[::-1]] = date[::-1].astype("datetime64[s]")  # the first one of several
    return found


def _preferred_channel(view: BookView, day: int) -> pd.Categorical:
    contacts = view.get("contacts", "channel", "outcome")
    if contacts is None:
        return categorical(np.full(view.size, -1), _CHANNELS)
    code, words = contacts.words("channel")
    place = [_CHANNELS.index(str(w)) if w in _CHANNELS else -1 for w in words]
    channel, when = np.array(place, dtype=np.intp)[code], contacts.day("date").astype(np.int64)
    liked = contacts.is_any("outcome", [str(ContactOutcome.POSITIVE)])
    liked &= (channel >= 0) & (when <= day)
    cell = contacts.customer()[liked].astype(np.int64) * len(_CHANNELS) + channel[liked]
    size = view.size, len(_CHANNELS)
    times = np.bincount(cell, minlength=view.size * len(_CHANNELS)).reshape(size)
    last = np.full(times.size, -np.int64(NEVER))
    np.maximum.at(last, cell, when[liked])
    most = times == times.max(axis=1, keepdims=True)
    chosen = np.where(most, last.reshape(size), -np.int64(NEVER)).argmax(axis=1)
    return categorical(np.where(times.any(axis=1), chosen, -1), _CHANNELS)


def _last_contact(view: BookView, day: int) -> npt.NDArray[np.datetime64]:
    last = np.full(view.size, -NEVER)
    contacts = view.get("contacts")
    if contacts is not None:
        when = contacts.day("date")
        met = (when <= day) & ~contacts.is_any("outcome", [str(ContactOutcome.NO_ANSWER)])
        np.maximum.at(last, contacts.customer()[met], when[met])
    found = last.astype("datetime64[D]").astype("datetime64[s]")
    found[last == -NEVER] = np.datetime64("NaT", "D")
    return found


def _words(people: FrameView, column: str) -> pd.Categorical:
    if not people.has(column):
        return categorical(np.full(len(people), -1), [])
    code, words = people.words(column)
    return categorical(code, [str(w) for w in words])
