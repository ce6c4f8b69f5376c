"""The policies in force: files of a folder, all loaded or none, and replaced together."""

from __future__ import annotations

import threading
from pathlib import Path

import attrs

from bankcrm.errors import PolicyError
from bankcrm.plugins import Assembled, assemble
from bankcrm.policy import PolicySet, default_policies, load_policy

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

    def __init__(self, folder: Path | None) -> None:
        """Load the folder; a fault at the start is raised."""
        self._folder = folder
        self._loading = threading.Lock()
        self._held = _Held(self._load(), self._stamp())

    @property
    def policies(self) -> Assembled:
        """The policies in force."""
        return self._held.policies

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
            except PolicyError as error:
                self._held = attrs.evolve(before, stamp=stamp, fault=str(error))
                return False
            self._held = _Held(made, stamp)
            return made.fingerprint != before.policies.fingerprint

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("*.toml")) if self._folder else []

    def _stamp(self) -> Stamp:
        stats = [(f.name, f.stat()) for f in self._files()]
        return tuple((name, s.st_mtime_ns, s.st_size) for name, s in stats)

    def _load(self) -> Assembled:
        policies: PolicySet = default_policies()
        for file in self._files():
            policies = policies.with_policy(load_policy(file))
        return assemble(policies)
