"""The order of the queue, and the assignment of complaints to handlers with capacity."""

from __future__ import annotations

import heapq

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.errors import UnknownNameError
from bankcrm.frames import Column, as_frame, check_frame, column_of
from bankcrm.frames.arrays import Codes, as_of_day, codes, days
from bankcrm.frames.numbering import places_of, positions_in, words_of
from bankcrm.vocabulary import Severity

_SEVERITY = tuple(s.value for s in Severity)


def queue_order(routed: pd.DataFrame, *, as_of: object) -> pd.DataFrame:
    """Order complaints: most severe first, then least time left, then priority.

    Args:
        routed: From `bankcrm.complaints.route_frame`: ``severity``, ``due``, ``priority``.
        as_of: The day of the queue.

    Returns:
        The same rows in order, with ``place`` (from 1) and ``days_left`` (calendar days to the
        due date; negative after it).

    Source: CSC-5.

    >>> routed = pd.DataFrame({"severity": ["minor", "severe"], "priority": ["first", "normal"],
    ...     "due": pd.to_datetime(["2026-03-02", "2026-03-09"])}, index=["C1", "C2"])
    >>> queue_order(routed, as_of="2026-03-02").index.tolist()
    ['C2', 'C1']
    """
    routed = as_frame(routed)
    for name in ("due", "severity", "priority"):
        column_of(routed, name, "routed")
    left = (days(routed["due"], "due") - as_of_day(as_of)).astype(np.int64)
    order = np.lexsort((_priority(routed), left, -_severity(routed)))
    result = routed.assign(days_left=left).iloc[order]
    return result.assign(place=np.arange(1, len(result) + 1))


_HANDLERS = (
    Column("handler", "id"),
    Column("department", "category"),
    Column("capacity", "integer", minimum=0, unit="cases"),
    Column("load", "integer", required=False, minimum=0, unit="cases"),
)


def assign_handlers(
    queue: pd.DataFrame, handlers: pd.DataFrame, *, keep: str = "accountable"
) -> pd.DataFrame:
    """Assign each complaint of a queue to the least loaded handler of its owner department.

    The person asked first stays accountable in every case. That person also works on the complaint
    if he or she is a handler of the department and has room (EB-8). Handlers at their capacity
    receive no further complaints.

    Args:
        queue: Complaints in order, with ``owner`` and, where known, the column ``keep``.
        handlers: ``handler``, ``department``, ``capacity`` (cases) and ``load`` (current cases).
        keep: The column with the person who should keep the case.

    Returns:
        The queue with ``handler``; missing where no handler of the department has room.

    Raises:
        DataError: The handlers do not fit their contract, or a name is given twice.

    Source: EB-8; EB-7.

    >>> cases = pd.DataFrame({"owner": ["customer_service"] * 3, "accountable": [None, "Li", None]})
    >>> staff = pd.DataFrame({"handler": ["Li", "Wang"], "department": ["customer_service"] * 2,
    ...     "capacity": [2, 1]})
    >>> assign_handlers(cases, staff)["handler"].tolist()
    ['Li', 'Li', 'Wang']
    """
    queue = as_frame(queue)
    staff = check_frame(handlers, _HANDLERS, frame="handlers", key="handler")
    load = staff["load"].to_numpy() if "load" in staff else np.zeros(len(staff), np.int64)
    room = np.maximum(staff["capacity"].to_numpy() - load, 0)
    names = pd.Index(staff["handler"])
    preferred = np.full(len(queue), -1)
    if keep != "accountable" and keep not in queue:
        raise UnknownNameError("column of queue", keep, map(str, queue.columns))
    if keep in queue:
        preferred = positions_in(queue[keep], names)
    chosen = np.full(len(queue), -1)
    department = staff["department"].astype(object).to_numpy()
    code, owners = codes(column_of(queue, "owner", "queue"))
    for place, name in enumerate(owners.tolist()):
        rows = np.flatnonzero(code == place)
        people = np.flatnonzero(department == name)
        chosen[rows] = _assigned(preferred[rows], people, load, room)
    handler = names.take(np.maximum(chosen, 0)) if len(names) else pd.Index([None] * len(queue))
    taken = pd.Series(handler, index=queue.index)
    return queue.assign(handler=taken.where(chosen >= 0))


def _assigned(
    preferred: npt.NDArray[np.int64],
    people: npt.NDArray[np.int64],
    load: npt.NDArray[np.int64],
    room: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """The handler of each case in turn: the preferred one, else the least loaded with room."""
    chosen = np.full(len(preferred), -1)
    now = {int(p): int(load[p]) for p in people}
    full = {int(p): int(load[p] + room[p]) for p in people}
    heap = [(n, p) for p, n in now.items()]
    heapq.heapify(heap)
    for case, person in enumerate(preferred.tolist()):
        if person not in full or now[person] >= full[person]:
            person = -1
            while heap and person < 0:
                at, candidate = heapq.heappop(heap)
                if at == now[candidate] and at < full[candidate]:
                    person = candidate
        if person < 0:
            continue
        chosen[case] = person
        now[person] += 1
        if now[person] < full[person]:
            heapq.heappush(heap, (now[person], person))
    return chosen


def _severity(routed: pd.DataFrame) -> Codes:
    return places_of(routed["severity"], _SEVERITY)


def _priority(routed: pd.DataFrame) -> Codes:
    """Rank of each priority: the order of its categories, else the default table's."""
    priority = routed["priority"]
    if not isinstance(priority.dtype, pd.CategoricalDtype):
        words = words_of(priority, "priority")
        priority = pd.Series(words.set_categories(["first", "high", "normal"]))
    codes = priority.cat.codes.to_numpy(dtype=np.int64)
    return np.where(codes < 0, len(priority.cat.categories), codes)
