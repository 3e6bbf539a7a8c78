"""A rule: a formula written once, and the derivatives that follow from it.

`z = sum(w_i*x_i) + b` is a rule with output `z` and formals `w_i`, `x_i` (a group, repeated
for every operand) and `b`. Its partials are derived by sympy; where the catalog states a
nicer form, which may mention the output (`da/dz = a*(1 - a)`), that form is proven equal or
the rule is refused. What was derived and proven for the catalog is kept in `derived.json`,
keyed by the formula itself, so that sympy is loaded only for formulas not seen before.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from tracer.errors import FormulaError, RuleError
from tracer.expression import (
    ONE,
    SIZE,
    ZERO,
    Diff,
    Each,
    Expr,
    Name,
    children,
    expand,
    group_of,
    names,
    parse,
    parse_equation,
    rename,
)
from tracer.printers import source

DERIVED = Path(__file__).with_name("derived.json")
_SIZES = (1, 2, 3)  # group sizes at which a partial is derived and proven


@dataclass(frozen=True, eq=False)
class Rule:
    """A formula with formal inputs and an output; compared by identity."""

    name: str
    output: str
    formula: Expr
    teaching: Mapping[str, Expr]  # nicer partials by formal, proven before use
    definition: Expr | None = None  # the formula spelled out, where a derivation starts
    ending: tuple[tuple[str, str], ...] = ()  # (reason, formula): algebra after differentiating
    kink: str = ""  # the derivative's stated value where it does not exist
    source: str = ""


def rule(
    name: str,
    equation: str,
    *,
    definition: str = "",
    ending: tuple[tuple[str, str], ...] = (),
    kink: str = "",
    source: str = "",
    **teaching: str,
) -> Rule:
    """A rule from text; `teaching` gives partials by formal: `rule("…", "a = …", z="a*(1 - a)")`.

    raises    FormulaError for a text outside the language, or x_i outside of a repetition
    """
    output, formula = parse_equation(equation)
    for loose in _loose(formula):
        raise FormulaError(f"{equation!r}: {loose} is outside of sum() and prod()")
    forms = {formal: parse(text) for formal, text in teaching.items()}
    spelled = parse(definition) if definition else None
    return Rule(name, output, formula, forms, spelled, ending, kink, source)


def _loose(e: Expr) -> tuple[str, ...]:
    """Members of groups that no repetition is around."""
    if isinstance(e, Each):
        return ()
    if isinstance(e, Name):
        return (e.text,) if group_of(e.text) else ()
    return tuple(name for part in children(e) for name in _loose(part))


@lru_cache(maxsize=4096)
def written_out(r: Rule, size: int) -> Expr:
    """The rule's formula for a group of `size` operands."""
    return expand(r.formula, size)


@lru_cache(maxsize=4096)
def formals(r: Rule, size: int) -> tuple[str, ...]:
    """The operands of the rule for a group of `size`, in the order they are written."""
    return names(written_out(r, size))


def inputs(r: Rule) -> tuple[str, ...]:
    """The formals as the rule names them: `w_i`, `x_i`, `b`."""
    return tuple(name for name in names(r.formula) if name != SIZE)


def has_group(r: Rule) -> bool:
    """Whether the rule repeats over a group of operands."""
    return any(group_of(name) for name in inputs(r))


@cache
def partial_rule(r: Rule, formal: str) -> Rule:
    """∂output/∂formal as a rule of its own; it may take the output as an operand.

    raises    RuleError when a teaching form is not equal to the derivative, or when the
              derivative of a group member needs its siblings
    """
    key = key_of(r, formal)
    text = _known().get(key) or derive(r, formal)
    return Rule(f"{r.name}, by {formal}", f"d{r.output}/d{formal}", parse(text), {}, kink=r.kink)


def is_one(r: Rule) -> bool:
    """Whether a partial is the constant 1, which a chain leaves out."""
    return r.formula == ONE


def is_zero(r: Rule) -> bool:
    """Whether a partial is the constant 0: no path."""
    return r.formula == ZERO


def key_of(r: Rule, formal: str) -> str:
    """What a partial is kept under in `derived.json`: the formula and its teaching form."""
    stated = r.teaching.get(formal)
    ending = f" | {source(stated)}" if stated else ""
    return f"d/d{formal} {r.output} = {source(r.formula)}{ending}"


@cache
def _known() -> dict[str, str]:
    if not DERIVED.exists():
        return {}
    found: dict[str, str] = json.loads(DERIVED.read_text("utf-8"))
    return found


def derive(r: Rule, formal: str) -> str:
    """The partial's text, worked out and proven by sympy now."""
    from tracer import algebra  # 0.4 s: only for formulas that derived.json does not hold

    stated = r.teaching.get(formal)
    sizes = _SIZES if has_group(r) else (1,)
    for size in sizes:
        for k in range(1, size + 1) if group_of(formal) else (0,):
            whole, member = expand(r.formula, size), _member(formal, k)
            if stated is None:
                stated = _ungrouped(algebra.partial(whole, member), k)
            claimed = _at(stated, k, size)
            if not algebra.equal(Diff(whole, member), _without_output(claimed, r, size)):
                raise RuleError(
                    f"{r.name}: d{r.output}/d{member} is not {source(claimed)} ({source(whole)})"
                )
    assert stated is not None
    return source(stated)


def _member(formal: str, k: int) -> str:
    return f"{formal[:-1]}{k}" if group_of(formal) else formal


def _ungrouped(found: Expr, k: int) -> Expr:
    """A partial found at member k, written for any member: `x_1` becomes `x_i`."""
    if not k:
        return found
    return rename(
        found, lambda s: Name(s[: -len(str(k))] + "i") if s.endswith(f"_{k}") else Name(s)
    )


def _at(stated: Expr, k: int, size: int) -> Expr:
    return expand(rename(stated, lambda s: Name(_member(s, k))), size)


def _without_output(e: Expr, r: Rule, size: int) -> Expr:
    whole = expand(r.formula, size)
    return rename(e, lambda s: whole if s == r.output else Name(s))
