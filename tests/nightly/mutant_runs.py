"""Runs of tests on mutants in forked processes, for ``mutants.py``.

A process that has collected the tests is forked for each mutant, and the code of its functions is
replaced; it takes the values of the shared fixtures that run no changed line from its parent. What
runs while modules are imported (constants, default values, classes) needs new imports: then a
process is forked that has only imported other libraries.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib.abc
import importlib.machinery
import importlib.util
import inspect
import itertools
import json
import os
import resource
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

import attrs
import coverage
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

if TYPE_CHECKING:
    from mutants import Mutant

SOURCE = Path(__file__).resolve().parents[2] / "src" / "bankcrm"
for package in ("hypothesis", "pyarrow", "scipy.optimize", "scipy.stats"):
    importlib.import_module(package)  # before the forks, each of which would import it again
OPTIONS = ("-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--doctest-modules")
SLOWER, SPARE = 5, 20
"""A run may take this many times its usual CPU seconds, and these seconds more."""
STUCK = 900
"""Seconds after which a run that waits, and uses no CPU, is ended."""
IMPORT = "import"


@attrs.define
class Runs:
    """The tests of a package, and which of the mutants they notice.

    Attributes:
        tests: Arguments of pytest: files and folders.
        folder: A folder for what the processes tell each other.
        budget: CPU seconds of tests, measured without a mutant, after which a mutant has survived.
        broken: Tests that fail without a mutant; they are left out.
        seconds: Test -> the CPU seconds that it takes.
        lines: Module -> line -> the tests that run it; `IMPORT` runs what is run by imports.
        alive: The mutants that survived in the process with the collected tests.
        pending: The mutants that need new imports.
    """

    tests: Sequence[str]
    folder: Path
    budget: float
    broken: list[str] = attrs.field(factory=list)
    seconds: dict[str, float] = attrs.field(factory=dict)
    lines: dict[str, dict[str, list[str]]] = attrs.field(factory=dict)
    alive: set[Mutant] = attrs.field(factory=set)
    pending: set[Mutant] = attrs.field(factory=set)

    def measure(self, sample: Sequence[Mutant]) -> None:
        """Run the tests once, then on each mutant for which no new import is needed."""
        told = self.folder / "told.json"

        def collected() -> int:
            cov = _coverage(sample)
            cov.start()
            plugin = _Collected(self, cov, sample, told)
            return int(pytest.main(self._words(self.tests), plugins=[plugin]))

        code = _forked(collected, limit=0)
        if not told.is_file():
            sys.exit(f"the tests were not collected: pytest ended with {code}")
        found = json.loads(told.read_text())
        self.broken, self.seconds, self.lines = (found[k] for k in ("broken", "seconds", "lines"))
        self.alive = {sample[i] for i in found["alive"]}
        self.pending = {sample[i] for i in found["pending"]}

    def noticed(self, mutant: Mutant) -> bool:
        """Whether a test fails on a mutant."""
        if mutant not in self.pending:
            return mutant not in self.alive
        own = self.of_module(mutant)
        # What is made once, as constants are, is used by tests that run no line of the module.
        others = self._ordered(self.seconds.keys() - own)
        return self._fails(mutant, own) or self._fails(mutant, others)

    def _fails(self, mutant: Mutant, tests: Sequence[str]) -> bool:
        """Whether one of the tests fails with new imports."""
        if not tests:
            return False
        files = sorted({t.split("::")[0] for t in tests})

        def imported() -> int:
            for name in [n for n in sys.modules if n.split(".")[0] == "bankcrm"]:
                del sys.modules[name]
            sys.meta_path.insert(0, changed := _Changed(mutant))
            # Now, because pytest puts an importer of its own before this one.
            importlib.import_module(changed.name)
            importlib.import_module("bankcrm.testing.registration").register()
            return int(pytest.main([*self._words(files), "-x"], plugins=[_Chosen(tests)]))

        limit = SPARE + SLOWER * sum(self.seconds[t] for t in tests)
        return bool(_forked(imported, limit))

    def of_line(self, mutant: Mutant) -> list[str]:
        """The tests that run the statement of a mutant, by file, the quickest first."""
        lines = self.lines.get(mutant.module, {})
        first, last = mutant.lines
        return self._ordered({t for n in range(first, last + 1) for t in lines.get(str(n), ())})

    def of_module(self, mutant: Mutant) -> list[str]:
        """The tests that run any line of a mutant's module, or else all of them."""
        lines = self.lines.get(mutant.module, {})
        return self._ordered({t for tests in lines.values() for t in tests}) or self._ordered(
            self.seconds
        )

    def note(self, mutant: Mutant) -> str:
        """What is to say of a survivor."""
        if mutant in self.pending:
            return "  (at import)"
        return "" if self.of_line(mutant) else "  (no test runs it)"

    def _ordered(self, tests: Iterable[str]) -> list[str]:
        """Tests within the budget: one case of each function before a second of any."""
        known = [t for t in tests if t in self.seconds and t not in self.broken]
        known.sort(key=lambda t: (self.seconds[t], t))
        cases: Counter[str] = Counter()
        turn: dict[str, int] = {}
        for test in known:
            turn[test] = cases[function := test.split("[")[0]]
            cases[function] += 1
        known.sort(key=lambda t: turn[t])
        total = list(itertools.accumulate(self.seconds[t] for t in known))
        known = [t for t, s in zip(known, total, strict=True) if s <= self.budget] or known[:1]
        files: dict[str, float] = defaultdict(float)
        for test in known:
            files[test.split("::")[0]] += self.seconds[test]
        return sorted(known, key=lambda t: (files[f := t.split("::")[0]], f, self.seconds[t], t))

    def _words(self, tests: Sequence[str]) -> list[str]:
        return [*OPTIONS, f"--basetemp={self.folder / 'temporary'}", *tests]


