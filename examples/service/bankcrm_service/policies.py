"""The policies in force: files of a folder, all loaded or none, and replaced together."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date
from pathlib import Path

import attrs

from bankcrm.errors import PolicyError
from bankcrm.plugins import Assembled, assemble
from bankcrm.policy import PolicySet, default_policies, load_policy

_NEEDED = {
    "lifecycle": ("stage",),
    "segmentation": ("tier_standing", "tier_value", "tier_growth", "tier"),
    "complaints": ("severity", "route"),
}
Stamp = tuple[tuple[str, int, int], ...]


@attrs.frozen
class _Held:
    """What requests read: one value, replaced by a single assignment."""

    policies: Assembled
    stamp: Stamp
    fault: str = ""


class PolicyStore:
    """Holds the assembled policies of a folder; every request takes them once and keeps them.

    A folder that does not load leaves the policies as they are, and says so in `fault`.
    """

    def __init__(self, folder: Path | None, today: Callable[[], date] = date.today) -> None:
        """Load the folder; a fault at the start is raised."""
        self._folder, self._today = folder, today
        self._loading = threading.Lock()
        self._held = _Held(self._load(), self._stamp())
        self._narrowed: tuple[Assembled, date, Assembled] | None = None

    @property
    def loaded(self) -> Assembled:
        """The policies with all their versions."""
        return self._held.policies

    @property
    def policies(self) -> Assembled:
        """The policies in force today: of each table and parameter the version of the day.

        Raises:
            PolicyError: A policy has no version for today.
        """
        known, day, loaded = self._narrowed, self._today(), self._held.policies
        if known is None or known[0] is not loaded or known[1] != day:
            known = self._narrowed = (loaded, day, loaded.at(day))
        return known[2]

    @property
    def fault(self) -> str:
        """Why the folder's newest files are not in force; empty where they are."""
        return self._held.fault

    def reload(self) -> bool:
        """Load the folder if a file changed; whether other policies are in force now."""
        with self._loading:
            before, stamp = self._held, self._stamp()
            if stamp == before.stamp:
                return False
            try:
                made = self._load()
            except (PolicyError, OSError) as error:
                # Paths of the server are of no use to a caller.
                fault = str(error).replace(f"{self._folder}/", "").replace(str(self._folder), "")
                self._held = attrs.evolve(before, stamp=stamp, fault=fault)
                return False
            self._held = _Held(made, stamp)
            return made.fingerprint != before.policies.fingerprint

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("*.toml")) if self._folder else []

    def _stamp(self) -> Stamp:
        if self._folder and not self._folder.is_dir():
            return (("", -1, -1),)
        found = [(f.name, f.stat() if f.exists() else None) for f in self._files()]
        return tuple((n, s.st_mtime_ns, s.st_size) if s else (n, -1, -1) for n, s in found)

    def _load(self) -> Assembled:
        if self._folder and not self._folder.is_dir():
            raise PolicyError("the folder of the policies is not there")
        policies: PolicySet = default_policies()
        names: dict[str, str] = {}
        for file in self._files():
            policy = load_policy(file)
            if policy.domain in names:
                both = f"{names[policy.domain]} and {file.name}"
                raise PolicyError(f"{both} are both of domain {policy.domain}; keep one")
            names[policy.domain] = file.name
            missing = [t for t in _NEEDED.get(policy.domain, ()) if t not in policy.tables]
            if missing:
                raise PolicyError(f"{file.name}: no table {', '.join(missing)}")
            policies = policies.with_policy(policy)
        made = assemble(policies)
        made.at(self._today())  # a policy that is not in force today does not decide today
        return made
