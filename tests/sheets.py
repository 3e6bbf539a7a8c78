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
from tracer.check.precision import Precision
from tracer.expression import Name, Product, Sum, names

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
            typed[n] = shown
            keeps = style.carries == CARRIED or (style.carries == MIXED and r.random() < 0.5)
            values[n] = float(shown) if keeps else exact
        return typed, values

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
    return Numbers(chosen, style.precision.half)
