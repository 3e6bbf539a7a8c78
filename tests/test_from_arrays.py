"""Scenarios of networks that are given as arrays, against loops by hand."""

from __future__ import annotations

import numpy as np
import pytest

import tracer
from tracer.errors import ScenarioError, UsageError
from tracer.testing import assert_matches

RNG = np.random.default_rng(11)


def by_hand(x, t, w1, b1, w2, b2, loss):
    """A course's loop: relu, then softmax and cross-entropy or squares; gradients by hand."""
    z1 = x @ w1 + b1
    h = np.maximum(0, z1)
    z2 = h @ w2 + b2
    if loss == "cross-entropy":
        p = np.exp(z2) / np.exp(z2).sum(1, keepdims=True)
        error, dz2 = -(t * np.log(p)).sum(1), p - t
    else:
        p = z2
        error, dz2 = 0.5 * ((t - z2) ** 2).sum(1), z2 - t
    dz1 = (dz2 @ w2.T) * (z1 > 0)
    m = len(x)
    grads = {
        "dW1": x.T @ dz1 / m,
        "db1": dz1.sum(0) / m,
        "dW2": h.T @ dz2 / m,
        "db2": dz2.sum(0) / m,
    }
    return error.mean(), h, p, grads


@pytest.mark.parametrize("samples", [1, 5])
@pytest.mark.parametrize("rows", ["inputs", "units"])
@pytest.mark.parametrize("loss", ["cross-entropy", "half squared error"])
def test_arrays_of_a_course(loss, rows, samples):
    x, t = RNG.normal(size=(samples, 3)), np.eye(2)[RNG.integers(0, 2, samples)]
    net = {"W1": (3, 4), "b1": (4,), "W2": (4, 2), "b2": (2,)}
    net = {name: RNG.normal(size=size) for name, size in net.items()}
    turned = {n: a.T if rows == "units" and n[0] == "W" else a for n, a in net.items()}
    last = "softmax" if loss == "cross-entropy" else "identity"
    s = tracer.from_arrays(
        turned, x, t, activations=["relu", last], loss=loss, reduction="mean", learning_rate=0.3
    )
    trace = tracer.trace(s, iterations=2)
    for k in range(2):
        error, h, p, grads = by_hand(x, t, *net.values(), loss)
        now = trace.at(k)
        assert error == pytest.approx(now["E"], rel=1e-12)
        shown = {n: g.T if rows == "units" and n[1] == "W" else g for n, g in grads.items()}
        given = {n: a.T if rows == "units" and n[0] == "W" else a for n, a in net.items()}
        assert_matches(now, {**given, **shown, "out_h": h if samples > 1 else h[0]})
        assert_matches(now, {"out_o": p if samples > 1 else p[0]})
        with pytest.raises(AssertionError, match=r"W2"):
            assert_matches(now, {"dW2": shown["dW2"] + 0.001})
        net = {name: a - 0.3 * grads[f"d{name}"] for name, a in net.items()}


def test_classes_by_number_and_lists_in_place_of_arrays():
    w, b, x = [[0.1, -0.2, 0.3], [0.5, 0.25, -0.75]], [[0.1, 0.2, 0.3]], [[1, 2], [3, -1]]
    settings = {"activations": ["softmax"], "loss": "cross-entropy"}
    s = tracer.from_arrays({"W1": w, "b1": b}, x, [2, 0], **settings)
    other = tracer.from_arrays(
        {"W1": np.array(w), "b1": np.array(b)}, np.array(x), [[0, 0, 1], [1, 0, 0]], **settings
    )
    assert s.to_toml() == other.to_toml()
    z = np.array(x) @ np.array(w) + np.array(b)
    chosen = z[[0, 1], [2, 0]] - np.log(np.exp(z).sum(1))
    assert -chosen.sum() == pytest.approx(tracer.trace(s).at(0)["E"], rel=1e-12)
    alone = tracer.from_arrays({"W1": w}, x[0], 2, **settings)
    assert "t[3]" in alone.numbers


def test_a_bias_for_all_units_and_none_at_all():
    w = {"W1": [[0.5, -1.0]], "W2": [[1.0], [2.0], [0.5]], "b1": 0.25}
    s = tracer.from_arrays(w, [2.0, 1.0], [1, 0, 0], activations=["tanh", "identity"])
    t = tracer.trace(s)
    h = np.tanh(0.5 * 2 - 1 + 0.25)
    assert np.tanh(0.25) == pytest.approx(t.at(0)["out_h1"], rel=1e-15) == h
    assert [h, 2 * h, h / 2] == pytest.approx([t.at(0)[f"out_o{k}"] for k in (1, 2, 3)])


