"""One program in several arithmetics: each against a computation of its own."""

from __future__ import annotations

import math
import struct
from contextlib import suppress
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction

import jsonschema
import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from promptly import promptly

import tracer
from tracer import conventions, courses, evaluate, run
from tracer.arithmetic import COLUMNS, FLOAT, Machine, Precise, apply
from tracer.conventions import implicit
from tracer.course import Course
from tracer.errors import NotFinite, ScenarioError
from tracer.exact import DECIMAL, decimal_context, digits_arithmetic
from tracer.ledger import Verdict
from tracer.numbers import Digits
from tracer.parsing import parse
from tracer.scenario import Scenario, json_schema, read

NET = """
title = "two layers"
[conventions]
{more}
[givens.All]
x1 = {x[0]}
x2 = {x[1]}
W = [[{w[0]}, {w[1]}], [{w[2]}, {w[3]}]]
V = [[{v[0]}, {v[1]}], [{v[2]}, {v[3]}]]
b = {b[0]}
c = {b[1]}
t1 = 0.01
t2 = 0.99
eta = 0.5
[network]
inputs = ["x1", "x2"]
targets = ["t1", "t2"]
[[network.layers]]
weights = "W"
bias = "b"
activation = "{activation}"
net = "z{{j}}"
out = "a{{j}}"
[[network.layers]]
weights = "V"
bias = "c"
activation = "sigmoid"
net = "y{{k}}"
out = "o{{k}}"
[readings.single]
arithmetic = "float32"
"""


def numbers(seed: int) -> dict[str, list[str]]:
    """Inputs, weights and biases as a scenario states them, six digits each."""
    chance = np.random.default_rng(seed)
    sizes = {"x": 2, "w": 4, "v": 4, "b": 2}
    return {k: [f"{n:.6f}" for n in chance.normal(0, 1, size)] for k, size in sizes.items()}


def net(seed: int, more: str = "", activation: str = "sigmoid", after: str = "") -> Scenario:
    text = NET.format(more=f'biases = "frozen"\n{more}', activation=activation, **numbers(seed))
    return read(text + after, "net.toml", "net")


# ---- float32 ---------------------------------------------------------------------------

SINGLE = 'arithmetic = "float32"'


def single(x: float) -> np.float32:
    """Rounded to float32 by `struct`, which is not how numpy does it."""
    return np.float32(struct.unpack("f", struct.pack("f", x))[0])


def exp32(x: np.float32) -> np.float32:
    return single(math.exp(float(x)))


def by_numpy(seed: int, updates: int, activation: str) -> dict[str, np.float32]:
    """A 2-2-2 net in numpy's float32 scalars, in the order in which it is printed."""
    f = np.float32
    one, two, half = f(1), f(2), f(0.5)
    n = {key: [single(float(v)) for v in values] for key, values in numbers(seed).items()}
    x, w, v, (b, c) = n["x"], n["w"], n["v"], n["b"]
    t, eta = (single(0.01), single(0.99)), half

    def sigmoid(z: np.float32) -> np.float32:
        return one / (one + exp32(-z))

    for k in range(updates + 1):
        z = [w[2 * j] * x[0] + w[2 * j + 1] * x[1] + b for j in (0, 1)]
        tanh = activation == "tanh"
        a = [single(math.tanh(float(q))) if tanh else sigmoid(q) for q in z]
        y = [v[2 * j] * a[0] + v[2 * j + 1] * a[1] + c for j in (0, 1)]
        o = [sigmoid(q) for q in y]
        e = [one / two * ((t[j] - o[j]) * (t[j] - o[j])) for j in (0, 1)]
        at_o = [-(t[j] - o[j]) for j in (0, 1)]
        slope = [o[j] * (one - o[j]) for j in (0, 1)]
        at_y = [at_o[j] * slope[j] for j in (0, 1)]
        at_a = [at_y[0] * v[i] + at_y[1] * v[2 + i] for i in (0, 1)]
        local = [one - q * q if tanh else q * (one - q) for q in a]
        dv = [at_o[j] * slope[j] * a[i] for j in (0, 1) for i in (0, 1)]
        dw = [at_a[j] * local[j] * x[i] for j in (0, 1) for i in (0, 1)]
        found = {"E": e[0] + e[1], "z1": z[0], "a2": a[1], "o1": o[0], "V[2,1]": v[2]}
        found |= {"W[1,2]": w[1], "dE/dV[1,2]": dv[1], "dE/dW[2,1]": dw[2]}
        if k < updates:
            v = [p - eta * d for p, d in zip(v, dv, strict=True)]
            w = [p - eta * d for p, d in zip(w, dw, strict=True)]
    return found


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("updates", [0, 1, 100])
def test_float32_is_what_numpy_gives_in_float32(seed: int, updates: int, activation: str) -> None:
    """Bit for bit, after 100 updates too."""
    expected = by_numpy(seed, updates, activation)
    t = run.trace(net(seed, SINGLE, activation), iterations=updates, record="last")
    assert {name: float(value) for name, value in expected.items()} == {
        name: t[name] for name in expected
    }


