"""Finding, ordering and calling plug-ins; each is called separately, so that errors have a name."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import attrs
import pluggy

from bankcrm import hookspecs
from bankcrm.errors import PluginError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ENTRY_POINTS: Literal["entry-points"] = "entry-points"
DISABLE = "BANKCRM_DISABLE_PLUGINS"
HOOKS = tuple(
    name for name, value in vars(hookspecs).items() if hasattr(value, f"{hookspecs.PROJECT}_spec")
)


@attrs.frozen
class PluginInfo:
    """A plug-in, with what it changed or why it was left out: a row of ``bankcrm plugins``.

    Attributes:
        name: Its name.
        distribution: The installed package that it came with; empty for one given in code.
        version: That package's version.
        priority: Where two conflict, the higher one wins.
        hooks: The hooks that it implements.
        changes: What it changed, in words.
        error: Why it was left out; empty if it was not.
    """

    name: str
    distribution: str = ""
    version: str = ""
    priority: int = 0
    hooks: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    error: str = ""

    def __str__(self) -> str:
        package = " ".join(p for p in (self.distribution, self.version) if p)
        return f"plug-in {self.name}" + (f" ({package})" if package else "")


@attrs.frozen(eq=False)
class Plugin:
    """A plug-in that was found: its name, its origin and the object that implements it."""

    info: PluginInfo
    implementation: object = None


class PluginFaultError(PluginError):
    """An error of one plug-in; ``plugin`` is its name."""

    def __init__(self, plugin: str, message: str) -> None:
        super().__init__(plugin, message)
        self.plugin = plugin

    def __str__(self) -> str:
        return str(self.args[1])


def find(
    plugins: Literal["entry-points"] | Sequence[object], disable: Iterable[str]
) -> list[Plugin]:
    """The plug-ins in their order: by priority, the lowest first, then by name.

    Args:
        plugins: ``entry-points`` for the installed ones, or the plug-ins themselves.
        disable: Names that are passed over; ``BANKCRM_DISABLE_PLUGINS`` (names between commas, or
            ``*`` for all) adds to them.
    """
    off = {*disable, *(n.strip() for n in os.environ.get(DISABLE, "").split(",") if n.strip())}
    found = _installed(off) if isinstance(plugins, str) else [_given(p) for p in plugins]
    kept = [p for p in found if p.info.name not in off and "*" not in off]
    names = [p.info.name for p in kept]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise PluginError(f"two plug-ins are called {', '.join(twice)}; disable or rename one")
    return sorted(kept, key=lambda p: (p.info.priority, p.info.name))


def _installed(off: set[str]) -> list[Plugin]:
    from importlib.metadata import entry_points

    points = entry_points(group=hookspecs.PROJECT)
    return [_load(point) for point in points if not {point.name, "*"} & off]


def _load(point: EntryPoint) -> Plugin:
    package = point.dist
    info = PluginInfo(
        point.name, package.name if package else "", package.version if package else ""
    )
    try:
        return _described(info, point.load())
    except Exception as error:  # a plug-in's import may raise anything; it is reported by name
        message = f"cannot be loaded: {type(error).__name__}: {error}"
        return Plugin(attrs.evolve(info, error=message))


def _given(plugin: object) -> Plugin:
    name = getattr(plugin, "NAME", None) or getattr(plugin, "__name__", type(plugin).__name__)
    info = PluginInfo(str(name), version=str(getattr(plugin, "__version__", "")))
    return _described(info, plugin)


def _described(info: PluginInfo, plugin: object) -> Plugin:
    priority = getattr(plugin, "PRIORITY", 0)
    if not isinstance(priority, int):
        return Plugin(attrs.evolve(info, error=f"PRIORITY is {priority!r}, not a whole number"))
    return Plugin(attrs.evolve(info, priority=priority), plugin)


class HookCaller:
    """Calls the hooks of one plug-in; their names and arguments are checked when it registers."""

    def __init__(self, plugin: Plugin) -> None:
        self.info = plugin.info
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        if self.info.error:
            raise PluginFaultError(self.info.name, f"{self.info} {self.info.error}")
        try:
            self._manager.register(plugin.implementation, name=self.info.name)
            self._manager.check_pending()
        except (pluggy.PluginValidationError, ValueError, TypeError) as error:
            reason = str(error).splitlines()[-1]
            message = f"{self.info} does not fit: {reason}; hooks: {', '.join(HOOKS)}"
            raise PluginFaultError(self.info.name, message) from error
        found = self._manager.get_hookcallers(plugin.implementation) or []
        self.hooks = tuple(sorted(caller.name for caller in found))
        if not self.hooks:
            raise PluginFaultError(
                self.info.name,
                f"{self.info} implements no hook; mark functions with bankcrm.plugins.hookimpl",
            )

    def call(self, hook: str, **given: Any) -> Any:
        """The answer of one hook; None where the plug-in does not implement it."""
        if hook not in self.hooks:
            return None
        try:
            answers = getattr(self._manager.hook, hook)(**given)
        except Exception as error:  # whatever a plug-in raises is reported with its name
            message = f"{self.info}: hook {hook} raised {type(error).__name__}: {error}"
            raise PluginFaultError(self.info.name, message) from error
        return answers[0] if answers else None

    def values(self, hook: str, kinds: tuple[type, ...], **given: Any) -> tuple[Any, ...]:
        """The values of one hook, each of a kind that the hook may return."""
        answer = self.call(hook, **given)
        if answer is None:
            return ()
        expected = " or ".join(k.__name__ for k in kinds)
        if isinstance(answer, str | bytes) or not isinstance(answer, Iterable):
            message = f"{self.info}: hook {hook} returned {answer!r}; expected a list of {expected}"
            raise PluginFaultError(self.info.name, message)
        found = tuple(answer)
        wrong = [v for v in found if not isinstance(v, kinds)]
        if wrong:
            message = f"{self.info}: hook {hook} returned {wrong[0]!r}; expected {expected}"
            raise PluginFaultError(self.info.name, message)
        return found
