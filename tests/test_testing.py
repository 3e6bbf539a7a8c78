"""assert_matches: networks written from scratch, right and wrong, against a trace."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest

import tracer
from tracer import errors
from tracer.check import difference
from tracer.check.telling import WIDTH
from tracer.scenario import read
from tracer.testing import assert_matches
from tracer.traces import Trace

# ---- networks of our own ------------------------------------------------------------------


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def mazur(bug: str = "", kind: type = np.float64, passes: int = 1) -> dict[str, Any]:
    """The 2-2-2 network of the tutorial in numpy; `bug` is one that people make."""
    x, t = np.array([0.05, 0.10], kind), np.array([0.01, 0.99], kind)
    W1, W2 = (
        np.array([[0.15, 0.20], [0.25, 0.30]], kind),
        np.array([[0.40, 0.45], [0.50, 0.55]], kind),
    )
    b1, b2, eta = kind(0.35), kind(0.60), kind(0.5)
    rate = kind(1) if bug == "no learning rate" else -eta if bug == "added" else eta
    for _ in range(passes):
        own = {"W1": W1, "W2": W2}
        net_h = (W1.T if bug == "transposed" else W1) @ x + b1
        out_h = sigmoid(net_h)
        net_o = W2 @ out_h + b2
        out_o = sigmoid(net_o)
        E = ((t - out_o) ** 2).sum() / 2
        d_o = (t - out_o if bug == "sign" else out_o - t) * out_o * (1 - out_o)
        dW2 = np.outer(d_o, out_h)
        new = W2 - rate * dW2
        back = new if bug == "updated" else W2
        d_h = (back if bug == "back transposed" else back.T) @ d_o
        d_h = d_h if bug == "no derivative" else d_h * out_h * (1 - out_h)
        dW1 = np.outer(d_h, x)
        dW1 = dW1 + 0.001 if bug == "nonsense" else dW1
        W1, W2 = W1 - rate * dW1, new
    return own | {
        "net_h": net_h, "out_h": out_h, "net_o": net_o, "out_o": out_o, "E": E,
        "dW2": dW2, "dW1": dW1, "W2+": W2, "W1+": W1,
    }  # fmt: skip


class Or:
    """The OR gate's 2-3-1 network on four samples at once, as an object."""

    def __init__(self, start: Trace, kind: type = np.float64) -> None:
        self.X = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], kind)
        self._t = np.array([[0], [1], [1], [1]], kind)
        self.rate = kind(start["learningRate"])
        self.W1 = np.array([[start[f"W1[{i},{j}]"] for j in (1, 2, 3)] for i in (1, 2)], kind)
        self.W2 = np.array([[start[f"W2[{i},1]"]] for i in (1, 2, 3)], kind)
        self.name = "or"

    def forward(self) -> None:
        self.z1 = self.X @ self.W1
        self.a1 = sigmoid(self.z1)
        self.z2 = self.a1 @ self.W2
        self.yHat = sigmoid(self.z2)
        self.J = ((self._t - self.yHat) ** 2).sum() / 2

    def backward(self, mean: bool = False) -> None:
        d2 = (self.yHat - self._t) * self.yHat * (1 - self.yHat)
        d1 = (d2 @ self.W2.T) * self.a1 * (1 - self.a1)
        count = len(self.X) if mean else 1
        self.dJ_dW1, self.dJ_dW2 = self.X.T @ d1 / count, self.a1.T @ d2 / count
        self.W1_new = self.W1 - self.rate * self.dJ_dW1
        self.W2_new = self.W2 - self.rate * self.dJ_dW2


def trained(t: Trace, passes: int, kind: type = np.float64) -> Or:
    """The OR gate's network in the pass after so many updates."""
    net = Or(t.at(iteration=0), kind)
    net.forward()
    net.backward()
    for _ in range(passes):
        net.W1, net.W2 = net.W1_new, net.W2_new
        net.forward()
        net.backward()
    return net


@pytest.fixture(scope="module")
def trace() -> Trace:
    return tracer.trace("mazur", iterations=3).at(iteration=0)


@pytest.fixture(scope="module")
def batch() -> Trace:
    return tracer.trace("or-2-3-1", iterations=200).at(iteration=0)


def said(t: Trace, values: object, **digits: int) -> str:
    """What is said of wrong values."""
    with pytest.raises(AssertionError) as wrong:
        assert_matches(t, values, **digits)
    return str(wrong.value)