@pytest.mark.parametrize("seed", range(6))
def test_float32_is_what_pytorch_gives(seed: int) -> None:
    """To a few units of the last place: its exp and its order of additions are its own."""
    torch = pytest.importorskip("torch")
    n = {k: torch.tensor([float(x) for x in xs]) for k, xs in numbers(seed).items()}
    w, v = n["w"].reshape(2, 2).requires_grad_(), n["v"].reshape(2, 2).requires_grad_()
    assert w.dtype == torch.float32
    target = torch.tensor([0.01, 0.99])
    error = None
    for _ in range(21):
        hidden = torch.sigmoid(w @ n["x"] + n["b"][0])
        error = ((target - torch.sigmoid(v @ hidden + n["b"][1])) ** 2).sum() / 2
        by_w, by_v = torch.autograd.grad(error, (w, v))
        with torch.no_grad():
            w, v = (w - 0.5 * by_w).requires_grad_(), (v - 0.5 * by_v).requires_grad_()
    t = run.trace(net(seed, SINGLE), iterations=20, record="last")
    assert error is not None
    assert error.item() == pytest.approx(t["E"], rel=3e-6)
    assert w.flatten().tolist() == pytest.approx(
        [t[f"W[{i},{j}]+"] for i in (1, 2) for j in (1, 2)], rel=3e-6
    )


@given(st.floats(width=32, min_value=-80, max_value=80))
def test_exp_of_a_float32_is_the_nearest_float32(x: float) -> None:
    """Against 60 digits: half a unit in the last place, and a little for the float64 between."""
    how = digits_arithmetic(60)
    exact = how.calls["exp"](how.number(str(Decimal(x))))
    _, arithmetic = evaluate.MACHINES[Machine.FLOAT32]
    found = apply(parse("e^x"), {"x": np.float32(x)}, arithmetic)
    assert np.float32 is type(found)
    assert abs(float(found) - float(exact)) <= np.spacing(found) * (0.5 + 1e-7)


def test_constants_of_a_formula_are_float32_too() -> None:
    """In float64 0.1/0.3·x would be rounded once, here it is three times."""
    f = np.float32
    _, arithmetic = evaluate.MACHINES[Machine.FLOAT32]
    differ = 0
    for k in range(1, 200):
        x = f(k) / f(7)
        found = apply(parse("0.1/0.3*x"), {"x": x}, arithmetic)
        assert f(0.1) / f(0.3) * x == found
        differ += found != f(0.1 / 0.3 * float(x))
    assert differ > 10


BATCH = """
title = "batch"
[conventions]
{more}
reduction = "mean"
[givens.All]
w = 0.3
eta = 0.1
[samples.training]
columns = ["x", "t"]
rows = {rows}
[formulas]
y = "w*x + tanh(x)"
E = "(t - y)^2/10"
"""


