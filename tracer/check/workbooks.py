"""Worksheets of an XLSX file as rows of cells. Nothing is calculated, nothing outside is read."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Iterator
from typing import Any

from tracer.check.cells import Cell, Grid, NotRead, Row, bounded, cell_of, shown

AS_TABLE = "export it as CSV or XLSX"
MAX_UNPACKED = 10_000_000  # bytes in an XLSX file
_MAX_ROWS, _MAX_COLUMNS = 20_000, 1_000  # of a worksheet


def worksheets(raw: bytes, file: str) -> list[Grid]:
    """Every worksheet; of a formula its value, as the spreadsheet program left it."""
    _check_archive(raw)
    try:
        # An extra, slow to import, and without types.
        from openpyxl import load_workbook  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        needed = "reading XLSX needs openpyxl: pip install 'backprop-tracer[xlsx]'"
        raise NotRead(f"{needed}, or save it as CSV") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is lost in writing; nothing is written
            books = [
                load_workbook(io.BytesIO(raw), read_only=True, data_only=d) for d in (True, False)
            ]
            pairs = zip(*(book.worksheets for book in books), strict=True)
            return [Grid(bounded(_rows(v, f, file))) for v, f in pairs]
    except NotRead:
        raise
    except Exception as wrong:  # openpyxl raises whatever its parsers meet
        raise NotRead("a damaged XLSX file; save it again as XLSX or as CSV") from wrong


def _check_archive(raw: bytes) -> None:
    """Refuse what would not be a workbook, or unpack to too much."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, NotImplementedError) as wrong:
        raise NotRead("a damaged XLSX file; save it again as XLSX or as CSV") from wrong
    if sum(member.file_size for member in members) > MAX_UNPACKED:
        raise NotRead(f"unpacks to more than {MAX_UNPACKED // 1_000_000} MB, not a file of answers")
    if not any(member.filename.startswith("xl/") for member in members):
        raise NotRead(f"an archive or a document, not a workbook; {AS_TABLE}")


def _rows(values: Any, formulas: Any, file: str) -> Iterator[Row]:
    """Rows of a worksheet: what openpyxl has read without and with formulas."""
    for sheet in (values, formulas):
        sheet.reset_dimensions()  # what the file claims
    both = zip(values.iter_rows(), formulas.iter_rows(), strict=True)
    place = f"{file}: {shown(values.title)}"
    for count, (row, written) in enumerate(both, 1):
        if count > _MAX_ROWS or len(row) > _MAX_COLUMNS:
            raise NotRead(
                f"more than {_MAX_ROWS:,} rows or {_MAX_COLUMNS:,} columns in a worksheet"
            )
        pairs = enumerate(zip(row, written, strict=True), 1)
        yield [_calculated(v, f, f"{place}!{_letters(i)}{count}") for i, (v, f) in pairs]


def _calculated(value: Any, formula: Any, where: str) -> Cell:
    if value.value is None and formula.data_type == "f":
        text = formula.value if isinstance(formula.value, str) else "="
        problem = "a formula without a value: save the file in your spreadsheet program first"
        return Cell(text, where, problem)
    return cell_of(value.value, where)


def _letters(column: int) -> str:
    """A, B, …, Z, AA, …"""
    before, last = divmod(column - 1, 26)
    return (_letters(before) if before else "") + chr(ord("A") + last)