@attrs.define
class _Collected:
    """A plug-in of pytest: instead of one run of the tests, one for each mutant."""

    runs: Runs
    cov: coverage.Coverage
    sample: Sequence[Mutant]
    told: Path

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.cov.stop()
        if session.testsfailed:
            raise session.Failed("errors while collecting")
        items = {item.nodeid: item for item in session.items}
        runs, part = self.runs, self.told.with_name("lines.json")
        _forked(lambda: _measure(session, self.sample, part, runs.budget), limit=0)
        found = json.loads(part.read_text())
        runs.broken, runs.seconds, runs.lines = (found[k] for k in ("broken", "seconds", "lines"))
        imported = {
            str(Path(f).relative_to(SOURCE)): set(self.cov.get_data().lines(f) or ())
            for f in self.cov.get_data().measured_files()
        }
        values = _values(session)
        gc.unfreeze()  # conftest.py froze what was imported, and then gc does not list it
        functions = _functions()
        caches = [c for c in gc.get_objects() if type(c) is functools._lru_cache_wrapper]
        caches = [c for c in caches if str(c.__module__).startswith("bankcrm")]
        gc.freeze()
        alive, pending = [], []
        for number, mutant in enumerate(self.sample):
            first, last = mutant.lines
            ran_at_import = not imported.get(mutant.module, set()).isdisjoint(
                range(first, last + 1)
            )
            places = _places(mutant, functions)
            if places is None:
                pending.append(number)
                continue
            tests = runs.of_line(mutant)
            asked = found["fixtures"].get(mutant.module, {})
            changed = {name for n in range(first, last + 1) for name in asked.get(str(n), ())}
            given = {f: v for f, v in values.items() if changed.isdisjoint(v.names)}
            chosen = [items[t] for t in tests]
            run = functools.partial(_patched, session, chosen, places, caches, given)
            limit = SPARE + SLOWER * sum(runs.seconds[t] for t in tests)
            if not (tests and _forked(run, limit=limit)):
                (pending if ran_at_import else alive).append(number)
        self.told.write_text(json.dumps({**found, "alive": alive, "pending": pending}))
        return True


def _coverage(sample: Sequence[Mutant]) -> coverage.Coverage:
    """A measure of the mutants' modules alone: that of all others takes time."""
    modules = sorted({str(SOURCE / mutant.module) for mutant in sample})
    return coverage.Coverage(data_file=None, config_file=False, include=modules)