def one_line(text: str) -> str:
    return " ".join(text.split())


# ---- what is right ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.longdouble])
def test_a_right_network_matches(trace: Trace, kind: type) -> None:
    assert_matches(trace, mazur(kind=kind))


@pytest.mark.parametrize("passes", [1, 2, 3, 4])
def test_iteration_k_has_the_weights_after_k_updates(trace: Trace, passes: int) -> None:
    assert_matches(trace.at(iteration=passes - 1), mazur(passes=passes))


@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize("passes", [0, 1, 50, 200])
def test_an_object_of_a_batch_matches(batch: Trace, kind: type, passes: int) -> None:
    assert_matches(batch.at(iteration=passes), trained(batch, passes, kind))


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_what_ten_thousand_updates_round_is_allowed(kind: type) -> None:
    t = tracer.trace("or-2-3-1", record=[0, 10_000])
    assert_matches(t.at(iteration=10_000), trained(t, 10_000, kind))


def test_a_published_number_matches_to_its_digits(trace: Trace) -> None:
    assert_matches(trace, {"w5+": 0.35891648, "E_total": 0.298371109}, decimals=8)
    assert_matches(trace, {"dE/dw1": 0.00043857, "E": Decimal("0.29837")}, significant=5)


def test_rounded_passes_are_compared_as_rounded() -> None:
    t = tracer.trace("mazur", reading="rounded to 4 decimals").at(iteration=0)
    assert_matches(t, {name: t[name] for name in ("out_h1", "E", "dE/dw5", "w1+")})


class Pair(NamedTuple):
    out_h1: float
    out_h2: float


@dataclass
class Data:
    out_h: list[float]
    other: str = "text"


class Slots:
    __slots__ = ("E", "unset")

    def __init__(self, E: float) -> None:
        self.E = E


def test_values_may_be_any_object_with_names_of_steps(trace: Trace) -> None:
    h1, h2, E = trace["out_h1"], trace["out_h2"], trace["E"]
    objects = (
        Pair(h1, h2), Data([h1, h2]), Slots(E), SimpleNamespace(E=E, lr=0.5),
        {"out_h": (h1, h2)}, {"Out H1": h1}, {"∂E/∂w5": trace["dE/dw5"]}, {"E": np.array([[E]])},
    )  # fmt: skip
    for values in objects:
        assert_matches(trace, values)
    for values in (Pair(h1, 0.5), Data([h1, 0.5]), Slots(0.5), SimpleNamespace(E=0.5, lr=0.5)):
        assert said(trace, values)


def test_numbers_may_be_wrapped_as_in_micrograd(trace: Trace) -> None:
    value = SimpleNamespace(data=trace["out_h1"], grad=0.0)
    assert_matches(trace, {"out_h": [value, SimpleNamespace(data=trace["out_h2"])]})


# ---- arrays ------------------------------------------------------------------------------


def test_steps_of_an_array_may_be_named_one_by_one(trace: Trace) -> None:
    assert_matches(trace, {("w5", "w6"): [0.40, 0.45], ("w1", "i1"): (0.15, 0.05)})
    assert_matches(trace, {(("w5", "w6"), ("w7", "w8")): [[0.40, 0.45], [0.50, 0.55]]})
    assert "w6 is 0.4, not 0.45" in said(trace, {("w5", "w6"): [0.40, 0.4]})


@pytest.mark.parametrize("name", ["dW1", "dE_dW1", "dE/dW1", "∂E/∂W1", "dE_total/dW1", "grad_W1"])
def test_gradients_go_by_any_usual_name(trace: Trace, name: str) -> None:
    right = mazur()["dW1"]
    assert_matches(trace, {name: right})
    assert "∂E_total/∂w1" in said(trace, {name: -right})


def test_rows_and_columns_exchanged_are_named(batch: Trace) -> None:
    assert "W1 is given as 3×2, expected 2×3: transposed?" == said(batch, {"W1": np.ones((3, 2))})


