"""Text files: their encoding, separator, header and lines."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TextIO

import attrs
import numpy as np
import pyarrow as pa

from bankcrm._display import SHOWN
from bankcrm.book.mapping import Formats
from bankcrm.errors import DataError

_HEAD = 1 << 20
_CHUNK = 1 << 18  # fits into the cache of a core
_QUOTE = ord('"')
_SEPARATORS = (",", ";", "\t", "|")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LIKELY = 0.9
"""Share of the Chinese characters that are common ones, from which a text is taken for Chinese."""


@attrs.frozen
class TextFile:
    """A text file and how it is written.

    Attributes:
        path: The file.
        encoding: Its encoding.
        separator: Its separator.
        header: The names of its columns, as they are written.
        quotes: Whether a quotation mark occurs in it.
        above: The lines above the header, which are not read.
        text: The whole text as UTF-8, where it is kept.
    """

    path: Path
    encoding: str
    separator: str
    header: tuple[str, ...]
    quotes: bool
    above: int = 0
    text: bytes | None = attrs.field(default=None, repr=False)

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Each row after the header with the number of its first line; blank lines are left out."""
        with _opened(self.path, self.encoding, self.above) as file:
            reader = csv.reader(file, delimiter=self.separator)
            line = self.above + 1
            header = True
            for row in reader:
                if row and not header:
                    yield line, row
                header = header and not row
                line = self.above + reader.line_num + 1

    def lines(self, rows: Iterable[int]) -> Mapping[int, int]:
        """The line on which each of these rows begins; rows of another width are not counted."""
        requested = set(rows)
        fitting = (line for line, row in self.rows() if len(row) == len(self.header))
        found: dict[int, int] = {}
        for number, line in enumerate(fitting):
            if number in requested:
                found[number] = line
            if len(found) == len(requested):
                break
        return found

    def ragged(self) -> tuple[int, list[str]]:
        """The number of rows that have not the width of the header, and the first of them."""
        count = 0
        shown: list[str] = []
        for line, row in self.rows():
            if len(row) != len(self.header):
                count += 1
                if len(shown) < SHOWN:
                    shown.append(f"line {line}: {len(row)} fields")
        return count, shown


def text_file(path: Path, formats: Formats, requested: Iterable[str], *, keep: bool) -> TextFile:
    """How a text file is written.

    Args:
        path: The file.
        formats: The formats that are stated; the others are recognised.
        requested: Names of columns that the file is expected to have.
        keep: Keep the text in memory where it has to be decoded anyway.

    Raises:
        DataError: The encoding or the separator is ambiguous, or the file is not such a text.
    """
    stated = _stated_encoding(path, formats.encoding)
    encoding = stated or "utf-8"
    try:
        quotes, text = _scanned(path, encoding, keep=keep)
    except DataError:
        if stated is not None:
            raise
        encoding = _concluded_encoding(path)
        quotes, text = _scanned(path, encoding, keep=keep)
    above = (formats.header or 1) - 1
    with _opened(path, encoding, above) as file:
        first = next((line for line in file if line.strip()), "")
    if formats.separator is not None:
        separator = formats.separator
    elif path.suffix.lower() == ".tsv":
        separator = "\t"
    else:
        separator = _separator_of(path, first, set(requested))
    with _opened(path, encoding, above) as file:  # a quoted name may have line breaks
        header = tuple(next((row for row in csv.reader(file, delimiter=separator) if row), ()))
    found = TextFile(path, encoding, separator, header, bool(quotes), above, text)
    if quotes % 2:
        _refuse_open_quote(found)
    return found


def _opened(path: Path, encoding: str, above: int) -> TextIO:
    """A text file from its header on."""
    file = path.open(encoding=encoding, newline="")
    for _ in range(above):
        file.readline()
    return file


def _fields(line: str, separator: str) -> list[str]:
    return next(csv.reader([line], delimiter=separator), [])


def _separator_of(path: Path, first: str, requested: set[str]) -> str:
    """The separator that splits the header; of several, the one that gives the expected names."""
    split = {s: {f.strip() for f in _fields(first, s)} for s in _SEPARATORS}
    several = [s for s, fields in split.items() if len(fields) > 1]
    if len(several) > 1:
        fitting = [s for s in several if split[s] & requested]
        several = fitting or several
    if len(several) > 1:
        shown = " and ".join(repr(s) for s in several)
        raise DataError(
            f"{path.name}: the header has {shown}; name the separator under [formats] in "
            f"book.toml, such as separator = {several[0]!r}"
        )
    return several[0] if several else ","