def _measure(session: pytest.Session, sample: Sequence[Mutant], told: Path, budget: float) -> int:
    """Which tests run which line; a shared fixture's lines are those of all tests that use it.

    A test is stopped at the budget, beyond which it is not run on a mutant.
    """
    cov = _coverage(sample)
    stack = [""]
    stopped: set[str] = set()

    class Contexts:
        @pytest.hookimpl(wrapper=True)
        def pytest_fixture_setup(self, fixturedef: Any) -> Iterator[None]:
            shared = fixturedef.scope != "function"
            stack.append(f"fixture {fixturedef.argname}" if shared else stack[-1])
            cov.switch_context(stack[-1])
            try:
                return (yield)
            finally:
                stack.pop()
                cov.switch_context(stack[-1])

        @pytest.hookimpl(wrapper=True)
        def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
            def stop(*_: object) -> None:
                stopped.add(item.nodeid)
                raise TimeoutError

            signal.signal(signal.SIGVTALRM, stop)
            signal.setitimer(signal.ITIMER_VIRTUAL, budget)
            try:
                return (yield)
            finally:
                signal.setitimer(signal.ITIMER_VIRTUAL, 0)

    session.config.pluginmanager.register(Contexts())
    cov.start()
    seconds, broken = {}, []
    asking: dict[str, list[str]] = defaultdict(list)
    for item, following in zip(session.items, [*session.items[1:], None], strict=True):
        stack[:] = [f"test {item.nodeid}"]
        cov.switch_context(stack[0])
        for fixture in getattr(item, "fixturenames", ()):
            asking[f"fixture {fixture}"].append(item.nodeid)
        failed, start = session.testsfailed, time.process_time()
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        seconds[item.nodeid] = time.process_time() - start + budget * (item.nodeid in stopped)
        if session.testsfailed > failed and item.nodeid not in stopped:
            broken.append(item.nodeid)
    cov.stop()
    data = cov.get_data()
    lines: dict[str, dict[int, list[str]]] = {}
    fixtures: dict[str, dict[int, list[str]]] = {}
    for file in data.measured_files():
        module, places = str(Path(file).relative_to(SOURCE)), data.contexts_by_lineno(file)
        lines[module] = {
            line: sorted({t for c in contexts for t in asking.get(c, [c.removeprefix("test ")])})
            for line, contexts in places.items()
        }
        fixtures[module] = {
            line: [c.removeprefix("fixture ") for c in contexts if c in asking]
            for line, contexts in places.items()
        }
    found = {"seconds": seconds, "broken": broken, "lines": lines, "fixtures": fixtures}
    told.write_text(json.dumps(found))
    return 0


class _Value(NamedTuple):
    """The value of a fixture, and the names of the fixtures that it is made of."""

    value: Any
    names: frozenset[str]


def _values(session: pytest.Session) -> dict[Any, _Value]:
    """Fixture of a module or of the session -> its value, where it is made once and for all."""
    values: dict[Any, _Value] = {}
    pq.write_table(pa.table({"x": [1], "y": [1]}), file := pa.BufferOutputStream())
    pq.read_table(pa.BufferReader(file.getvalue()))  # starts threads of Arrow, which survive a fork

    def shared(fixture: Any) -> bool:
        once = fixture.scope != "function" and not fixture.params
        once = once and fixture.argname != "tmp_path_factory"
        return once and not inspect.isgeneratorfunction(fixture.func)

    class Keeps:
        @pytest.hookimpl(wrapper=True)
        def pytest_fixture_setup(self, fixturedef: Any, request: Any) -> Iterator[None]:
            threads = len(os.listdir("/proc/self/task"))
            value = yield
            parts = [request._get_active_fixturedef(name) for name in fixturedef.argnames]
            # The threads of DuckDB do not survive a fork; and a test may change files.
            if (
                shared(fixturedef)
                and all(part in values for part in parts)
                and len(os.listdir("/proc/self/task")) == threads
            ):
                names = {fixturedef.argname}.union(*(values[part].names for part in parts))
                values[fixturedef] = _Value(value, frozenset(names))
            return value

    session.config.pluginmanager.register(keeps := Keeps())
    tried: set[Any] = set()
    for item in session.items:
        known = getattr(item, "_fixtureinfo", None)
        asked = {made[-1] for made in known.name2fixturedefs.values()} if known else set()
        if any(shared(fixture) for fixture in asked - tried):
            tried |= asked
            with contextlib.suppress(Exception, pytest.skip.Exception):
                session._setupstate.setup(item)
            with contextlib.suppress(Exception):  # `tmp_path` asks how the test ended
                session._setupstate.teardown_exact(None)
            item._initrequest()
    session.config.pluginmanager.unregister(keeps)
    return values


