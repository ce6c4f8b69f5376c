"""Wrong arguments for public functions and methods: a sentence of the library or a result.

    python tests/nightly/arguments.py [--only rfm_metrics] [--frames]

The examples of the docstrings run (with ``--frames`` the good calls of `frames.py` too), and the
first call of each public function, method and class is recorded. Each is then made again, with
one argument at a time replaced by a value of its own type that it cannot have: an unknown word, a
number below or beyond all limits, a day that is none. What comes back is a result, or a
`BankcrmError` with a sentence; any other error is printed, and so is a call that does not end.
Exit code 1 if there is one.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import doctest
import importlib
import inspect
import io
import os
import pkgutil
import signal
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any, NamedTuple

import numpy as np

import bankcrm
from bankcrm.errors import BankcrmError

WORDS = ("nonsense", "", "\ud800")
WHOLE = (-1, 0, 10**30)
NUMBERS = (float("nan"), float("inf"), -1.0, 2.5, 1e308)
DAYS = (dt.date(1, 1, 1), dt.date(9999, 12, 31), "2026-02-30")
LONGEST = 20  # seconds
MADE = {"Concentration": "concentration"}
"""Values that have a function of their own, which checks what they hold."""


class Known(NamedTuple):
    """A public callable: its name, itself, and whether its first argument is an object of it."""

    name: str
    call: Callable[..., object]
    bound: bool


class Recorded(NamedTuple):
    """A call with its arguments; ``owner`` is the object of a method."""

    known: Known
    owner: Any
    given: dict[str, Any]

    def repeat(self, **changed: Any) -> object:
        """Make the call again, with other values of some arguments."""
        places, names = [], {}
        for name, parameter in inspect.signature(self.known.call).parameters.items():
            value = {**self.given, **changed}.get(name, parameter.empty)
            if value is parameter.empty:
                continue
            match parameter.kind:
                case parameter.POSITIONAL_ONLY:
                    places.append(value)
                case parameter.VAR_POSITIONAL:
                    places += value
                case parameter.VAR_KEYWORD:
                    names |= value
                case _:
                    names[name] = value
        owner = (self.owner,) if self.known.bound else ()
        with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
            return self.known.call(*owner, *places, **names)


def modules() -> list[ModuleType]:
    """The modules of the library, without its command line."""
    found = [bankcrm]
    for info in pkgutil.walk_packages(bankcrm.__path__, "bankcrm."):
        if ".cli" not in info.name and "__main__" not in info.name:
            with contextlib.suppress(ImportError):
                found.append(importlib.import_module(info.name))
    return found


def public() -> dict[CodeType, Known]:
    """The code of each public function, class and method."""
    found: dict[CodeType, Known] = {}

    def add(name: str, code_of: Any, call: Callable[..., object], bound: bool) -> None:
        found[inspect.unwrap(code_of).__code__] = Known(name, call, bound)

    for module in modules():
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            if inspect.isfunction(value):
                add(name, value, value, False)
            elif isinstance(value, type) and value.__module__.startswith("bankcrm"):
                for part, method in vars(value).items():
                    if part == "__init__" and inspect.isfunction(method):
                        add(name, method, value, False)
                    elif not part.startswith("_") and inspect.isfunction(method):
                        add(f"{name}.{part}", method, method, True)
                    elif not part.startswith("_") and isinstance(method, classmethod):
                        add(f"{name}.{part}", method.__func__, method.__func__, True)
    return found


class Recorder:
    """Records the first call of each public callable while it is active."""

    def __init__(self) -> None:
        self.public = public()
        self.calls: dict[str, Recorded] = {}

    def __enter__(self) -> Recorder:
        sys.setprofile(self._see)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _see(self, frame: FrameType, event: str, _: object) -> None:
        known = self.public.get(frame.f_code) if event == "call" else None
        if known is None or known.name in self.calls:
            return
        code = frame.f_code
        names = list(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])
        given = {name: frame.f_locals[name] for name in names if name in frame.f_locals}
        has_owner = known.bound or isinstance(known.call, type)
        owner = given.pop(names[0], None) if has_owner else None
        self.calls[known.name] = Recorded(known, owner, given)


def run_examples() -> None:
    """Run the examples of every docstring, whatever they print."""
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    seen = set()
    for module in modules():
        for test in doctest.DocTestFinder(exclude_empty=True).find(module):
            if test.examples and (place := (test.filename, test.lineno)) not in seen:
                seen.add(place)
                with contextlib.redirect_stdout(io.StringIO()):
                    doctest.DocTestRunner(optionflags=flags).run(test, out=lambda _: None)


def wrong_values(value: object) -> tuple[Any, ...]:
    """Values of the type of an argument that it may not have, or hardly."""
    if isinstance(value, bool):
        return ()
    if isinstance(value, str):
        return WORDS
    if isinstance(value, int | np.integer):
        return WHOLE
    if isinstance(value, float | np.floating):
        return NUMBERS
    return (
        DAYS if isinstance(value, dt.date) else (*WORDS, *WHOLE, *NUMBERS) if value is None else ()
    )


def faults(call: Recorded) -> Iterator[tuple[str, str]]:
    """Each argument with a wrong value, and what is wrong about the answer; empty for nothing."""
    if call.known.name in MADE or not _can_repeat(call):
        return
    for name, value in call.given.items():
        if name not in inspect.signature(call.known.call).parameters:
            continue
        for wrong in wrong_values(value):
            yield f"{name}={str(wrong)[:20]!r}", _answer(call, name, wrong)


def _can_repeat(call: Recorded) -> bool:
    """Whether the call as recorded succeeds; one that needs names of its example does not."""
    try:
        call.repeat()
    except Exception:
        return False
    return True


def _answer(call: Recorded, name: str, wrong: object) -> str:
    try:
        with limited():
            call.repeat(**{name: wrong})
    except BankcrmError as error:
        return "" if len(str(error).split()) > 3 else f"no sentence: {error}"
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:80]}"
    return ""


@contextlib.contextmanager
def limited() -> Iterator[None]:
    """A call that takes longer than `LONGEST` ends with a TimeoutError."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"no answer after {LONGEST} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(LONGEST)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def main() -> None:
    """Record the calls and make them with wrong arguments."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", default=[], help="functions and methods")
    parser.add_argument("--frames", action="store_true", help="also the calls of frames.py")
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    os.environ["MPLBACKEND"] = "agg"
    tried = unclear = 0
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        with Recorder() as recorder:
            run_examples()
            if chosen.frames:
                sys.path.insert(0, str(Path(__file__).parent))
                from frame_calls import calls

                for case in calls(engines=False):
                    case.call(case.frames)
        for name, call in sorted(recorder.calls.items()):
            if chosen.only and name not in chosen.only:
                continue
            for argument, problem in faults(call):
                tried += 1
                if problem:
                    unclear += 1
                    print(f"{name}({argument}): {problem}", flush=True)
    print(f"{len(recorder.calls)} recorded, {tried:,} wrong arguments, {unclear:,} unclear errors")
    sys.exit(bool(unclear))


if __name__ == "__main__":
    main()
