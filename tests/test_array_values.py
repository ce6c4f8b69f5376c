"""What holds arrays or frames is equal only to itself."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator

import attrs
import pytest

import bankcrm

ARRAYS = re.compile("NDArray|ndarray|DataFrame|Series|Index|Places|Numbers|Ints|Mask")


def compared(package: str) -> Iterator[type]:
    """The attrs classes of a module or package that have a comparison made by attrs."""
    top = importlib.import_module(f"bankcrm.{package}")
    inside = pkgutil.walk_packages(getattr(top, "__path__", []), f"{top.__name__}.")
    for name in (top.__name__, *(info.name for info in inside)):
        for _, thing in inspect.getmembers(importlib.import_module(name), inspect.isclass):
            code = getattr(thing.__eq__, "__code__", None)
            made = code is not None and "attrs generated" in code.co_filename
            if made and thing.__module__ == name and attrs.has(thing):
                yield thing


@pytest.mark.parametrize("package", [info.name for info in pkgutil.iter_modules(bankcrm.__path__)])
def test_no_comparison_meets_an_array(package: str) -> None:
    """Arrays cannot be compared at once, so that two values would raise an error."""
    for thing in compared(package):
        types = {f.name: str(f.type) for f in attrs.fields(thing) if f.eq and f.eq_key is None}
        held = [n for n, kind in types.items() if ARRAYS.search(kind) and "Callable" not in kind]
        assert not held, f"{thing} compares {held}"


def test_the_classes_are_found() -> None:
    assert {"Change", "Header"} <= {thing.__name__ for thing in compared("policy")}