@pytest.mark.parametrize("optimizer", ["adam", {"kind": "adam", "beta1": 0.8, "epsilon": 1e-6}])
def test_arrays_with_an_optimizer(optimizer):
    """Adam as Kingma and Ba (2015) have it, in a loop."""
    w, x, t = np.array([[0.3, -0.2]]), np.array([1.0, 2.0]), np.array([0.5])
    s = tracer.from_arrays(
        {"W1": w}, x, t, activations=["identity"], optimizer=optimizer, learning_rate=0.05
    )
    own = optimizer if isinstance(optimizer, dict) else {}
    beta, epsilon = own.get("beta1", 0.9), own.get("epsilon", 1e-8)
    trace, m, v = tracer.trace(s, iterations=2), 0, 0
    for k in range(3):
        g = np.outer(w @ x - t, x)
        assert_matches(trace.at(k), {"W1": w, "dW1": g})
        m, v = beta * m + (1 - beta) * g, 0.999 * v + 0.001 * g**2
        corrected = m / (1 - beta ** (k + 1)), v / (1 - 0.999 ** (k + 1))
        w = w - 0.05 * corrected[0] / (np.sqrt(corrected[1]) + epsilon)


W2X3, ONE = np.ones((2, 3)), {"activations": ["relu"]}


@pytest.mark.parametrize(
    ("args", "settings", "says"),
    [
        (({"W1": np.eye(2)}, [1, 2], [1, 2]), ONE, "W1 is square; say rows='units'"),
        (({"W1": np.eye(2)}, [1, 2], [1, 2]), {**ONE, "rows": "cols"}, "rows='cols'; expected"),
        (({"W1": W2X3}, [1, 2], [1]), {**ONE, "rows": "units"}, "W1 is 2 × 3, which with rows of"),
        (({"W1": W2X3}, [1] * 4, [1]), ONE, "W1 is 2 × 3, which does not fit 4 inputs; x is 4"),
        (({"W1": W2X3}, np.ones((3, 5)), [1]), ONE, "does not fit 5 inputs.*3 × 5; pass x.T?"),
        (({"W1": [1, 2]}, [1, 2], [1]), ONE, "W1 is 2; expected a matrix"),
        (({"W1": W2X3, "b1": [1, 2]}, [1, 2], [1]), ONE, "b1 has 2 numbers for the 3 units of W1"),
        (({"W1": W2X3, "W2": W2X3}, [1, 2], [1]), ONE, "no parameter 'W2'; there is one"),
        (({"w1": W2X3}, [1, 2], [1]), ONE, "no parameter 'w1'; did you mean 'W1'"),
        (({"b1": [1]}, [1, 2], [1]), ONE, "W1 is missing"),
        (({"W1": [[1, 2], [3]]}, [1, 2], [1]), ONE, "W1: expected numbers, found rows of"),
        (({"W1": W2X3 * np.inf}, [1, 2], [1]), ONE, "W1: holds a number that is not finite"),
        (({"W1": {}}, [1, 2], [1]), ONE, "W1: expected numbers, found a dict"),
        ((W2X3, [1, 2], [1]), ONE, "expected arrays by name.*found a ndarray"),
        (({"W1": W2X3}, [1, 2], [1]), ONE, "target is 1, the outputs are 3"),
        (({"W1": W2X3}, np.ones((4, 2)), np.ones((3, 4))), ONE, "target is 3 × 4, the outputs"),
        (({"W1": W2X3}, [1, 2], [1]), {"activations": "relu"}, "'relu'; expected a list"),
        (({"W1": W2X3}, [1, 2], [1]), {"activations": []}, "expected a list"),
        (
            ({"W1": W2X3}, [1, 2], 3),
            {"activations": ["softmax"], "loss": "cross-entropy"},
            "target: no class 3; there are 0 to 2",
        ),
    ],
)  # fmt: skip
def test_arrays_that_do_not_fit_are_told_by_name(args, settings, says):
    with pytest.raises(UsageError, match=says) as told:
        tracer.from_arrays(*args, **settings)
    assert str(told.value).startswith("from_arrays: ")
    assert "\n" not in str(told.value)


def test_what_no_scenario_has_is_told_as_there():
    with pytest.raises(ScenarioError, match="no 'rely'; did you mean 'relu'"):
        tracer.from_arrays({"W1": W2X3}, [1, 2], [1, 1, 1], activations=["rely"])
    with pytest.raises(ScenarioError, match="loss: no 'square error'; did you mean 'squared err"):
        tracer.from_arrays({"W1": W2X3}, [1, 2], [1, 1, 1], **ONE, loss="square error")
    with pytest.raises(ScenarioError, match=r"optimizer\.beta: unknown key; did you mean 'beta"):
        tracer.from_arrays(
            {"W1": W2X3}, [1, 2], [1, 1, 1], **ONE, optimizer={"kind": "adam", "beta": 0.9}
        )


def test_both_say_what_they_take():
    for function in (tracer.from_torch, tracer.from_arrays):
        assert function.__name__ in tracer.__all__
        text = function.__doc__
        assert f"tracer.{function.__name__}(" in text
        assert max(map(len, text.splitlines())) <= 100
