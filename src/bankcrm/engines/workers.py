"""Work on the blocks of a book in several processes of this machine."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from bankcrm.engines.engine import T
from bankcrm.errors import EngineError


class Workers:
    """Processes of this machine, each of which takes one job after the other.

    They are new processes, since the threads of DuckDB and Arrow do not survive a fork.

    Args:
        number: The number of processes.
    """

    def __init__(self, number: int) -> None:
        fresh = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(number, mp_context=fresh, initializer=_end_with_parent)

    def end(self) -> None:
        """End the processes; jobs that have not begun are left out."""
        self._pool.shutdown(cancel_futures=True)

    def each(
        self, call: Callable[[T], None], jobs: Sequence[T], report: Callable[[int], None]
    ) -> None:
        """Call a function for each job.

        Args:
            call: The function; it can be pickled.
            jobs: The jobs.
            report: Called with the number of each job, in order, when those before it are done.

        Raises:
            EngineError: A process was killed, or the function cannot be sent to one.
        """
        try:
            sent = pickle.dumps(call)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise EngineError(
                f"workers: the work cannot be sent to other processes ({error}); a step's "
                "functions must be those of a module, not lambdas or inner functions; or use one "
                "worker"
            ) from None
        try:
            for number, job in enumerate([self._pool.submit(_called, sent, job) for job in jobs]):
                report(number)
                job.result()
        except BrokenProcessPool:
            raise EngineError(
                "a worker process ended before its work was done, often for want of memory: use "
                "fewer workers or more blocks; in a script, call review below "
                "`if __name__ == '__main__':`; the last complete result is unchanged"
            ) from None


def _end_with_parent() -> None:
    """End this process when the one that started it is gone, even killed: nobody else writes then.

    A later run may use the same folder at once.
    """
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _called(sent: bytes, job: T) -> None:
    """Call a function that came as bytes."""
    pickle.loads(sent)(job)
