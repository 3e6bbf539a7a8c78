"""A rule: a formula written once, and the derivatives that follow from it.

`z = sum(w_i*x_i) + b` is a rule with output `z` and formals `w_i`, `x_i` (a group, repeated
for every operand) and `b`. The partials of the catalog are derived by sympy; where it states a
nicer form, which may mention the output (`da/dz = a*(1 - a)`), that form is proven equal or
the rule is refused. What was derived and proven is kept in `derived.json`, keyed by the
formula itself. Any other formula is differentiated by `differentiation`, in bounded time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from tracer.differentiation import TOO_LONG, differentiate, kinks, sides
from tracer.errors import FormulaError, RuleError
from tracer.expression import (
    ONE,
    SIZE,
    ZERO,
    Diff,
    Each,
    Expr,
    Name,
    Num,
    Over,
    Quotient,
    children,
    expand,
    group_of,
    inside,
    loose,
    names,
    rebuild,
    rename,
)
from tracer.parsing import parse, parse_equation
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
    member: str = ""  # of a vector's rule: the formal that is this output's member of the group
    source: str = ""
    stable: Expr | None = None  # another form, for operands where this one overflows; proven


SIBLING = "b"  # another output of the same vector, in a partial by that one's member


def rule(
    name: str,
    equation: str,
    *,
    definition: str = "",
    ending: tuple[tuple[str, str], ...] = (),
    kink: str = "",
    member: str = "",
    source: str = "",
    stable: str = "",
    **teaching: str,
) -> Rule:
    """A rule from text; `teaching` gives partials by formal: `rule("…", "a = …", z="a*(1 - a)")`.

    member    of one output of a vector: softmax is "a = e^z/sum(e^(z_i))" with member "z", which
              is one of the z_i; it states its partials by z and, with the other's output b, by
              another's z_i
    stable    an equal formula, computed where an operand is so large that the first overflows
    raises    FormulaError for a text outside the language, or x_i outside of a repetition
    """
    output, formula = parse_equation(equation)
    for name_of in _ungrouped_names(formula):
        raise FormulaError(f"{equation!r}: {name_of} is outside of sum() and prod()")
    forms = {formal: parse(text) for formal, text in teaching.items()}
    spelled = parse(definition) if definition else None
    steady = parse(stable) if stable else None
    return Rule(name, output, formula, forms, spelled, ending, kink, member, source, steady)


def _ungrouped_names(e: Expr) -> tuple[str, ...]:
    """Members of groups that no repetition is around."""
    if isinstance(e, Each):
        return ()
    if isinstance(e, Name):
        return (e.text,) if group_of(e.text) else ()
    return tuple(name for part in children(e) for name in _ungrouped_names(part))


@lru_cache(maxsize=4096)
def written_out(r: Rule, size: int, samples: int = 1) -> Expr:
    """The rule's formula for a group of `size` operands and a batch of `samples`."""
    return _averages(expand(r.formula, size), samples)


@lru_cache(maxsize=4096)
def stable_form(r: Rule, size: int) -> Expr | None:
    """The rule's other form for a group of `size` operands, if it has one.

    raises    RuleError when it is not equal to the formula
    """
    if r.stable is None:
        return None
    return expand(parse(_known().get(stable_key(r)) or prove_stable(r)), size)


def _averages(e: Expr, samples: int) -> Expr:
    """An average as the total divided by the number of samples."""
    if isinstance(e, Over) and e.how == "average":
        return Quotient(Over("total", e.body), Num(str(samples)))
    return rebuild(e, tuple(_averages(part, samples) for part in children(e)))


@lru_cache(maxsize=4096)
def gathered(r: Rule, size: int = 0) -> tuple[str, ...]:
    """The formals that the rule takes from all samples of a batch; for a group of `size`."""
    formula = written_out(r, size) if size else r.formula
    over = set(inside(formula)) - {SIZE}
    return tuple(name for name in names(formula) if name in over)


@lru_cache(maxsize=4096)
def reduces(r: Rule, size: int = 0) -> tuple[str, ...]:
    """The formals that the rule takes from all samples of a batch, and from none alone."""
    formula = written_out(r, size) if size else r.formula
    own = {SIZE, *loose(formula)}
    return tuple(name for name in names(formula) if name not in own)


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

    raises    RuleError when a teaching form is not equal to the derivative, when the
              derivative of a group member needs its siblings, or is longer than a formula
    """
    partial, output = f"{r.name}, by {formal}", f"d{r.output}/d{formal}"
    known = _known().get(key_of(r, formal))
    if known or formal in r.teaching:
        return Rule(partial, output, parse(known or derive(r, formal)), {}, kink=r.kink)
    try:
        found, kink = _worked_out(r, formal), r.kink or kink_of(r.formula, formal)
    except RuleError as wrong:
        raise RuleError(f"{r.name}: {wrong}") from wrong
    return Rule(partial, output, found, {}, kink=kink)


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


def stable_key(r: Rule) -> str:
    """What a proven stable form is kept under in `derived.json`."""
    assert r.stable
    return f"{r.output} = {source(r.formula)} | {source(r.stable)}"


@cache
def _known() -> dict[str, str]:
    if not DERIVED.exists():
        return {}
    found: dict[str, str] = json.loads(DERIVED.read_text("utf-8"))
    return found


def derive(r: Rule, formal: str) -> str:
    """The partial's text for `derived.json`, worked out and proven by sympy now."""
    from tracer import algebra  # 0.4 s: only for formulas that derived.json does not hold

    stated = r.teaching.get(formal)
    for whole, by, k, size in _cases(r, formal):
        if stated is None:
            stated = _ungrouped(algebra.partial(whole, by), k)
        claimed = at_member(stated, k, size)
        if not algebra.equal(Diff(whole, by), _spelled_out(claimed, r, whole, k, size)):
            raise RuleError(f"{r.name}: {_is_not(r, by, claimed, whole)}")
    assert stated is not None
    return source(stated)


