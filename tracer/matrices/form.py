"""A batch's pass as matrix equations, read off the program of a network of dense layers.

    X  inputs         T  targets     W  weights    b  biases, one row
    Z  weighted sums  A  outputs     E  errors of the outputs    e  of the samples
    D  ∂E/∂Z          1  a column of ones

Samples are rows. In formulas, p is the product of matrices; a, z and t are elements of A, Z, T.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tracer.catalog.losses import ERROR
from tracer.catalog.sums import BATCHES, TOTALS
from tracer.expression import (
    Call,
    Expr,
    Name,
    Neg,
    Num,
    Product,
    Quotient,
    Sum,
    leaves,
    names,
    rename,
)
from tracer.labels import Derivative, Updated
from tracer.matrices.entries import Entries, Stage, bold
from tracer.matrices.views import Equation, Factor, Kind, Matrix, MatrixForm, Operands, borne_out
from tracer.matrices.wiring import Layer, dense_layers
from tracer.program import Phase, Program, Step
from tracer.rules import Rule
from tracer.traces import Trace

__all__ = ["MatrixForm", "matrix_form"]

P = Name("p")
_LONGEST = 6  # numbers and names of a derivative that is written out; of more it is f'(Z)
Written = dict[str, tuple[Factor, ...]]  # operands while they are collected


def matrix_form(t: Trace) -> MatrixForm | None:
    """The selected pass in matrices; None where its network is no chain of small dense layers.

    None also where a step is held at a value. Without a part whose steps the program does not
    have. Without the backward part where a weight is missing or shared, for a matrix has a
    derivative in each of its places.
    """
    s = t.scenario.under(t.reading) if t.scenario else None
    held = any(not b.rule and b.phase is not Phase.GIVEN for b in t.program.blocks)
    if not s or not s.network or held:
        return None
    layers = dense_layers(t.program, s)
    return _Pass(t, layers).form() if layers else None


@dataclass(frozen=True)
class _Error:
    """The steps of the error."""

    root: int
    of_sample: int
    terms: tuple[Step, ...]  # one an output
    loss: Rule
    mean: bool  # over the outputs
    averaged: bool  # over the samples


def _error_of(program: Program, outputs: Sequence[int]) -> _Error | None:
    """The error of some outputs; None where there is none, or it is another."""
    if program.root is None:
        return None
    root = program.step(program.root)
    step = program.step(root.operands["p"]) if root.rule in BATCHES.values() else root
    cells = step.operands.values() if step.rule in TOTALS.values() else [step.index]
    terms = tuple(map(program.step, cells))
    loss = terms[0].rule
    if not loss or loss.name != ERROR or [s.operands.get("o") for s in terms] != [*outputs]:
        return None
    assert loss
    mean, averaged = step.rule is TOTALS["mean"], root.rule is BATCHES["mean"]
    return _Error(root.index, step.index, terms, loss, mean, averaged)


class _Pass:
    """The selected pass of a trace, part by part."""

    def __init__(self, t: Trace, layers: Sequence[Layer]) -> None:
        self.program, self.samples, self.digits = t.program, t.program.samples, t.digits
        self.entries, self.layers = Entries(t), layers
        self.stages = [*self.entries.stages(layers)]
        backward = t.program.steps(Phase.BACKWARD)
        self.partials = {s.of: s for s in backward if s.of}  # ∂c/∂x by (c, x)

    def form(self) -> MatrixForm:
        matrices = [self.stages[0].x]
        for s in self.stages:
            matrices += [m for m in (s.w, s.b, s.z, s.a) if m]
        error, forward = _error_of(self.program, self.layers[-1].outs), tuple(self.forward())
        if not error:
            return MatrixForm(self.samples, tuple(matrices), forward, (), ())
        targets = self.entries.each(bold("T"), [s.operands["t"] for s in error.terms])
        return MatrixForm(
            self.samples, (*matrices, targets), forward,
            tuple(self.errors(error, targets)), tuple(self.backward(error, targets)),
        )  # fmt: skip

    def equation(
        self, kind: Kind, part: str, formula: Expr, operands: Operands, result: Matrix,
        *, written: Expr | None = None, meaning: Derivative | None = None,
    ) -> Equation:  # fmt: skip
        exact = borne_out(formula, operands, result, self.digits)
        return Equation(kind, part, written or formula, operands, result, exact, meaning)

    # ---- forward and error -------------------------------------------------------------

    def forward(self) -> Iterator[Equation]:
        for layer, across, x, w, b, z, a in self.stages:
            formula: Expr = P
            operands: Written = {"p": (Factor(x), Factor(w, not across))}
            if b:
                formula, operands["b"] = Sum((P, Name("b")), (False, False)), (Factor(b),)
            yield self.equation(Kind.NETS, layer.part, formula, operands, z)
            rule, of = layer.activation, {"z": (Factor(z),)}
            part = self.program.block(layer.outs[0]).part
            yield self.equation(Kind.OUTPUTS, part, rule.formula, of, a, written=_function(rule))

    def errors(self, error: _Error, targets: Matrix) -> Iterator[Equation]:
        """The errors of the outputs, added up over the outputs, then over the samples."""
        count, many, part = len(error.terms), self.samples > 1, error.terms[0].part
        total = self.entries.number(self.program.label(error.root), error.root)
        samples = self.entries.each(bold("e"), [error.of_sample]) if many else total
        cells = [step.index for step in error.terms]
        outputs = self.entries.each(bold("E"), cells) if count > 1 else samples
        loss = rename(error.loss.formula, lambda s: Name("a" if s == "o" else s))
        operands: Operands = {"t": (Factor(targets),), "a": (Factor(self.stages[-1].a),)}
        yield self.equation(Kind.ERRORS, part, loss, operands, outputs)
        if count > 1:
            operands = {"p": (Factor(outputs), self.entries.ones(count))}
            formula = _over(count if error.mean else 1)
            yield self.equation(Kind.OVER_OUTPUTS, part, formula, operands, samples)
        if many:
            operands = {"p": (self.entries.ones_across(), Factor(samples))}
            formula = self.over_samples(error)
            yield self.equation(Kind.OVER_SAMPLES, part, formula, operands, total)

    def over_samples(self, error: _Error) -> Expr:
        """A product that adds up the samples, as the batch's error does it."""
        return _over(self.samples if error.averaged else 1)

    # ---- backward ----------------------------------------------------------------------

    def backward(self, error: _Error, targets: Matrix) -> list[Equation]:
        """Layer by layer from the last; nothing where a matrix has no steps for its entries."""
        weights = (w for layer in self.layers for row in layer.weights for w in row)
        trained = all(w is None or w in self.program.gradients for w in weights)
        deltas = self.deltas(error) if trained and _each_its_own(self.layers) else []
        found: list[Equation] = []
        for k, s in reversed([*enumerate(self.stages)]):
            equation = self.delta(k, deltas, error, targets) if deltas else None
            if not equation:
                return []
            found += [equation, *self.gradients(s, deltas[k], error)]
        return found

    def deltas(self, error: _Error) -> list[Matrix]:
        """D of every layer; nothing where the program does not name all of them."""
        label = self.program.label
        cells = {label(s.index): s.index for s in self.program.steps(Phase.BACKWARD)}
        cells |= {other: cell for cell, also in self.program.also.items() for other in also}
        found = []
        for k, layer in enumerate(self.layers, 1):
            wanted = [Derivative(label(error.of_sample), label(net)) for net in layer.nets]
            if not all(w in cells for w in wanted):
                return []
            found.append(self.entries.each(bold("D", k), [cells[w] for w in wanted]))
        return found

    def delta(
        self, k: int, deltas: Sequence[Matrix], error: _Error, targets: Matrix
    ) -> Equation | None:
        """D of a layer, from the error or from the D and the weights of the next layer."""
        s, last = self.stages[k], k + 1 == len(self.stages)
        columns = {"a": s.layer.outs, "z": s.layer.sums}
        operands: Written = {"a": (Factor(s.a),), "z": (Factor(s.z),)}
        if last:
            operands["t"] = (Factor(targets),)
            before = self.from_error(error, columns)
        else:
            w, before = self.weights_read(k + 1), [P]
            if not w:
                return None
            operands["p"] = (Factor(deltas[k + 1]), Factor(w, self.stages[k + 1].across))
        slope = self.local(s.layer.outs, s.layer.sums, columns)
        formula = _elementwise([*before, *slope])
        named = [Call(f"{s.layer.activation.name}'", (Name("z"),))]
        long = sum(map(leaves, slope)) > _LONGEST
        meaning = Derivative(self.program.label(error.of_sample), s.z.label)
        return self.equation(
            Kind.LAST_DELTAS if last else Kind.DELTAS, s.layer.part, formula,
            {name: operands[name] for name in names(formula)}, deltas[k], meaning=meaning,
            written=_elementwise([*before, *named]) if long else None,
        )  # fmt: skip

    def from_error(self, error: _Error, columns: Mapping[str, Sequence[int]]) -> list[Expr]:
        """The factors of ∂e/∂A."""
        terms = [step.index for step in error.terms]
        columns = {**columns, "t": [step.operands["t"] for step in error.terms]}
        return [
            *self.local([error.of_sample] * len(terms), terms, columns),
            *self.local(terms, columns["a"], columns),
        ]

    def local(
        self, tops: Sequence[int], bottoms: Sequence[int], columns: Mapping[str, Sequence[int]]
    ) -> list[Expr]:
        """∂top/∂bottom in elements of matrices, the same in every column; none if it is 1."""
        pairs = enumerate(zip(tops, bottoms, strict=True))
        (formula,) = {self.element(pair, j, columns) for j, pair in pairs}
        return [formula] if formula else []

    def element(
        self, pair: tuple[int, int], column: int, columns: Mapping[str, Sequence[int]]
    ) -> Expr | None:
        step = self.partials.get(pair)
        if not step or not step.formula:
            return None
        called = {cells[column]: name for name, cells in columns.items()}
        return rename(step.formula, lambda s: Name(called[step.operands[s]]))

    def weights_read(self, k: int) -> Matrix | None:
        """The weights that the backward pass reads: a layer's own, or new ones; else None."""
        s, carry = self.stages[k], self.program.carry
        read = [
            [next(iter(self.partials[net, x].operands.values())) for x in s.layer.x]
            for net in s.layer.nets
        ]
        own = [list(row) for row in s.layer.weights]
        if read == own:
            return s.w
        if read == [[carry[w] for w in row if w is not None] for row in own]:
            return self.entries.shared(Updated(s.w.label), s.turned(read))
        return None

    def gradients(self, s: Stage, d: Matrix, error: _Error) -> Iterator[Equation]:
        """What the batch says of a layer's weights and biases."""
        gradients, part, formula = self.program.gradients, s.layer.part, self.over_samples(error)
        top = self.program.label(error.root)
        table = s.turned([[gradients[w] for w in row if w is not None] for row in s.layer.weights])
        result = self.entries.shared(Derivative(top, s.w.label), table)
        factors = (s.x, d) if s.across else (d, s.x)
        operands = {"p": (Factor(factors[0], transposed=True), Factor(factors[1]))}
        yield self.equation(Kind.WEIGHTS, part, formula, operands, result)
        if s.b and all(cell in gradients for cell in s.layer.biases):
            yield self.bias_gradient(s, s.b, d, error)

    def bias_gradient(self, s: Stage, b: Matrix, d: Matrix, error: _Error) -> Equation:
        """What the batch says of one bias a unit, or of one that the units share."""
        cells, label, gradients = s.layer.biases, self.program.label, self.program.gradients
        factors, formula, top = [Factor(d)], self.over_samples(error), label(error.root)
        if self.samples > 1:
            factors.insert(0, self.entries.ones_across())
        if len({*cells}) < len(cells):
            factors.append(self.entries.ones(len(cells)))
            kind, called = Kind.SHARED_BIAS, Derivative(top, label(cells[0]))
            result = self.entries.number(called, gradients[cells[0]])
        else:
            kind, called = Kind.BIASES, Derivative(top, b.label)
            result = self.entries.shared(called, [[gradients[cell] for cell in cells]])
        return self.equation(kind, s.layer.part, formula, {"p": tuple(factors)}, result)


# ---- formulas --------------------------------------------------------------------------


def _each_its_own(layers: Sequence[Layer]) -> bool:
    """Whether every weight stands in one place, and a bias in one place or one layer."""
    cells = [cell for layer in layers for cell in layer.parameters]
    alike = all(len({*la.biases}) in (0, 1, len(la.biases)) for la in layers)
    return alike and None not in cells and len({*cells}) == len(cells)


def _over(count: int) -> Expr:
    """The product, divided by a number of things."""
    return Quotient(P, Num(str(count))) if count > 1 else P


def _function(rule: Rule) -> Expr:
    """An activation as a function of a matrix; by its name where its formula has several parts."""
    return rule.formula if isinstance(rule.formula, Name | Call) else Call(rule.name, (Name("z"),))


def _elementwise(factors: Sequence[Expr]) -> Expr:
    """A product without brackets around its parts: one sign for all of them."""
    parts, negative, todo = list[Expr](), False, list(factors)
    while todo:
        match todo.pop(0):
            case Neg(body):
                todo, negative = [body, *todo], not negative
            case Product(inner):
                todo = [*inner, *todo]
            case other:
                parts.append(other)
    found = parts[0] if len(parts) == 1 else Product(tuple(parts))
    return Neg(found) if negative else found
