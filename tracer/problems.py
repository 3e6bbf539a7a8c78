"""Problems of a scenario in its author's words: where in the file, what, and the remedy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any

from pydantic import ValidationError

from tracer.errors import closest
from tracer.fields import found

MAX_PROBLEMS = 30  # lines of one file; nobody reads more at once

Keys = Sequence[int | str]  # a place in the file: keys of tables, indices of lists
Known = Callable[[Keys], Sequence[str]]  # the keys that the table at a place may have

#: What pydantic expected, by the type of its error.
_EXPECTED = {
    "string_type": "a text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "greater_than_equal": "{ge:,} or more",
    "less_than_equal": "{le:,} or less",
    "too_long": "at most {max_length} numbers",
}
#: What a key takes that may be one thing or another, by the top key it stands under.
_PATTERN = "a pattern like 'h{j}', or a list of names"
_ARITHMETIC = "'float64', 'float32' or a number of digits like { digits = 30 }"
_MISTAKES = "a list like ['updated-weights', { id = 'other-error', at = ['w7'] }]"
_SHAPES = {
    ("network", "weights"): "the name of a matrix, or rows of names",
    ("network", "bias"): "a name, or a list of names",
    ("network", "net"): _PATTERN,
    ("network", "out"): _PATTERN,
    ("network", "errors"): "a pattern like 'E{k}', or a list of names",
    ("network", "predictions"): "a pattern like 'class{k}', or a list of names",
    ("network", "inputs"): "the name of a list, or a list of names",
    ("network", "targets"): "the name of a list, or a list of names",
    ("network", "layers"): "tables [[network.layers]]",
    ("conventions", "net"): "a formula like 'sum(w_i*x_i) + b'",
    ("conventions", "rounding"): "a table like { decimals = 4 }, or 'none'",
    ("readings", "rounding"): "a table like { decimals = 4 }, or 'none'",
    ("conventions", "arithmetic"): _ARITHMETIC,
    ("readings", "arithmetic"): _ARITHMETIC,
    ("conventions", "mistakes"): _MISTAKES,
    ("readings", "mistakes"): _MISTAKES,
    ("random", "shape"): "a list of lengths like [2, 3]",
    ("formulas", "formulas"): "a table, a list like ['c = a + b'], or lines of a text",
}
_PLAIN = {"missing": "missing", "too_short": "empty"}


def listed(file: str, problems: Iterable[str]) -> list[str]:
    """Lines for a file, each problem once and not too many."""
    lines = [f"{file}: {problem}" for problem in islice(problems, MAX_PROBLEMS + 1)]
    if len(lines) > MAX_PROBLEMS:
        lines[-1] = f"{file}: and more problems; these come first"
    return list(dict.fromkeys(lines))


def explained(wrong: ValidationError, table: dict[str, Any], known: Known) -> list[str]:
    """Every problem as `key: what, and the nearest or the remedy`."""
    errors = islice(wrong.errors(include_url=False), MAX_PROBLEMS + 1)
    places = ((_place(error, table), error) for error in errors)
    return [f"{written(place)}: {_says(error, place, known)}" for place, error in places]


def _place(error: Any, table: Any) -> list[int | str]:
    """Where an error is in the author's file: without what pydantic adds for unions and keys."""
    missing = error["loc"][-1:] if error["type"] == "missing" else ()
    place: list[int | str] = []
    for part in error["loc"][: len(error["loc"]) - len(missing)]:
        if _holds(table, part):
            table = table[part]
            place.append(part)
    return [*place, *missing]


def _holds(table: Any, part: int | str) -> bool:
    if isinstance(table, dict):
        return part in table
    return isinstance(table, list) and isinstance(part, int) and part < len(table)


def written(place: Keys) -> str:
    """`network.layers[1].activation`."""
    return "".join(f"[{p}]" if isinstance(p, int) else f".{_key(p)}" for p in place).lstrip(".")


def _key(part: str) -> str:
    return part if part.strip() and part.isprintable() and len(part) < 80 else repr(part[:80])


def _says(error: Any, place: Keys, known: Known) -> str:
    kind, key = error["type"], place[-1] if place else ""
    if kind == "extra_forbidden":
        keys = known(place[:-1])
        close = closest(str(key), keys)
        return f"unknown key; {f'did you mean {close!r}?' if close else f'known are {_all(keys)}'}"
    if kind in _EXPECTED:
        expected = _EXPECTED[kind].format_map(error.get("ctx", {}))
        shape = _SHAPES.get((str(place[0]), str(key))) if kind.endswith("_type") else None
        return f"expected {shape or expected}, found {found(error['input'])}"
    return _PLAIN.get(kind) or str(error["msg"]).removeprefix("Value error, ")


def _all(keys: Sequence[str]) -> str:
    return ", ".join(keys)


# ---- checking on -----------------------------------------------------------------------

#: What stands in for a value that must be there.
_STANDS_IN = {"title": "-", "activation": "identity", "printed": Decimal(0), "value": Decimal(0)}
#: What stands in for a rule of the scenario's own, which the rest of the file may name.
_RULES = {"activations": "a = z", "losses": "E = t - o"}
#: Keys whose values other parts of the file are checked against; nothing stands in for them.
_DECISIVE = frozenset((
    "learning_rate", "weights", "rows", "net", "out", "inputs", "targets", "errors", "total_error",
    "threshold", "predictions", "error", "trained", "batch_size", "order", "epochs", "shape",
    "samples", "columns", "training", "kind", "kernel", "size", "stride", "padding", "recurrent",
    "returns", "gates", "queries", "keys", "values", "output", "heads", "table", "over",
))  # fmt: skip


def mended(wrong: ValidationError, table: dict[str, Any], known: Known) -> bool:
    """Whether every problem could be put right in `table`, so that the rest can be checked.

    A misspelt key gets its name, a wrong value one that no other part depends on.
    """
    misspelt_first = sorted(wrong.errors(), key=lambda error: error["type"] != "extra_forbidden")
    places = [_place(error, table) for error in misspelt_first]
    return all(
        _mend(error, place, table, known)
        for error, place in zip(misspelt_first, places, strict=True)
    )


def _takes(table: Any, key: int | str) -> bool:
    return isinstance(table, dict if isinstance(key, str) else list)


def _mend(error: Any, place: Keys, table: Any, known: Known) -> bool:
    *outer, key = place
    for part in outer:
        table = table[part] if _holds(table, part) else None
    if not _takes(table, key):
        return False  # what stood here is gone with another problem
    if error["type"] == "extra_forbidden":
        name = closest(str(key), known(outer))
        if not name or name in table:
            return False
        table[name] = table.pop(key)
    elif error["type"] == "missing" and key in table:
        return True  # it was misspelt
    elif key in _STANDS_IN:
        table[key] = _STANDS_IN[str(key)]
    elif place[0] in _RULES and outer:
        table[key] = _RULES[str(place[0])]
    elif place[0] in ("givens", "published") and error["type"] == "value_error":
        table[key] = Decimal(0)
    elif place[0] in ("givens", "readings", "formulas") or isinstance(table, list):
        return False
    else:
        table.pop(key, None)
    return key not in _DECISIVE