def _refuse_open_quote(file: TextFile) -> None:
    """Refuse a quotation mark that is never closed: the rest of the file would be one cell."""
    last = 1
    with file.path.open(encoding=file.encoding, newline="") as stream:
        reader = csv.reader(stream, delimiter=file.separator, strict=True)
        try:
            for _ in reader:
                last = reader.line_num + 1
        except csv.Error as error:
            if "end of data" in str(error):
                raise DataError(
                    f"{file.path.name}: not a CSV file: a quotation mark that opens on line {last} "
                    "is never closed"
                ) from None


def _stated_encoding(path: Path, stated: str | None) -> str | None:
    """The encoding that the mapping or the first bytes of the file state."""
    with path.open("rb") as file:
        start = file.read(_HEAD)
    marked = next((name for mark, name in _MARKS if start.startswith(mark)), None)
    if stated is None:
        return marked or _wide(start)
    if marked and codecs.lookup(stated).name[:5] != codecs.lookup(marked).name[:5]:
        raise DataError(
            f"{path.name}: begins with the mark of {marked}, but encoding = {stated!r}; "
            "leave the encoding out of book.toml"
        )
    return marked or stated


def _concluded_encoding(path: Path) -> str:
    """The encoding of a file that states none and is not UTF-8: GB18030 if that is clear."""
    with path.open("rb") as file:
        if _is_chinese(file.read(_HEAD)):
            return "gb18030"
    raise DataError(
        f"{path.name}: neither UTF-8 nor clearly GB18030; name its encoding under [formats] in "
        'book.toml, such as encoding = "gb18030", "big5" or "cp1252"'
    )


def _wide(start: bytes) -> str | None:
    """UTF-16 without a mark: every other byte of Western letters and separators is zero."""
    even, odd = start[0::2].count(0), start[1::2].count(0)
    most = max(even, odd)
    if most < max(len(start) // 16, 1) or min(even, odd) * 8 > most:
        return None
    return "utf-16-le" if odd == most else "utf-16-be"


def _scanned(path: Path, encoding: str, *, keep: bool) -> tuple[int, bytes | None]:
    """The number of quotation marks, and the text as UTF-8 if it is kept, of a whole file.

    Raises:
        DataError: The file is not in this encoding.
    """
    plain = encoding == "utf-8"
    decoder = codecs.getincrementaldecoder(encoding)()
    text = io.BytesIO() if keep and not plain else None
    quotes = 0
    with path.open("rb") as file:
        try:
            while chunk := file.read(_CHUNK):
                if plain:
                    chunk += file.read(_missing_bytes(chunk))
                    _validate_utf8(chunk)
                else:
                    chunk = decoder.decode(chunk).encode()
                if text is not None:
                    text.write(chunk)
                if b'"' in chunk:  # numpy counts many of them faster than bytes do
                    quotes += int(np.count_nonzero(np.frombuffer(chunk, np.uint8) == _QUOTE))
            decoder.decode(b"", final=True)
        except UnicodeError:
            raise DataError(
                f"{path.name}: not {encoding} before byte {file.tell():,}; name its encoding "
                'under [formats] in book.toml, such as encoding = "gb18030"'
            ) from None
    return quotes, None if text is None else text.getvalue()


def _missing_bytes(chunk: bytes) -> int:
    """How many bytes the last character of UTF-8 still needs.

    >>> _missing_bytes("a账".encode()), _missing_bytes("a账".encode()[:-1])
    (0, 1)
    """
    for place, byte in enumerate(reversed(chunk[-4:]), start=1):
        if byte >= 0xC0:  # the first byte of a character states its length
            return max((byte >= 0xE0) + (byte >= 0xF0) + 2 - place, 0)
        if byte < 0x80:
            break
    return 0


def _validate_utf8(chunk: bytes) -> None:
    """Refuse bytes that are not UTF-8; Arrow checks them faster than Python decodes them."""
    ends = pa.py_buffer(np.array([0, len(chunk)], dtype=np.int32))
    try:
        pa.StringArray.from_buffers(1, ends, pa.py_buffer(chunk)).validate(full=True)
    except pa.ArrowInvalid as error:
        raise UnicodeError from error


def _is_chinese(start: bytes) -> bool:
    """Whether bytes are GB18030 and nearly all of their Chinese characters are common ones."""
    try:
        text = codecs.getincrementaldecoder("gb18030")().decode(start)
    except UnicodeDecodeError:
        return False
    pairs = [c.encode("gb18030") for c in set(text) if ord(c) > 127]
    common = [p for p in pairs if len(p) == 2 and p[1] >= 0xA1 and p[0] in _COMMON]
    return len(common) >= _LIKELY * len(pairs)


_COMMON = frozenset((*range(0xA1, 0xAA), *range(0xB0, 0xD8)))
"""First bytes of marks and of the 3,755 most frequent characters of GB 2312."""