@pytest.mark.parametrize("size", [0, 1, 3])
@pytest.mark.parametrize("samples", [6, 90])
def test_float32_feeds_batches_and_rows(samples: int, size: int) -> None:
    """Sums over a batch are float32: one after the other, or numpy's pairwise where it is long."""
    f = np.float32
    chance = np.random.default_rng(samples)
    rows = [[float(f"{v:.4f}") for v in row] for row in chance.normal(0, 1, (samples, 2))]
    fed = f"batch_size = {size}" if size else ""
    s = read(BATCH.format(more=f"{SINGLE}\n{fed}", rows=rows), "batch.toml", "batch")
    t = run.trace(s, iterations=9)
    x, target = (np.array(rows).astype(f)[:, k] for k in (0, 1))
    size = size or samples
    w = f(0.3)

    def mean(column: np.ndarray) -> np.float32:
        found = column.sum() if size > 64 else np.add.accumulate(column)[-1]
        return found / f(size)

    for k in range(10):
        chosen = [(k * size + i) % (samples // size * size) for i in range(size)]
        xs, ts = x[chosen], target[chosen]
        y = w * xs + np.array([single(math.tanh(float(v))) for v in xs])
        gap = ts - y
        slopes = -gap / f(5) * xs
        assert float(w) == t.at(k)["w"]
        assert float(mean(gap * gap / f(10))) == t.at(k)["E"], k
        w = w - f(0.1) * mean(slopes)


@pytest.mark.parametrize("record", ["all", "last", 50])
def test_what_float32_records_are_float32_numbers(record: str | int) -> None:
    t = run.trace(net(1, SINGLE), iterations=200, record=record)
    assert np.float64 == t.data.batch.dtype
    assert np.array_equal(t.data.batch, t.data.batch.astype(np.float32).astype(np.float64))
    assert not np.array_equal(t.data.batch, run.trace(net(1), iterations=200, record=record).data)


def test_passes_of_float32_that_are_not_recorded_leave_the_others_the_same() -> None:
    every = run.trace(net(2, SINGLE), iterations=60)
    last = run.trace(net(2, SINGLE), iterations=60, record="last")
    assert np.array_equal(every.at(60).values, last.values)


def test_a_given_that_fits_no_float32_is_told() -> None:
    s = read(
        f'title = "q"\n[conventions]\n{SINGLE}\n[givens.All]\nx = 1e39\n[formulas]\ny = "1/x"\n',
        "q.toml", "q",
    )  # fmt: skip
    for only in (None, ["y"]):
        with pytest.raises(NotFinite, match=r"^q\.toml: x is given and does not fit a float32$"):
            run.trace(s, only=only)


def test_a_square_too_large_for_a_float32_is_an_overflow() -> None:
    s = read(
        f'title = "q"\n[conventions]\n{SINGLE}\n[givens.All]\nx = 1e20\n[formulas]\ny = "x^2"\n',
        "q.toml", "q",
    )  # fmt: skip
    with pytest.raises(NotFinite, match=r"y at iteration 0: overflow in x\^2 with x = 1e\+20"):
        run.trace(s)


# ---- digits ----------------------------------------------------------------------------


def by_mpmath(seed: int, updates: int, digits: int) -> dict[str, float]:
    """The sigmoid net at 50 digits or more, with the functions of mpmath."""
    with mpmath.workdps(digits):
        n = {k: [mpmath.mpf(x) for x in xs] for k, xs in numbers(seed).items()}
        x = mpmath.matrix(n["x"])
        w = mpmath.matrix([n["w"][:2], n["w"][2:]])
        v = mpmath.matrix([n["v"][:2], n["v"][2:]])
        b, c = n["b"]
        t = mpmath.matrix(["0.01", "0.99"])
        for k in range(updates + 1):
            a = (w * x + mpmath.ones(2, 1) * b).apply(_logistic)
            o = (v * a + mpmath.ones(2, 1) * c).apply(_logistic)
            error = sum((t[j] - o[j]) ** 2 for j in (0, 1)) / 2
            at_y = mpmath.matrix([(o[j] - t[j]) * o[j] * (1 - o[j]) for j in (0, 1)])
            back = v.T * at_y
            at_z = mpmath.matrix([back[j] * a[j] * (1 - a[j]) for j in (0, 1)])
            found = {"E": error, "o2": o[1], "V[1,2]": v[0, 1], "W[2,2]": w[1, 1]}
            if k < updates:
                v, w = v - at_y * a.T / 2, w - at_z * x.T / 2
        return {name: float(value) for name, value in found.items()}


def _logistic(z: mpmath.mpf) -> mpmath.mpf:
    return (1 + mpmath.tanh(z / 2)) / 2


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("digits", [25, 50, 100])
def test_many_digits_give_every_bit_of_a_float64(seed: int, digits: int) -> None:
    """Computed in another order and with another formula; rounded to float64 it is the same."""
    expected = by_mpmath(seed, 30, 60)
    t = run.trace(net(seed, f"arithmetic = {digits}"), iterations=30, record="last")
    assert expected == {name: t[name] for name in expected}


def test_few_digits_are_few_at_every_operation() -> None:
    """1/3 + 1/3 + 1/3 - 1: exact rounding of each operation to p bits, here with fractions."""
    for digits in range(1, 40):
        how = digits_arithmetic(digits)
        bits = max(1, round((digits + 1) * math.log2(10)))
        third = _to_bits(Fraction(1, 3), bits)
        two = _to_bits(third + third, bits)
        expected = _to_bits(_to_bits(two + third, bits) - 1, bits)
        found = apply(parse("1/x + 1/x + 1/x - 1"), {"x": how.number("3")}, how)
        assert expected == _exactly(found), digits


def _exactly(x: mpmath.mpf) -> Fraction:
    sign, mantissa, exponent, _ = x._mpf_
    return (-1) ** sign * int(mantissa) * Fraction(2) ** exponent


def _to_bits(value: Fraction, bits: int) -> Fraction:
    """The nearest number with so many bits, half to even."""
    if not value:
        return value
    exponent = math.frexp(value)[1] - bits
    return Fraction(round(value / Fraction(2) ** exponent)) * Fraction(2) ** exponent


@given(st.integers(1, 15), st.data())
def test_what_is_written_with_n_digits_is_kept_by_n_digits(
    digits: int, data: st.DataObject
) -> None:
    written = Decimal(data.draw(st.integers(1, 10**digits - 1))).scaleb(
        data.draw(st.integers(-9, 9))
    )
    x = digits_arithmetic(digits).number(str(written))
    assert written == Decimal(f"{float(x):.{digits - 1}e}")


def test_a_sum_that_float64_loses_is_kept_by_more_digits() -> None:
    """1e16 + 1 - 1e16 is 0 in float64; at 16 digits 1e16 + 1 still has its 1, at 12 not."""
    text = 'title = "q"\n[givens.All]\nx = 10000000000000000\ny = 1\n[formulas]\nz = "x + y - x"\n'
    s = read(text, "q.toml", "q")
    found = {r: tracer.trace(s, reading=r)["z"] for r in ("float64", "12 digits", "17 digits")}
    assert {"float64": 0.0, "12 digits": 0.0, "17 digits": 1.0} == found


@pytest.mark.parametrize(
    "formula", ["ln(x)", "sqrt(x)", "x^0.5", "1/(x + 1)", "(x + 1)^(-2)", "0/(x + 1)", "ln(x + 1)"]
)
def test_what_floats_refuse_digits_refuse(formula: str) -> None:
    """Also where mpmath would go on with a complex number or an infinity."""
    with pytest.raises((ValueError, ArithmeticError)):
        apply(parse(formula), {"x": -1.0}, FLOAT)
    how = digits_arithmetic(30)
    with pytest.raises((ValueError, ArithmeticError)):
        apply(parse(formula), {"x": how.number("-1")}, how)


@pytest.mark.parametrize("formula", ["e^(e^(e^x))", "x^(x^(x^x))", "1/(e^(e^(-x)) - 1)"])
def test_towers_of_powers_end_at_once(formula: str) -> None:
    """mpmath has no largest number, and would look for one."""
    how = digits_arithmetic(30)
    with pytest.raises(ArithmeticError):
        apply(parse(formula), {"x": how.number("100000")}, how)


def test_digits_of_other_contexts_are_not_touched() -> None:
    before = mpmath.mp.dps
    run.trace(net(1, "arithmetic = 7"), iterations=1)
    assert before == mpmath.mp.dps


# ---- half to even ----------------------------------------------------------------------


def test_a_run_rounded_half_to_even() -> None:
    """0.125 → 0.12, 0.375 → 0.38: products of 0.25, each rounded to two places."""
    text = 'title = "q"\n[givens.All]\nx = 0.25\n' + "".join(
        f"k{k} = {k * 0.5}\n" for k in range(-9, 10)
    ).replace("k-", "n")
    names = [f"k{k}" for k in range(10)] + [f"n{k}" for k in range(1, 10)]
    lines = "".join(f'y{name} = "x*{name}"\n' for name in names)
    total = "+".join(f"y{name}" for name in names)
    s = read(
        f'{text}[formulas]\n{lines}E = "{total}"\n[readings."even"]\n'
        'rounding = { decimals = 2, mode = "half even" }\n', "q.toml", "q",
    )  # fmt: skip
    t = tracer.trace(s, reading="even")
    for name in names:
        half = Decimal(name[1:]) / 2 * (-1 if name[0] == "n" else 1)
        exact = half * Decimal("0.25")
        expected = exact.quantize(Decimal("0.01"), rounding=ROUND_HALF_EVEN)
        assert float(expected) == t[f"y{name}"]


# ---- readings that need no definition --------------------------------------------------


@pytest.mark.parametrize(
    ("how", "name"),
    [
        (Machine.FLOAT64, "float64"),
        (Machine.FLOAT32, "float32"),
        (Precise(30), "30 digits"),
        (Precise(1), "1 digit"),
        (Precise(100), "100 digits"),
        (Digits(4), "rounded to 4 decimals"),
        (Digits(0), "rounded to 0 decimals"),
        (Digits(1), "rounded to 1 decimal"),
        (Digits(None, 3), "rounded to 3 significant digits"),
        (Digits(4, None, "truncate"), "cut to 4 decimals"),
        (Digits(None, 4, "truncate"), "cut to 4 significant digits"),
    ],
)
@pytest.mark.parametrize("own", ["", SINGLE, "rounding = { decimals = 2 }"])
def test_a_name_that_says_it_all_is_a_reading(how: object, name: str, own: str) -> None:
    """Also of a scenario that states another arithmetic itself: the reading replaces it."""
    s = net(1, own)
    assert how == s.under(name).conventions.how
    assert s.reading(name).says
    assert (name, how) == (tracer.trace(s, reading=name).reading, s.under(name).conventions.how)


@pytest.mark.parametrize(
    "name",
    [
        "", "float16", "float", "0 digits", "101 digits", "04 digits", "4 digit", "1 decimals",
        "rounded to 16 decimals", "rounded to 0 significant digits", "cut to four decimals",
        "rounded to -1 decimals", "rounded to 4 decimals ", "Float32", "9" * 5000 + " digits",
        "rounded to 4.5 decimals", "{digits}", "rounded to ４ decimals",
    ],
)  # fmt: skip
def test_a_name_that_does_not_is_none(name: str) -> None:
    assert implicit(name) is None


def test_an_unknown_reading_gets_the_nearest_spelling() -> None:
    for close, name in (
        ("float32", "flaot32"), ("rounded to 7 decimals", "round to 7 decimals"),
        ("single", "singel"), ("rounded to 4 decimals", "rounded to four decimals"),
    ):  # fmt: skip
        with pytest.raises(ScenarioError) as wrong:
            net(1).under(name)
        assert f"net.toml: no reading {name!r}; did you mean {close!r}?" == str(wrong.value)


def test_a_reading_of_the_scenarios_own_wins() -> None:
    s = net(1, after='[readings."float32"]\nsays = "as it is"\nrounding = { decimals = 3 }\n')
    assert Digits(3) == s.under("float32").conventions.how
    assert "as it is" == s.reading("float32").says


def test_no_rounding_leaves_the_arithmetic_as_it_is() -> None:
    s = net(1, SINGLE, after='[readings.plain]\nrounding = "none"\n')
    assert Machine.FLOAT32 is s.under("plain").conventions.how


def test_every_implicit_reading_has_a_place_of_its_own() -> None:
    assert len(conventions._IMPLICIT) == len(conventions._stated(""))


@pytest.mark.parametrize("table", [
    {"arithmetic": "float32"}, {"arithmetic": 30}, {"arithmetic": {"digits": 30}},
    {"rounding": {"decimals": 4, "mode": "half even"}},
])  # fmt: skip
def test_the_schema_accepts_every_arithmetic(table: dict[str, object]) -> None:
    jsonschema.validate({"title": "q", "conventions": table}, json_schema())


@pytest.mark.parametrize("table", [
    {"arithmetic": "float16"}, {"arithmetic": 0}, {"arithmetic": {"digits": 101}},
    {"arithmetic": {}}, {"rounding": {"decimals": 4, "mode": "even"}},
    {"rounding": {"decimals": 4, "truncate": True}},
])  # fmt: skip
def test_the_schema_refuses_what_is_none(table: dict[str, object]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"title": "q", "conventions": table}, json_schema())


# ---- the ledger ------------------------------------------------------------------------

#: numpy's float32 gives the first three: 16777216 + 1 is 16777216 there, the next float32 is
#: 16777218. The last two come out in double precision.
LEDGER = """
title = "sums"
[givens.All]
x = 16777216
y = 1
z = 0.1
[formulas]
s = "x + y"
d = "s - x"
p = "z*3"
E = "d + p"
[published]
s = { printed = 16777216, reading = "float32" }
d = { printed = 0, reading = "float32" }
p = [
  { printed = 0.3, reading = "float32" },
  { printed = 0.30000001192, reading = "float32" },
  { printed = 0.30000001, reading = "float64" },
]
E = [
  1.3,
  { printed = 1.31, reading = "float32" },
  { printed = 4.3, reading = "rounded to 7 significant digits" },
]
"""


def test_a_number_that_only_float32_gives_is_reproduced_under_it() -> None:
    f = np.float32
    assert f(16777216) + f(1) == 16777216
    assert f"{f(0.1) * f(3):.11f}" == "0.30000001192"
    found = tracer.verify(read(LEDGER, "sums.toml", "sums")).numbers
    assert [
        ("s", Verdict.REPRODUCED, "float32"),
        ("d", Verdict.REPRODUCED, "float32"),
        ("p", Verdict.REPRODUCED, None),  # it is 0.3 in double precision too
        ("p", Verdict.REPRODUCED, "float32"),
        ("p", Verdict.DIFFERS, "float64"),
        ("E", Verdict.REPRODUCED, None),
        ("E", Verdict.DIFFERS, "float32"),
        ("E", Verdict.ROUNDED_PATH, "rounded to 7 significant digits"),
    ] == [(n.name, n.verdict, n.under) for n in found]


def test_a_number_of_n_digits_is_reproduced_under_them() -> None:
    text = LEDGER.split("[published]")[0].replace("16777216", "10000000000000000")
    entries = '[published]\nd = { printed = 1.0, reading = "20 digits" }\n'
    (found,) = tracer.verify(read(text + entries, "sums.toml", "sums")).numbers
    assert (Verdict.REPRODUCED, "20 digits", 1.0, 0.0) == (
        found.verdict, found.under, found.value, found.usual,
    )  # fmt: skip


def test_the_page_of_a_ledger_says_what_a_reading_is(tmp_path) -> None:
    path = tmp_path / "sums.toml"
    path.write_text(
        LEDGER.replace('reading = "float64"', 'right = 0.300000000, reason = "r"'), "utf-8"
    )
    s = tracer.load(path)
    page = tracer.render(tracer.trace(s), "md")
    assert "Every operation is rounded to single precision (float32)." in page
    for reading, says in (
        ("float32", "Numbers are computed in single precision (float32)"),
        ("30 digits", "Numbers are computed with every operation rounded to 30 significant digits"),
        ("cut to 3 decimals", "Every intermediate value is cut off to 3 decimals"),
    ):
        assert says in tracer.render(tracer.trace(s, reading=reading), "md")


def test_last_bits_of_float64_excuse_nothing_in_float32() -> None:
    text = LEDGER.split("[published]")[0] + (
        '[published]\np = { printed = 0.31, reading = "float32", reproducible = false, '
        'reason = "?" }\n'
    )
    (found,) = tracer.verify(read(text, "sums.toml", "sums")).numbers
    assert Verdict.DIFFERS is found.verdict


def test_replicas_belong_to_float64() -> None:
    for more, has in (("", True), (SINGLE, False), ("arithmetic = 9", False)):
        course = courses.course(net(1, f"{more}\niterations = 3"))
        assert isinstance(course, Course)
        assert has is (course.replicas is not None)


def test_a_run_in_another_arithmetic_stops_where_its_error_is_below() -> None:
    for more in (SINGLE, "arithmetic = 12"):
        errors = run.trace(net(3, more), iterations=40).series("E")
        bound = float(errors[20])
        first = next(k for k, e in enumerate(errors) if e < bound)
        s = net(3, f"{more}\nstop_below = {bound!r}")
        assert first == run.trace(s, iterations=40).recorded[-1]


# ---- functions -------------------------------------------------------------------------

FUNCTIONS = ("sin", "cos", "tan", "tanh", "erf", "log10", "ln", "sqrt", "exp")
_MP = mpmath.MPContext()
_MP.dps = 400


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    "text",
    ["0.5", "3.14159265358979323846264338327950288419716939937511", "1e-30", "1e-300", "12345.678",
     "1.5707963267948966192313216916397514420985846996876", "7e40"],
)  # fmt: skip
def test_functions_of_decimals_and_of_n_digits_are_right_to_the_last_places(
    function: str, text: str
) -> None:
    """Also where all but a few digits cancel, near a multiple of pi."""
    if function == "exp" and text == "7e40":
        text = "-700"
    with localcontext(decimal_context()):
        by_hand = str(apply(parse(f"{function}(x)"), {"x": Decimal(text)}, DECIMAL))
    how = digits_arithmetic(45)
    x = how.number(text)
    precise = apply(parse(f"{function}(x)"), {"x": x}, how)
    for found, at in ((by_hand, _MP.mpf(text)), (precise, _MP.mpf(x))):
        expected = getattr(_MP, function)(at)
        assert abs(_MP.mpf(found) - expected) <= abs(expected) * _MP.mpf("1e-44")