def _functions() -> dict[str, list[FunctionType]]:
    """File -> the functions that were defined in it."""
    found: dict[str, list[FunctionType]] = defaultdict(list)
    for thing in gc.get_objects():
        if type(thing) is FunctionType and thing.__code__.co_filename.startswith(str(SOURCE)):
            found[thing.__code__.co_filename].append(thing)
    return found


def _places(
    mutant: Mutant, functions: Mapping[str, Sequence[FunctionType]]
) -> list[tuple[FunctionType, CodeType]] | None:
    """The functions that a mutant changes, with their new code; None where it needs an import."""
    changed: list[tuple[CodeType, CodeType]] = []

    def compare(old: CodeType, new: CodeType, inside: bool) -> bool:
        """Collect the changed code; whether all of it is inside functions."""
        inside = inside or old.co_name == "<lambda>"
        inside = inside or bool(old.co_flags & inspect.CO_OPTIMIZED and old.co_name[0] != "<")
        if inside and old != new:
            changed.append((old, new))
        elif _without_parts(old) != _without_parts(new):
            return False
        pairs = zip(_parts(old), _parts(new), strict=True)
        apart = [pair for pair in pairs if not compare(*pair, inside)]
        return not apart

    if not compare(*mutant.code(), inside=False):
        return None
    known = functions.get(str(SOURCE / mutant.module), ())
    return [(f, new) for f in known for old, new in changed if f.__code__ == old] or None


def _parts(code: CodeType) -> list[CodeType]:
    """The functions, classes and comprehensions in a piece of code."""
    return [c for c in code.co_consts if isinstance(c, CodeType)]


def _without_parts(code: CodeType) -> CodeType:
    constants = (repr(c) for c in code.co_consts if not isinstance(c, CodeType))
    return code.replace(co_consts=tuple(constants))


def _patched(
    session: pytest.Session,
    items: Sequence[pytest.Item],
    places: Sequence[tuple[FunctionType, CodeType]],
    caches: Sequence[Any],
    given: Mapping[Any, _Value],
) -> int:
    """Run tests with the code of some functions replaced, until one fails."""
    for fixture, made in given.items():
        fixture.func = functools.partial(lambda value, **_: value, made.value)
    for cached in caches:
        cached.cache_clear()
    for function, code in places:
        function.__code__ = code
    for item, following in zip(items, [*items[1:], None], strict=True):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.testsfailed:
            return 1
    return 0


class _Chosen:
    """A plug-in of pytest that runs some tests in their order."""

    def __init__(self, tests: Sequence[str]) -> None:
        self.tests = tests

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        known = {item.nodeid: item for item in items}
        items[:] = [known[t] for t in self.tests if t in known]


class _Changed(importlib.abc.MetaPathFinder):
    """Imports a module with a mutant in it."""

    def __init__(self, mutant: Mutant) -> None:
        parts = Path(mutant.module).with_suffix("").parts
        self.place, self.code = SOURCE / mutant.module, mutant.code()[1]
        self.name = ".".join(("bankcrm", *parts)).removesuffix(".__init__")

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        if name != self.name:
            return None
        code = self.code

        class Loader(importlib.machinery.SourceFileLoader):
            def get_code(self, fullname: str) -> CodeType:
                return code

        loader = Loader(name, str(self.place))
        return importlib.util.spec_from_file_location(name, self.place, loader=loader)


def _forked(run: Callable[[], int], limit: float) -> int:
    """Run a function in a forked process, at most ``limit`` CPU seconds (0: any); its exit code."""
    sys.stdout.flush()
    child = os.fork()
    if not child:
        code = 99
        try:
            os.setpgrp()
            silent = os.open(os.devnull, os.O_RDWR)
            for stream in () if os.environ.get("MUTANTS_LOUD") else (0, 1, 2):
                os.dup2(silent, stream)
            if limit:
                resource.setrlimit(resource.RLIMIT_CPU, (int(limit), int(limit) + 5))
                signal.alarm(STUCK)
            code = run()
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)