def prove_stable(r: Rule) -> str:
    """The stable form's text for `derived.json`, proven by sympy now."""
    from tracer import algebra  # 0.4 s: only for formulas that derived.json does not hold

    assert r.stable
    for size in _SIZES if has_group(r) else (1,):
        if not algebra.equal(expand(r.formula, size), expand(r.stable, size)):
            raise RuleError(f"{r.name}: {source(r.stable)} is not {source(r.formula)}")
    return source(r.stable)


def _worked_out(r: Rule, formal: str) -> Expr:
    """The partial by the rules of differentiation, the same for every member of a group."""
    found = None
    for whole, by, k, size in _cases(r, formal):
        partial = differentiate(whole, by)
        found = _ungrouped(partial, k) if found is None else found
        claimed = at_member(found, k, size)
        if partial != claimed:
            raise RuleError(_is_not(r, by, claimed, whole))
    assert found is not None
    try:
        return parse(source(found))
    except FormulaError as wrong:
        raise RuleError(f"the derivative by {formal} is {TOO_LONG}") from wrong


def kink_of(formula: Expr, by: str) -> str:
    """What a derivative is where it does not exist: `0 at z = 0`."""
    stated = []
    for call, value in kinks(formula, by):
        numbers_last = sorted(sides(call), key=lambda side: isinstance(side, Num))
        where = " = ".join(map(source, numbers_last))
        part = "" if call == formula else f" for {source(call)}"
        stated.append(f"{source(value)}{part} at {where}")
    return ", ".join(dict.fromkeys(stated))


def _cases(r: Rule, formal: str) -> Iterator[tuple[Expr, str, int, int]]:
    """(formula written out, by, member, size): where a partial must be what it claims to be.

    Of a vector every output's formula, by its own member or by each of its siblings'.
    """
    for size in _SIZES if has_group(r) else (1,):
        whole = expand(r.formula, size)
        numbers = range(1, size + 1)
        if not r.member:
            for k in numbers if group_of(formal) else (0,):
                yield whole, member_of(formal, k), k, size
            continue
        for own in numbers:
            output = _of_output(r, own, size)
            for k in (own,) if formal == r.member else (j for j in numbers if j != own):
                yield output, member_of(f"{r.member}_i", k), k, size


def _of_output(r: Rule, k: int, size: int) -> Expr:
    """The formula of a vector's output k, written out."""
    own = member_of(f"{r.member}_i", k)
    return rename(expand(r.formula, size), lambda s: Name(own if s == r.member else s))


def _is_not(r: Rule, by: str, claimed: Expr, whole: Expr) -> str:
    return f"d{r.output}/d{by} is not {source(claimed)} ({source(whole)})"


def member_of(formal: str, k: int) -> str:
    """`w_2` for `w_i`; a formal that is no group itself."""
    return f"{formal[:-1]}{k}" if group_of(formal) else formal


def _ungrouped(found: Expr, k: int) -> Expr:
    """A partial found at member k, written for any member: `x_1` becomes `x_i`."""
    if not k:
        return found
    return rename(
        found, lambda s: Name(s[: -len(str(k))] + "i") if s.endswith(f"_{k}") else Name(s)
    )


def at_member(stated: Expr, k: int, size: int) -> Expr:
    """A partial by any member of a group, written out for member k."""
    return expand(_chosen(stated, k) if k else stated, size)


def _chosen(e: Expr, k: int) -> Expr:
    if isinstance(e, Each):
        return e  # all members are meant
    if isinstance(e, Name):
        return Name(member_of(e.text, k))
    return rebuild(e, tuple(_chosen(part, k) for part in children(e)))


def _spelled_out(e: Expr, r: Rule, whole: Expr, k: int, size: int) -> Expr:
    """A partial without outputs: their formulas in place of them."""
    outputs = {r.output: whole}
    if r.member:
        outputs[SIBLING] = _of_output(r, k, size)
    return rename(e, lambda s: outputs.get(s, Name(s)))