@pytest.mark.parametrize("function", ["sin", "cos", "tan", "tanh", "erf", "abs", "sign"])
@pytest.mark.parametrize("text", ["1e3000000", "-1e3000000", "1e-3000000", "1e-99999999999"])
def test_a_function_of_a_number_beyond_all_sense_ends_at_once(function: str, text: str) -> None:
    e, how = parse(f"{function}(x)"), digits_arithmetic(30)
    ten, exponent = how.number("10"), how.number(text.partition("e")[2])
    for x, arithmetic in ((Decimal(text), DECIMAL), (how.power(ten, exponent), how)):
        with promptly(), localcontext(decimal_context()), suppress(OverflowError):
            apply(e, {"x": x}, arithmetic)


def test_pi_is_written_in_every_arithmetic() -> None:
    e = parse("pi()")
    assert math.pi == apply(e, {}, FLOAT)
    for machine, (floats, arithmetic) in evaluate.MACHINES.items():
        assert floats(math.pi) == apply(e, {}, arithmetic), machine
    with localcontext(decimal_context()):
        assert Decimal("3.1415926535897932384626433832795028841971693993751") == apply(
            e, {}, DECIMAL
        )


@given(
    st.lists(
        st.sampled_from([0.0, -0.0, 1.0, -1.0, 2.5]) | st.floats(-3, 3), min_size=3, max_size=3
    )
)
def test_the_first_of_several_is_one_in_every_arithmetic(x: list[float]) -> None:
    """max is the one that is picked; exactly one is."""
    for function, pick, best in (("max", "picked", max(x)), ("min", "picked_min", min(x))):
        first = x.index(best)
        texts = [f"{function}(a, b, c)", *(f"{pick}({k}, a, b, c)" for k in (1, 2, 3))]
        expected = [best, *(float(k == first) for k in range(3))]
        for made, arithmetic in (
            (float, FLOAT),
            (lambda v: np.array([v]), COLUMNS),
            (lambda v: Decimal(repr(v)), DECIMAL),
            (lambda v: digits_arithmetic(30).number(repr(v)), digits_arithmetic(30)),
        ):
            env = {name: made(v) for name, v in zip("abc", x, strict=True)}
            found = [apply(parse(text), env, arithmetic) for text in texts]
            assert expected == [float(np.ravel(v)[0]) if made is not float else v for v in found]
