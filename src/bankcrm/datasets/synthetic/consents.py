"""Synthetic statements of customers on how the bank may contact them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bankcrm.datasets._categories import coded
from bankcrm.datasets.synthetic.draws import Draws
from bankcrm.datasets.synthetic.people import DORMANT, FIRST_ID, NEVER, People, to_dates

_STATES = ("granted", "refused", "withdrawn")
_PURPOSES = ("campaign", "greeting")
_CHANNELS = ("phone", "mobile")
_TWO_YEARS = 730


def make_consents(people: People, seed: int) -> pd.DataFrame:
    """What customers answered when they signed, and what some withdrew later."""
    draw = Draws(seed, 9)
    signed = np.flatnonzero(people.signed)
    asked = signed[draw.chance(850, len(signed))]
    refused = draw.chance(120, len(asked))
    purpose = np.where(refused, draw.below(2, len(asked)), -1)  # most refuse campaigns or greetings
    ends = draw.chance(150, len(asked)) & ~refused
    since = people.start[asked]
    later = draw.chance(60, len(asked)) & ~refused
    left = asked[later]
    withdrawn = since[later] + draw.below(people.last - since[later] + 1, len(left))
    channel = draw.pick((60, 25, 15), len(left)).astype(np.int64) - 1  # of all, or of one channel
    everything = np.full(len(left), -1)
    day = np.concatenate([since, withdrawn])
    until = np.concatenate([np.where(ends, since + _TWO_YEARS, NEVER), np.full(len(left), NEVER)])
    state = np.concatenate([refused.astype(np.int64), np.full(len(left), 2)])
    by = np.concatenate([np.full(len(asked), -1), channel])
    order = np.argsort(day, kind="stable")
    return pd.DataFrame(
        {
            "customer_id": (np.concatenate([asked, left])[order] + FIRST_ID).astype(np.int32),
            "purpose": coded(
                np.concatenate([purpose, everything])[order].astype(np.int8), _PURPOSES
            ),
            "channel": coded(by[order].astype(np.int8), _CHANNELS),
            "state": coded(state[order].astype(np.int8), _STATES),
            "since": to_dates(day[order]),
            "until": to_dates(until[order]),
        }
    )


def deceased(people: People, seed: int) -> pd.Series:
    """Who has died: a few of the persons whose accounts lie dormant."""
    gone = Draws(seed, 10).chance(40, len(people.company))
    return pd.Series(gone & (people.behaviour == DORMANT) & people.signed & ~people.company)
