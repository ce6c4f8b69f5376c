"""Axes, colours, fonts and texts of every picture."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, cast

import attrs
import numpy as np
import pandas as pd

from bankcrm._display import few
from bankcrm.errors import DataError, MissingExtraError
from bankcrm.frames import as_frame
from bankcrm.frames.arrays import numbers
from bankcrm.frames.conversion import require_columns
from bankcrm.report.words import Words
from bankcrm.vocabulary import Language, in_chinese

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito: colour-blind readers can distinguish them, and so can grey print.
BLUE, ORANGE, GREEN, RED, SKY, YELLOW, PINK, GREY = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#56B4E9",
    "#F0E442",
    "#CC79A7",
    "#7F7F7F",
)
SERIES = (BLUE, ORANGE, GREEN, SKY, RED, PINK, YELLOW, GREY)
HATCHES = ("", "//", "..", "", "\\\\", "++", "oo", "--")

_CHINESE_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",  # the first face of Debian's collection, under which matplotlib files it
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "PingFang SC",
    "Microsoft YaHei",
    "SimHei",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Droid Sans Fallback",
)


def axes(ax: Axes | None, *, size: tuple[float, float] = (6.4, 4.4)) -> Axes:
    """The axes to draw on: the caller's, or those of a new figure.

    Raises:
        MissingExtraError: The extra ``plot`` is not installed.
    """
    if ax is not None:
        return ax
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise MissingExtraError("matplotlib", "plot") from error
    _, made = plt.subplots(figsize=size, layout="constrained")
    return made


def chinese_fonts() -> list[str]:
    """The fonts with Chinese characters that matplotlib knows."""
    from matplotlib import font_manager

    known = {font.name for font in font_manager.fontManager.ttflist}
    return [name for name in _CHINESE_FONTS if name in known]


def _added_fonts(font_manager: Any) -> list[str]:
    """The same, after a look for fonts that were installed since matplotlib made its list."""
    target = {name.replace(" ", "").lower()[:11] for name in _CHINESE_FONTS}
    for path in font_manager.findSystemFonts():
        if Path(path).stem.replace("-", "").lower()[:11] in target:
            font_manager.fontManager.addfont(path)
    return chinese_fonts()


@contextmanager
def lettering(language: Language) -> Iterator[None]:
    """Texts made inside use a font that has the language's characters.

    Raises:
        DataError: No font with Chinese characters is installed.
    """
    try:
        import matplotlib as mpl
        from matplotlib import font_manager
    except ImportError as error:
        raise MissingExtraError("matplotlib", "plot") from error
    if not in_chinese(language):
        yield
        return
    fonts = chinese_fonts() or _added_fonts(font_manager)
    if not fonts:
        raise DataError(
            "language 'zh': no font with Chinese characters is installed; install one, such as "
            f"{_CHINESE_FONTS[0]} (Debian: fonts-noto-cjk), or draw with language='en'"
        )
    with mpl.rc_context({"font.family": [*fonts, "DejaVu Sans"], "axes.unicode_minus": False}):
        yield


Text = tuple[str, str]
"""A text in English and in Chinese."""


@attrs.frozen
class Canvas:
    """Axes to draw on, with texts in one language.

    Attributes:
        ax: The axes.
        language: The language of titles and labels.
    """

    ax: Axes
    language: Language

    def text(self, en: str, zh: str) -> str:
        """The text in the language of the canvas."""
        return zh if self.language == "zh" else en

    def labels(self, names: Iterable[object]) -> list[str]:
        """Names for people; see `labels`."""
        return labels(names, self.language)

    def finish(self, *, title: Text | str, x: Text | str = "", y: Text | str = "") -> Axes:
        """Set title and labels, and hide the lines that show nothing.

        Args:
            title: The title, in both languages, or as it is to stand.
            x: Label of the horizontal axis.
            y: Label of the vertical axis.

        Returns:
            The axes.
        """
        ax = self.ax
        title, x, y = (t if isinstance(t, str) else self.text(*t) for t in (title, x, y))
        ax.set_title(title, loc="left", fontweight="bold")
        ax.set_xlabel(x)
        ax.set_ylabel(y)
        ax.spines[["top", "right"]].set_visible(False)
        for label in (*ax.get_xticklabels(), *ax.get_yticklabels()):
            label.set_fontfamily(ax.xaxis.label.get_fontfamily())
        return ax


P = ParamSpec("P")
Size = tuple[float, float]


def picture(
    *columns: str, size: Size | Callable[[Any], Size] = (6.4, 4.4)
) -> Callable[[Callable[P, Axes]], Callable[P, Axes]]:
    """A decorator for a function that draws its first argument on ``ax`` in ``language``.

    It checks a frame and its columns, makes axes where the caller gives none, and has texts written
    in a font of the language. A figure that it made is closed if the drawing fails.

    Args:
        columns: Columns of numbers that a frame to draw must have.
        size: Width and height of a new figure in inches, or what gives them for the data.
    """

    def decorate(draw: Callable[P, Axes]) -> Callable[P, Axes]:
        signature = inspect.signature(draw)
        takes_frame = "DataFrame" in next(iter(signature.parameters.values())).annotation

        @functools.wraps(draw)
        def drawn(*args: P.args, **kwargs: P.kwargs) -> Axes:
            given = signature.bind(*args, **kwargs)
            given.apply_defaults()
            (name, data), made = (
                next(iter(given.arguments.items())),
                given.arguments["ax"] is None,
            )
            if takes_frame:
                data = given.arguments[name] = needs(data, columns, draw.__name__)
            with lettering(given.arguments["language"]):
                ax = axes(given.arguments["ax"], size=size(data) if callable(size) else size)
                given.arguments["ax"] = ax
                try:
                    return draw(*given.args, **given.kwargs)
                except Exception:
                    if made:
                        _close(ax)
                    raise

        return drawn

    return decorate


def _close(ax: Axes) -> None:
    import matplotlib.pyplot as plt

    plt.close(ax.get_figure(root=True))


def drawing(ax: Axes | None, language: Language) -> Canvas:
    """The canvas of a function that `picture` decorates, which always has axes."""
    return Canvas(cast("Axes", ax), language)


def percent_axis(ax: Axes, which: str) -> None:
    """Show shares as percent on ``x``, ``y`` or ``xy``."""
    from matplotlib.ticker import PercentFormatter

    for letter in which:
        getattr(ax, f"{letter}axis").set_major_formatter(PercentFormatter(1.0, decimals=0))


def thousands(ax: Axes, which: str) -> None:
    """Show whole numbers with thousands separators on ``x`` or ``y``."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis = getattr(ax, f"{which}axis")
    axis.set_major_locator(MaxNLocator(nbins="auto", steps=[1, 2, 5, 10], integer=True))
    axis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:,.0f}"))