def test_a_square_matrix_the_other_way_round_is_named(trace: Trace) -> None:
    text = said(trace, {"W2": mazur()["W2"].T})
    assert text.startswith("w6 is 0.5, not 0.45: W2 has its rows and columns exchanged")


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"W1": 0.3}, "W1 is given as one number, expected 2×3 (W1[1,1] … W1[2,3])"),
        ({"yHat": [1, 2, 3]}, "yHat is given as 3 numbers, expected 4 numbers"),
        ({"a1": np.ones((3, 4))}, "a1 is given as 3×4, expected 4×3: transposed?"),
        ({"J": [1, 2]}, "J is given as 2 numbers, expected one number"),
    ],
)
def test_a_wrong_shape_is_told(batch: Trace, values: Any, says: str) -> None:
    assert says == said(batch, values)


def test_a_batch_is_given_by_rows_or_as_the_selected_sample(batch: Trace) -> None:
    net = trained(batch, 0)
    assert_matches(batch.at(sample=2), {"a1": net.a1, "yHat": net.yHat.ravel(), "X": net.X})
    assert_matches(batch.at(sample=2), {"a1": net.a1[2], "yHat": net.yHat[2], "z1_1": net.z1[2, 0]})
    assert "a1_1[2] is" in said(batch.at(sample=2), {"a1": net.a1[3]})


NAMED = """
title = "Named by row and column"
[givens."Given"]
x1 = 1
x2 = 2
w11 = 0.1
w12 = 0.2
w21 = 0.3
w22 = 0.4
b1 = 0.5
b2 = 0.6
t1 = 0
t2 = 1
eta = 0.1
[network]
inputs = ["x1", "x2"]
targets = ["t1", "t2"]
[[network.layers]]
weights = [["w11", "w12"], ["w21", "w22"]]
bias = ["b1", "b2"]
activation = "sigmoid"
"""


def test_names_by_row_and_column_are_a_matrix() -> None:
    t = tracer.trace(read(NAMED, "named.toml", "named"))
    W, b = np.array([[0.1, 0.2], [0.3, 0.4]]), np.array([0.5, 0.6])
    assert_matches(t, {"w": W, "b": b, "W1": W, "x": [1, 2], "net_o": W @ [1, 2] + b})
    assert "w12 is 0.3" in said(t, {"w": W.T})
    assert "w is given as 4 numbers, expected 2×2 (w11 … w22)" == said(t, {"w": W.ravel()})


# ---- what is wrong -----------------------------------------------------------------------

#: What the first line says of each bug.
BUGS = {
    "updated": "∂E_total/∂w1 is 0.00036472, not 0.00043857: hidden gradients use the updated "
    "weights",
    "no derivative": "∂E_total/∂w1 is 0.0018175, not 0.00043857: the derivative of the activation "
    "function is missing (the hidden layer)",
    "transposed": "net_h1 is 0.3825, not 0.3775: the weights are assigned by columns",
    "back transposed": "∂E_total/∂w1 is 0.000461551, not 0.000438568: on the way back the weights "
    "are assigned by columns",
    "sign": "∂E_total/∂w5 is -0.08217, not 0.08217: the sign of target and output",
    "added": "w5⁺ is 0.44108, not 0.35892: the gradient is added, not subtracted",
    "no learning rate": "w5⁺ is 0.31783, not 0.35892: the learning rate is forgotten",
}


@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize("bug", BUGS)
def test_the_first_difference_and_its_mistake_are_named(trace: Trace, bug: str, kind: type) -> None:
    text = said(trace, mazur(bug, kind))
    assert text.startswith(BUGS[bug])
    assert "the first difference among the 33 values compared with mazur at iteration 0" in text
    assert "That explains" in text
    assert all(len(line) <= WIDTH for line in text.splitlines()[1:]), text


@pytest.mark.parametrize("bug", ["updated", "added", "no learning rate"])
def test_the_new_weights_alone_show_the_mistake(trace: Trace, bug: str) -> None:
    values = mazur(bug)
    text = said(trace, {name: values[name] for name in ("out_o", "W1+", "W2+")})
    assert BUGS[bug].partition(": ")[2] in text


def test_what_follows_from_the_mistake_is_told_apart(trace: Trace) -> None:
    text = said(trace, mazur("no derivative"))
    assert "Also different, 3 values: ∂E_total/∂w2, ∂E_total/∂w3 and ∂E_total/∂w4." in text
    assert "What follows from these is right on your numbers: w1⁺, w2⁺, w3⁺ and w4⁺." in text


