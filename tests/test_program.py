"""What may enter a program, and what a step of it shows."""

import numpy as np
import pytest

from tracer.catalog.activations import ACTIVATIONS
from tracer.catalog.sums import TOTALS, net
from tracer.errors import ProgramError
from tracer.labels import Derivative, Own
from tracer.parsing import parse
from tracer.program import Draft, Phase
from tracer.rules import inputs, rule

TIMES = rule("times", "z = x*y")


def own(*texts):
    return [Own(text) for text in texts]


@pytest.fixture
def draft():
    made = Draft()
    made.given(own("a", "b", "c"), part="inputs")
    return made


def test_steps_come_in_the_order_they_are_emitted(draft):
    cells = draft.emit(TIMES, [[0, 1], [1, 2]], own("p", "q"), Phase.FORWARD, part="first")
    last = draft.emit(net("sum(w_i*x_i) + b"), [[0, 3, 1, 4, 2]], own("z"), Phase.FORWARD)
    program = draft.finish(int(last[0]), ("z", "total"))
    assert [3, 4] == cells.tolist()
    assert ["a", "b", "c", "p", "q", "z"] == [s.name for s in program.steps()]
    assert ["p", "q", "z"] == [s.name for s in program.steps(Phase.FORWARD)]
    assert (6, 5) == (len(program), program.root)


def test_a_step_shows_its_formula_and_operands_in_the_written_order(draft):
    draft.emit(net("sum(w_i*x_i) + b"), [[0, 1, 1, 0, 2]], own("z"), Phase.FORWARD, part="layer")
    step = draft.finish().step(3)
    assert parse("w_1*x_1 + w_2*x_2 + b") == step.formula
    assert {"w_1": 0, "x_1": 1, "w_2": 1, "x_2": 0, "b": 2} == step.operands
    assert ["w_1", "x_1", "w_2", "x_2", "b"] == list(step.operands)
    assert (Phase.FORWARD, "layer", None) == (step.phase, step.part, step.of)


def test_a_given_has_no_formula_and_no_operands(draft):
    step = draft.finish().step(1)
    assert ("b", None, {}, Phase.GIVEN) == (step.name, step.formula, step.operands, step.phase)


def test_a_partial_says_what_it_is_the_derivative_of(draft):
    z = draft.emit(TIMES, [[0, 1]], own("z"), Phase.FORWARD)
    label = Derivative(Own("z"), Own("a"))
    draft.emit(rule("by x", "d = y"), [[1]], [label], Phase.BACKWARD, of=(z, np.array([0])))
    assert ("dz/da", (3, 0)) == (draft.finish().step(4).name, draft.finish().step(4).of)


@pytest.mark.parametrize(
    ("says", "rows", "names"),
    [
        ("the name 'a' is written twice", [[0, 1]], ["a"]),
        ("the name 'p' is written twice", [[0, 1], [0, 1]], ["p", "p"]),
        ("p: an operand is not an earlier step", [[0, 3]], ["p"]),  # itself
        ("p: an operand is not an earlier step", [[0, 1], [0, 3]], ["p", "q"]),  # of its block
        ("p: an operand is not an earlier step", [[0, 99]], ["p"]),
        ("p: an operand is not an earlier step", [[0, -1]], ["p"]),
        ("p: times takes 2 operands, not 1", [[0]], ["p"]),
        ("p: times takes 2 operands, not 3", [[0, 1, 2]], ["p"]),
    ],
)
def test_what_is_no_program_is_refused(draft, says, rows, names):
    with pytest.raises(ProgramError) as refused:
        draft.emit(TIMES, rows, own(*names), Phase.FORWARD)
    assert says == str(refused.value)


@pytest.mark.parametrize(
    ("formula", "arity"), [("sum(w_i*x_i) + b", 4), ("sum(w_i*x_i) + b", 2), ("sum(w_i*x_i)", 3)]
)
def test_a_weighted_sum_takes_pairs(draft, formula, arity):
    with pytest.raises(ProgramError, match="weighted sum takes"):
        draft.emit(net(formula), [[0] * arity], own("z"), Phase.FORWARD)


def test_a_sum_of_nothing_is_refused(draft):
    with pytest.raises(ProgramError, match="total error takes 1 operands, not 0"):
        draft.emit(TOTALS["sum"], np.empty((1, 0), np.int64), own("E"), Phase.ERROR)


def test_an_alias_is_another_name_of_one_step(draft):
    draft.alias(Own("also"), 1)
    draft.alias(Own("also"), 1)  # said again: nothing new
    program = draft.finish()
    assert ({"also": 1}, {1: (Own("also"),)}) == (program.aliases, program.also)
    for name, cell in (("also", 2), ("a", 1)):
        with pytest.raises(ProgramError, match="written twice"):
            draft.alias(Own(name), cell)
    with pytest.raises(ProgramError, match="written twice"):
        draft.given(own("also"))


def test_a_cone_is_what_is_needed_and_no_more(draft):
    draft.emit(TIMES, [[0, 1], [1, 2], [2, 2]], own("p", "q", "r"), Phase.FORWARD)
    draft.emit(ACTIVATIONS["sigmoid"], [[3], [4]], own("s", "t"), Phase.FORWARD)
    program = draft.finish()
    assert {0, 1, 3, 6} == program.cone([6])
    assert {2, 5} == program.cone([5])
    assert {0} == program.cone([0])
    assert set() == program.cone([])


def batch(samples):
    """a, b, c for all samples, x of each."""
    made = Draft(samples=samples)
    made.given(own("a", "b", "c"), part="inputs")
    return made, int(made.given(own("x"), data=True)[0])


def test_steps_of_a_sample_stay_per_sample():
    draft, x = batch(2)
    draft.emit(TIMES, [[0, 1]], own("p"), Phase.FORWARD)
    draft.emit(TIMES, [[0, x]], own("q"), Phase.FORWARD)
    draft.emit(ACTIVATIONS["tanh"], [[5]], own("r"), Phase.FORWARD)
    program = draft.finish()
    assert [False, True, False, True, True] == [b.per_sample for b in program.blocks]
    assert (2, (x,)) == (program.samples, program.data)


def test_a_batch_of_one_has_nothing_per_sample():
    draft, x = batch(1)
    draft.emit(TIMES, [[0, x]], own("q"), Phase.FORWARD)
    program = draft.finish()
    assert [False, False, False] == [b.per_sample for b in program.blocks]
    assert (x,) == program.data


def test_what_runs_over_the_samples_leads_from_each_to_the_batch():
    draft, x = batch(3)
    for name, formula in (
        ("sum", "total(x)"), ("most", "largest(w)"), ("scaled", "x/largest(x)"),
        ("share", "w/total(w)"), ("bent", "w*total(x)"),
    ):  # fmt: skip
        made = rule(name, f"y = {formula}")
        operands = [{"w": 0, "x": x}[formal] for formal in inputs(made)]
        draft.emit(made, [operands], own(name), Phase.FORWARD)
    blocks = {b.labels[0].name: b for b in draft.finish().blocks}
    assert {"x", "scaled"} == {name for name, b in blocks.items() if b.per_sample}
    assert (("x",), ()) == (blocks["sum"].over, blocks["sum"].own)
    assert (("x",), ("x",)) == (blocks["scaled"].over, blocks["scaled"].own)
    assert (("x",), ("w",)) == (blocks["bent"].over, blocks["bent"].own)
