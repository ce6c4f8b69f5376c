"""Control and groups by their definition, one entity after the other, in whole per cents."""

from __future__ import annotations

import random
from typing import NamedTuple

import pandas as pd


class Link(NamedTuple):
    parent: int
    child: int
    link: str
    percent: int | None = None


def families(links: list[Link], size: int) -> list[set[int]]:
    """Those who act as one with each entity."""
    pools = [{i} for i in range(size)]
    for link in links:
        if link.link == "family":
            joined = pools[link.parent] | pools[link.child]
            for i in joined:
                pools[i] = joined
    return pools


def controlled_by(x: int, links: list[Link], size: int, pools: list[set[int]]) -> set[int]:
    """X and what X controls: the least set that is closed under the definition."""
    found = set(pools[x])
    while True:
        more = set()
        for y in set(range(size)) - found:
            into = [k for k in links if k.child in pools[y] and k.parent in found]
            held = sum(k.percent or 0 for k in into if k.link == "owns")
            if held > 50 or any(k.link in ("controls", "manages") for k in into):
                more |= pools[y]
        if not more:
            return found
        found |= more


def groups(links: list[Link], size: int) -> set[frozenset[int]]:
    """The groups of two or more entities."""
    pools = families(links, size)
    part = [{i} for i in range(size)]

    def join(a: int, b: int) -> None:
        joined = part[a] | part[b]
        for i in joined:
            part[i] = joined

    for x in range(size):
        for y in controlled_by(x, links, size, pools):
            join(x, y)
    for link in links:
        if link.link == "family" or (link.link == "depends" and (link.percent or 0) >= 50):
            join(link.parent, link.child)
    return {frozenset(p) for p in part if len(p) > 1}


def random_links(draw: random.Random, *, whole: bool = False) -> tuple[list[Link], int]:
    """Links among 2 to 8 entities, often in circles; ``whole``: shares add up to 100 at most."""
    size = draw.randint(2, 8)
    links: list[Link] = []
    left = [100] * size
    for _ in range(draw.randint(1, 3 * size)):
        parent, child = draw.sample(range(size), 2)
        kind = draw.choices(
            ["owns", "controls", "family", "depends", "guarantees", "manages"],
            [1, 0, 0, 0, 0, 0] if whole else [80, 4, 4, 4, 6, 2],
        )[0]
        percent = None
        if kind in ("owns", "depends"):
            percent = draw.choice([5, 10, 15, 20, 25, 30, 35, 40, 50, 60, 75, 100])
            if whole:
                percent = min(percent, left[child])
                if not percent:
                    continue
                left[child] -= percent
        links.append(Link(parent, child, kind, percent))
    return links, size


def frame(links: list[Link]) -> pd.DataFrame:
    """The links as a frame, ids from 10 on."""
    return pd.DataFrame(
        {
            "parent_id": [k.parent + 10 for k in links],
            "child_id": [k.child + 10 for k in links],
            "link": [k.link for k in links],
            "share": [None if k.percent is None else k.percent / 100 for k in links],
        }
    ).astype({"share": "float64"})
