"""The values of a package that hold arrays or frames."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re

import attrs


def classes_with_arrays(package: str) -> list[type]:
    """The attrs classes of a package with a field that holds an array, a frame or an index."""
    top = importlib.import_module(package)
    found = []
    for info in pkgutil.walk_packages(top.__path__, f"{package}."):
        for _, thing in inspect.getmembers(importlib.import_module(info.name), inspect.isclass):
            if thing.__module__ != info.name or not attrs.has(thing):
                continue
            kinds = " ".join(str(f.type) for f in attrs.fields(thing))
            if re.search("NDArray|ndarray|DataFrame|Series|Index|Places|Numbers|Ints|Mask", kinds):
                found.append(thing)
    return found
