"""Sheets as people fill them in, simulated: an arithmetic of its own, step by step.

What is computed here shares no code with how sheets are judged: formulas are evaluated by
`arithmetic.apply` on floats and rounded in Decimal.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, localcontext

from tracer.arithmetic import FLOAT, apply
from tracer.check.judge import Numbers, Typed
from tracer.check.precision import Precision, carried
from tracer.check.typed import read
from tracer.expression import Name, Product, Sum, names
from tracer.program import Phase

UP, EVEN, CUT = ROUND_HALF_UP, ROUND_HALF_EVEN, ROUND_DOWN
CARRIED, SHOWN, MIXED = "carried", "display-only", "mixed"


@dataclass(frozen=True)
class Style:
    """How somebody works: to which digits, rounding how, and going on with which numbers."""

    decimals: int | None = 4
    significant: int | None = None
    mode: str = UP
    carries: str = CARRIED
    products: bool = False  # products inside sums are rounded too

    def rounded(self, value: float) -> Decimal:
        exact = Decimal(value)
        if self.significant is not None:
            places = self.significant - 1 - exact.adjusted() if exact else 0
        else:
            places = self.decimals
        with localcontext(prec=60):
            return exact.quantize(Decimal(1).scaleb(-places), rounding=self.mode)

    @property
    def precision(self) -> Precision:
        return Precision(self.decimals, self.significant, self.mode == CUT)

    def typed(self, value: Decimal) -> Typed:
        if self.significant and not value:
            return Typed(0.0, 0.0)  # a number that is not 0 is never rounded to 0
        unit = 10.0 ** value.as_tuple().exponent
        return Typed(float(value), unit if self.mode == CUT else unit / 2)


class Person:
    """Fills in the values of a graph's nodes, computed as a hypothesis has it."""

    def __init__(self, graph, hypothesis=None):
        self.graph = graph
        self.samples = graph.trace.program.samples
        changed, extra = hypothesis.changes if hypothesis else ({}, [])
        self.nodes = dict(enumerate(graph.nodes)) | changed
        self.nodes |= dict(enumerate(extra, len(graph)))
        self.order = self._order()

    def _order(self):
        done, order = set(), []

        def visit(n, seen=()):
            if n in done:
                return
            assert n not in seen, "a cycle"
            for operand in self.nodes[n].operands:
                visit(operand, (*seen, n))
            done.add(n)
            order.append(n)

        for n in self.nodes:
            visit(n)
        return order

    def fill(self, style, r=random, forced=None):
        """{node: typed number}, and the values gone on with."""
        values, typed = {}, {}
        for n in self.order:
            node = self.nodes[n]
            if node.bound is None:
                values[n] = self.graph.values[n] if forced is None or n not in forced else forced[n]
                continue
            exact = self._value(node, values, style)
            if forced and n in forced:
                exact = forced[n]
            shown = style.rounded(exact)
            if n < len(self.graph):
                typed[n] = shown
            keeps = style.carries == CARRIED or (style.carries == MIXED and r.random() < 0.5)
            values[n] = float(shown) if keeps else exact
        return typed, values

    def follow(self, style, typed):
        """What would have been typed at each of some nodes by one who went on with these."""
        values, found = {}, {}
        for n in self.order:
            node = self.nodes[n]
            exact = self._value(node, values, style) if node.bound else self.graph.values[n]
            found[n] = style.rounded(exact) if node.bound else exact
            values[n] = typed.get(n, float(found[n]))
        return found

    def _value(self, node, values, style):
        if node.formula is None:  # carried over from the pass before
            return values[node.operands[0]]
        env = dict(zip(names(node.formula), (values[o] for o in node.operands), strict=True))
        formula = node.formula
        if style.products and isinstance(formula, Sum):
            env, formula = _products_rounded(formula, env, style)
        return apply(formula, env, FLOAT)


def _products_rounded(formula, env, style):
    """A sum whose products somebody rounded one by one."""
    env, terms = dict(env), []
    for k, term in enumerate(formula.terms):
        if isinstance(term, Product):
            env[f"p{k}"] = float(style.rounded(apply(term, env, FLOAT)))
            term = Name(f"p{k}")
        terms.append(term)
    return env, Sum(tuple(terms), formula.minus)


def numbers(typed, style, asked=None):
    """What was typed, of the nodes asked, with the digits declared."""
    chosen = {n: style.typed(v) for n, v in typed.items() if asked is None or n in asked}
    return Numbers(chosen, style.precision.rounding)


def inferred(typed, style, asked=None, zeros_dropped=False, exact=None):
    """What was typed, as texts, with nothing declared but that digits are cut off.

    exact     the true values: a number that has no more digits says nothing of those carried
    """
    chosen = {n: v for n, v in typed.items() if asked is None or n in asked}
    texts = {n: f"{v:f}" for n, v in chosen.items()}
    if zeros_dropped:
        texts = {n: t.rstrip("0").rstrip(".") if "." in t else t for n, t in texts.items()}
    seen = {n: read(text) for n, text in texts.items()}
    short = {n for n, t in seen.items() if exact and t.number == exact[n]}
    telling = [t for n, t in seen.items() if n not in short] or list(seen.values())
    precision = carried(telling, style.mode == CUT)
    return Numbers(
        {n: Typed(t.number, precision.known(t)) for n, t in seen.items()}, precision.rounding
    )


# ---- which steps are asked for ---------------------------------------------------------

ALL, TYPICAL, FEW = "all steps", "nets, outs, errors, gradients, w+", "outs, E, w+"


def asked(graph, wanted):
    """The nodes of an exercise that asks for all steps, the typical ones or few."""
    chosen = [n for n, node in enumerate(graph.nodes) if node.bound and node.formula is not None]
    return {n for n in chosen if wanted == ALL or wanted in _asks(graph, graph.places[n].cell)}


def _asks(graph, cell):
    """The kinds of exercise that ask for a step."""
    program = graph.trace.program
    block = program.block(cell)
    net = block.rule.name == "weighted sum"
    out = block.phase is Phase.FORWARD and not net
    if block.phase is Phase.UPDATE or out or cell == program.root:
        return {TYPICAL, FEW}
    gradient = cell in set(program.gradients.values())
    return {TYPICAL} if net or gradient or block.phase is Phase.ERROR else set()


# ---- slips -----------------------------------------------------------------------------


def _negated(value, r, others):
    return -value


def _point_moved(value, r, others):
    return value.scaleb(r.choice([-1, 1]))


def _digits_exchanged(value, r, others):
    sign, digits, exponent = value.as_tuple()
    pairs = [k for k in range(len(digits) - 1) if digits[k] != digits[k + 1]]
    if not pairs:
        return value
    k = r.choice(pairs)
    swapped = (*digits[:k], digits[k + 1], digits[k], *digits[k + 2 :])
    return Decimal((sign, swapped, exponent))


def _digit_wrong(value, r, others):
    sign, digits, exponent = value.as_tuple()
    k = r.randrange(len(digits))
    other = r.choice([d for d in range(10) if d != digits[k]])
    return Decimal((sign, (*digits[:k], other, *digits[k + 1 :]), exponent))


def _another(value, r, others):
    return r.choice(others)


def _random(value, r, others):
    return Decimal(repr(round(r.uniform(-1, 1), -value.as_tuple().exponent)))


#: What slips people make: (number typed, a random source, the sheet's other numbers) -> another.
SLIPS = {
    "sign": _negated, "decimal point": _point_moved, "digits exchanged": _digits_exchanged,
    "a digit wrong": _digit_wrong, "another quantity": _another, "random number": _random,
}  # fmt: skip
