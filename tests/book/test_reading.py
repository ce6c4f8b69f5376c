"""A book in a bank's own format, read by its mapping, is the same book."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.book import CONTRACT, Book, read_book
from bankcrm.book.mapping import Formats
from bankcrm.testing.books import books

from .foreign import MISSING, Style, rows_of, written

FORMATS = st.builds(
    lambda marks, **others: Formats(decimal=marks[0], thousands=marks[1], **others),
    st.sampled_from([(None, None), (".", ","), (",", "."), (",", "\u00a0"), (".", "'")]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le"]),
    separator=st.sampled_from([",", ";", "\t", "|"]),
    dates=st.sampled_from([None, "%Y/%m/%d", "%d.%m.%Y", "%Y%m%d"]),
    time_zone=st.sampled_from([None, "Asia/Shanghai", "Europe/Prague"]),
    true=st.sampled_from([None, ("是",), ("Y", "J")]),
    false=st.sampled_from([None, ("否",), ("N",)]),
    missing=st.sampled_from([None, MISSING]),
    amounts_in=st.sampled_from([None, "cents", "thousands", "ten_thousands"]),
)
STYLES = st.builds(
    Style,
    FORMATS,
    amounts=st.sampled_from(["plain", "sides", "direction"]),
    ids=st.dictionaries(st.sampled_from(list(CONTRACT)), st.just(".0")),
    files=st.sampled_from([1, 2]),
)


@given(books(), STYLES)
def test_a_book_in_a_foreign_format_is_the_same_book(
    tmp_path_factory: pytest.TempPathFactory, book: Book, style: Style
) -> None:
    folder = tmp_path_factory.mktemp("foreign")
    mapping = written(book, folder, style)
    (folder / "book.toml").write_text(mapping.to_toml(), encoding="utf-8")
    found = read_book(folder)
    assert sorted(found.frames()) == sorted(book.frames())
    for name, frame in book.frames().items():
        assert rows_of(found.frame(name), name) == rows_of(frame, name)
