"""The scripts of ``tests/nightly`` as modules, of which the suite runs a sample."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType


def nightly(name: str) -> ModuleType:
    """A script of ``tests/nightly``, by its name without the ending."""
    path = Path(__file__).parent / "nightly" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"bankcrm_nightly_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # attrs looks up the module of a class
    spec.loader.exec_module(module)
    return module
