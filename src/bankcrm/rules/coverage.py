"""Whether boxes cover a space: a search for one point that none of them covers.

Each region of each fact has the bit set of the boxes that a point there may still lie in. Choosing
a region for one fact after the other narrows the set; a point is free when the set is empty. A box
of one fact needs no search: its regions are taken out of the space at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from bankcrm.rules.regions import Box, Space, bits, lowest

STEPS, STEPS_OF_ONE = 50_000, 10_000
"""How many steps the check of a table, and one question of it, may take.

A question that needs more is not proven.
"""

MOVES = 100
"""How often the quick search moves before the complete one begins."""
WEIGHT = 4
"""How much more a box counts in the choice of the next region if few facts can leave it."""


class OutOfStepsError(Exception):
    """The search took more steps than it may."""


@attrs.define
class Budget:
    """The steps that are left for the check of a table."""

    steps: int = STEPS
    last: int = 0

    def begin(self) -> None:
        """Begin a question, which may take `STEPS_OF_ONE` of the steps."""
        self.last = max(self.steps - STEPS_OF_ONE, 0)

    def spend(self) -> None:
        """Take one step.

        Raises:
            OutOfStepsError: No step is left.
        """
        if self.steps <= self.last:
            raise OutOfStepsError
        self.steps -= 1


class Coverage:
    """Boxes that are added one by one, and questions about what they leave free."""

    def __init__(self, space: Space, boxes: Sequence[Box], budget: Budget) -> None:
        self._budget = budget
        self._full = space.full
        self._free = list(space.full)  # what the boxes of one fact leave
        self._everything = False  # whether a box without a test was added
        self._exhausted = False  # whether no region of some fact is left
        wide = self._wide = [box for box in boxes if len(box) > 1]
        self._touch: dict[int, int] = {}  # the boxes that test a fact
        for number, box in enumerate(wide):
            for fact in box:
                self._touch[fact] = self._touch.get(fact, 0) | 1 << number
        self._lies_in = self._index(wide)
        self._added = 0  # how many of the wide boxes have been added

    def _index(self, wide: Sequence[Box]) -> dict[int, list[int]]:
        """For each fact and region the boxes that a point there may lie in."""
        found: dict[int, list[int]] = {}
        for fact, touched in self._touch.items():
            regions = [0] * self._full[fact].bit_length()
            for number, box in enumerate(wide):
                if fact in box:
                    for bit in bits(box[fact]):
                        regions[bit.bit_length() - 1] |= 1 << number
            others = (1 << len(wide)) - 1 - touched
            found[fact] = [r | others for r in regions]
        return found

    def add(self, box: Box) -> None:
        """Add the next of the boxes."""
        if len(box) > 1:
            self._added += 1
        elif not box:
            self._everything = True
        else:
            ((fact, mask),) = box.items()
            self._free[fact] &= ~mask
            self._exhausted |= not self._free[fact]

    def free_point(self, domain: Box) -> dict[int, int] | None:
        """Regions of the domain that no added box covers, at least one per fact; else None.

        Raises:
            OutOfStepsError: The question needs more steps than are left.
        """
        self._budget.begin()
        if self._everything or self._exhausted:
            return None
        open_ = {f: self._free[f] & mask for f, mask in domain.items()}
        if not all(open_.values()):
            return None
        alive = (1 << self._added) - 1
        for fact, mask in open_.items():
            if fact in self._lies_in:
                alive &= self._reachable(fact, mask)
        for fact in self._touch:
            open_.setdefault(fact, self._free[fact])
        left = {f: open_[f] for f in self._touch}
        point = self._walk(alive, left) or self._search(alive, left, set())
        return None if point is None else {**open_, **point}

    def _reachable(self, fact: int, mask: int) -> int:
        """The boxes in which a point of these regions may lie."""
        found = 0
        for bit in bits(mask):
            found |= self._at(fact, bit)
        return found

    def _walk(self, alive: int, left: dict[int, int]) -> dict[int, int] | None:
        """A free point found by moving out of one covering box after the other; None if not found.

        It is quick where much of the space is free, and proves nothing where it finds no point.
        """
        point: dict[int, int] = {}
        held = alive
        for fact, mask in left.items():
            _, point[fact] = min((self._count(held, fact, bit), bit) for bit in bits(mask))
            held &= self._at(fact, point[fact])
        last = -1
        for _ in range(MOVES):
            if not held:
                return point
            self._budget.spend()
            box = self._wide[lowest(held).bit_length() - 1]
            moves = []
            for fact in box:
                others = alive
                for other, bit in point.items():
                    others &= self._at(other, bit) if other != fact else others
                moves += [(self._count(others, fact, bit), fact == last, fact, bit)
                          for bit in bits(left[fact] & ~box[fact])]  # fmt: skip
            if not moves:
                return None  # the point cannot leave this box
            _, _, last, bit = min(moves)
            point[last] = bit
            held = alive
            for fact, bit in point.items():
                held &= self._at(fact, bit)
        return None

    def _at(self, fact: int, bit: int) -> int:
        """The boxes that a point in a region may lie in."""
        return self._lies_in[fact][bit.bit_length() - 1]

    def _count(self, alive: int, fact: int, bit: int) -> int:
        return (alive & self._at(fact, bit)).bit_count()

    def _search(
        self, alive: int, left: dict[int, int], dead: set[tuple[int, int]]
    ) -> dict[int, int] | None:
        """Regions for the facts that are left, such that no box that is alive covers the point."""
        if not alive:
            return {}
        key = (alive, sum(1 << f for f in left))
        fact = None if key in dead else self._next(alive, left)
        if fact is None:
            return None
        self._budget.spend()
        rest = {f: mask for f, mask in left.items() if f != fact}
        one, two, _ = self._leavable(alive, rest)
        ranked: dict[int, tuple[int, int]] = {}
        for bit in bits(left[fact]):
            still = alive & self._at(fact, bit)
            if not still & ~one:  # a box that no fact can leave covers the rest
                last = still & ~two
                ranked.setdefault(still, (still.bit_count() + WEIGHT * last.bit_count(), bit))
        for still, (_, bit) in sorted(ranked.items(), key=lambda item: item[1]):
            found = self._search(still, rest, dead)
            if found is not None:
                return {fact: bit, **found}
        dead.add(key)
        return None

    def _leavable(self, alive: int, left: Iterable[int]) -> tuple[int, int, int]:
        """The boxes alive that a point can still leave by one, by two and by three facts."""
        one = two = three = 0
        for fact in left:
            touched = self._touch[fact] & alive
            three |= two & touched
            two |= one & touched
            one |= touched
        return one, two, three

    def _next(self, alive: int, left: dict[int, int]) -> int | None:
        """The fact to choose next; None where some box can no longer be left.

        A box that only one fact can still leave decides which one; else the fact that most boxes
        test, those with few other ways out first.
        """
        one, two, three = self._leavable(alive, left)
        if alive & ~one:
            return None
        forced, tight = one & ~two, two & ~three
        best, most = None, 0
        for fact in left:
            touched = self._touch[fact] & alive
            if forced & touched:
                return fact
            score = touched.bit_count() + WEIGHT * (touched & tight).bit_count()
            if score > most:
                best, most = fact, score
        return best