def series_of(values: object, what: str) -> pd.Series[Any]:
    """Numbers by name from a Series or a mapping.

    Raises:
        DataError: Nothing to draw, or a value that is not finite.
    """
    made = pd.Series(dict(values)) if isinstance(values, Mapping) else pd.Series(values)
    found = pd.Series(numbers(made, what), index=made.index)
    if found.empty:
        raise DataError(f"{what}: nothing to draw; expected at least one value")
    bad = ~np.isfinite(found.to_numpy())
    if bad.any():
        first = few(found.index[bad])
        raise DataError(f"{what}: {int(bad.sum())} value(s) are missing or not finite: {first}")
    return found


def labels(names: Iterable[object], language: Language) -> list[str]:
    """Names for people: library terms translated, days without a time.

    >>> labels(["dormant", ("key", "new"), pd.Timestamp("2026-01-31")], "zh")
    ['沉睡', '重点 / 新', '2026-01-31']
    """
    words = Words(language)

    def name(value: object) -> str:
        if isinstance(value, tuple):
            return " / ".join(map(name, value))
        return str(value)[:10] if isinstance(value, date) else words(value)

    return [name(value) for value in names]


def needs(data: object, columns: Sequence[Any] | pd.Index[Any], what: str) -> pd.DataFrame:
    """The frame with columns that must be there and be numbers.

    Raises:
        DataError: There is no row, a column is not there, or is not of numbers.
    """
    frame = as_frame(data)
    require_columns(frame, columns, what)
    if frame.empty:
        raise DataError(f"{what}: nothing to draw; the frame has no rows")
    return frame.assign(**{str(c): numbers(frame[c], f"{what}: {c}") for c in columns})