def test_an_unknown_mistake_is_called_unknown(trace: Trace) -> None:
    text = said(trace, mazur("nonsense"))
    assert text.startswith("∂E_total/∂w1 is 0.0014386, not 0.00043857\n")
    assert "No mistake that tracer knows explains the numbers." in text
    assert "= 0.036350306 × 0.241300709 × 0.05\n" in text


def test_among_very_many_values_the_first_difference_is_still_named(
    trace: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(difference, "_SEARCHED", 10)
    assert_matches(trace, mazur())
    text = said(trace, mazur("no derivative"))
    assert text.startswith("∂E_total/∂w1 is 0.0018175, not 0.00043857\n")
    assert "Among so many values tracer looks for no mistakes: compare fewer." in text
    assert "What follows from these is right on your numbers: w1⁺, w2⁺, w3⁺ and w4⁺." in text


def test_a_mean_over_the_batch_is_named(batch: Trace) -> None:
    net = trained(batch, 0)
    net.backward(mean=True)
    assert "∂J/∂W1[1,1] is" in said(batch, net)
    assert ": the gradients of the samples are averaged, not added" in said(batch, net)


@pytest.mark.parametrize(
    ("factor", "says"),
    [(-1, "its sign is wrong"), (2, "times 2"), (1 / 4, "divided by 4, the number of samples")],
)
def test_a_factor_that_no_mistake_explains_is_named(batch: Trace, factor: float, says: str) -> None:
    net = trained(batch, 0)
    assert (
        says in said(batch, {"z1": net.z1, "a1": net.a1, "yHat": net.yHat * factor}).split("\n")[0]
    )


def test_a_value_of_another_step_is_named(trace: Trace) -> None:
    text = said(trace, {"out_h1": trace["out_h1"], "out_h2": trace["net_o2"]})
    assert ": this is the value of net_o2\n" in text


def test_weights_read_after_their_update_are_recognised(trace: Trace) -> None:
    values = mazur()
    text = said(trace, {"W1": values["W1+"], "out_h": values["out_h"]})
    assert text.startswith("w1 is 0.1497807, not 0.15: it is w1⁺, the value after the update")
    assert "Give it as w1⁺, or compare with trace.at(iteration=1)." in text
    assert_matches(trace.at(iteration=1), {"W1": values["W1+"]})


def test_a_later_pass_that_starts_wrong_points_to_the_first() -> None:
    t = tracer.trace("mazur", iterations=500).at(iteration=500)
    text = said(t, {"w5": t["w5"] + 1e-6})
    assert "an earlier one differs already: begin with trace.at(iteration=0)." in one_line(text)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_number_is_the_first_difference(trace: Trace, bad: float) -> None:
    values = mazur()
    text = said(trace, values | {"out_o": np.array([bad, values["out_o"][1]])})
    assert text.startswith(f"out_o1 is {bad}, not 0.75136507")
    assert "look for an overflow or a division by zero" in text


def test_a_wrong_number_before_one_that_is_none_comes_first(trace: Trace) -> None:
    text = said(trace, {"out_h1": 0.5, "E": float("nan")})
    assert text.startswith("out_h1 is 0.5, not 0.59327")
    assert "Also different: E_total." in text


# ---- how exactly -------------------------------------------------------------------------


@pytest.mark.parametrize("off", [1e-10, 1e-7, 1e-4])
def test_double_precision_is_strict(trace: Trace, off: float) -> None:
    for name in ("out_h1", "E", "dE/dw1", "w5+"):
        assert said(trace, {name: trace[name] * (1 + off)})
        assert said(trace, {"out_h2": trace["out_h2"], name: np.float64(trace[name] * (1 + off))})


@pytest.mark.parametrize("off", [1e-5, 1e-4])
def test_single_precision_is_strict_too(trace: Trace, off: float) -> None:
    values = mazur(kind=np.float32)
    for name in ("out_h", "E", "dW1"):
        assert said(trace, values | {name: values[name] * np.float32(1 + off)})


def test_single_precision_is_seen_in_floats_of_python(trace: Trace) -> None:
    """A loss is often read with `.item()`."""
    values = mazur(kind=np.float32)
    assert_matches(trace, {"E": float(values["E"]), "out_h1": float(values["out_h"][0])})
    assert_matches(trace, {"E": float(values["E"]), "out_h": mazur()["out_h"]})


def test_half_precision_is_judged_as_such(trace: Trace) -> None:
    assert_matches(trace, {"out_h": mazur()["out_h"].astype(np.float16)})
    assert said(trace, {"out_h": (mazur()["out_h"] * 1.02).astype(np.float16)})


def test_rounded_digits_need_to_be_declared(trace: Trace) -> None:
    """0.29837110876… is printed as 0.298371109."""
    text = said(trace, {"E": 0.298371109, "w5+": 0.35891648})
    assert text.startswith("E_total is 0.298371109, not 0.29837110876: ")
    assert "Are your numbers rounded? Then say so: decimals=8." in text
    assert_matches(trace, {"E": 0.298371109, "w5+": 0.35891648}, decimals=8)
    assert said(trace, {"E": 0.298371209}, decimals=8)


def test_torch_tensors_match(trace: Trace) -> None:
    torch = pytest.importorskip("torch")
    W1 = torch.tensor([[0.15, 0.20], [0.25, 0.30]], requires_grad=True)
    W2 = torch.tensor([[0.40, 0.45], [0.50, 0.55]], requires_grad=True)
    x, t = torch.tensor([0.05, 0.10]), torch.tensor([0.01, 0.99])
    out_h = torch.sigmoid(W1 @ x + 0.35)
    out_o = torch.sigmoid(W2 @ out_h + 0.60)
    E = ((t - out_o) ** 2).sum() / 2
    E.backward()
    values = {"W1": W1, "W2": W2, "out_h": out_h, "out_o": out_o, "E": E.item()}
    assert_matches(trace, values | {"dW1": W1.grad, "dW2": W2.grad})
    assert_matches(trace, {"out_h": out_h.to(torch.bfloat16)})
    assert ": the gradient" not in said(trace, values | {"dW1": W1.grad * 1.001})


# ---- what cannot be compared --------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "error", "says"),
    [
        ({}, errors.UsageError, "values: nothing to compare: the dict is empty"),
        (object(), errors.UsageError, "nothing to compare: no attribute of this object is a step"),
        (
            SimpleNamespace(loss=1, lr=2), errors.UsageError,
            "no attribute of this SimpleNamespace is a step (its attributes are loss, lr;",
        ),
        (3.5, errors.UsageError, "no attribute of this float is a step"),
        ({"ot_h1": 1}, errors.LookupFailed, "no step is called 'ot_h1'; did you mean 'out_h1'?"),
        ({"zz": 1, "yy": 2}, errors.LookupFailed, "'zz'; no step is called 'yy'"),
        ({3: 1}, errors.LookupFailed, "a name is a text"),
        ({(("w1", "w2"), ("w3",)): 1}, errors.LookupFailed, "as many names in each row"),
        ({"E": "0.29"}, errors.UsageError, "E: no number and no array of numbers, but '0.29'"),
        ({"E": None}, errors.UsageError, "E: no number and no array of numbers, but None"),
        ({"E": 1j}, errors.UsageError, "E: no number"),
        ({"W1": [[1, 2], [3]]}, errors.UsageError, "W1: no number"),
        ({"W1": []}, errors.UsageError, "W1: an empty array"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_an_error(
    trace: Trace, values: object, error: type[Exception], says: str
) -> None:
    with pytest.raises(error) as wrong:
        assert_matches(trace, values)
    assert says in str(wrong.value)


def refused(call: Callable[[], None]) -> str:
    with pytest.raises(errors.TracerError) as wrong:
        call()
    return str(wrong.value)


def test_arguments_that_make_no_sense_are_refused(trace: Trace) -> None:
    assert "expected a trace" in refused(lambda: assert_matches("mazur", {}))  # type: ignore[arg-type]
    both = refused(lambda: assert_matches(trace, {"E": 1}, decimals=3, significant=3))
    assert "decimals and significant: choose one" == both
    partial = tracer.trace("mazur", only=["E"])
    assert "without only=" in refused(lambda: assert_matches(partial, {"E": 1}))
    large = tracer.trace("sum-regression", iterations=0)
    assert "too large to compare" in refused(lambda: assert_matches(large, {"J": 1}))


def test_nothing_is_imported_before_it_is_asked_for() -> None:
    code = "import sys, tracer; assert 'numpy' not in sys.modules; print(tracer.testing.__all__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "assert_matches" in done.stdout
