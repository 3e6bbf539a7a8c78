"""Drawn numbers: the digits sources print, the generators' own calls, and what is refused."""

from __future__ import annotations

import random

import numpy as np
import pytest
from promptly import promptly

from tracer.draws import MAX_NUMBERS, Draw, drawn, functions, generators, parameters
from tracer.errors import TooLarge, TracerError, UsageError

LEGACY, NEW, PYTHON = "numpy.random.seed", "numpy.random.default_rng", "random"
#: Parameters that no function has by default, in the order numpy takes them.
STATED = {"low": -3.0, "high": 11.0, "mean": 2.5, "deviation": 0.75}


# ---- published digits ------------------------------------------------------------------


def test_seed_4_gives_the_numbers_that_were_published():
    """X, Y of `np.random.seed(4); np.random.rand(10000, 2)`, then two layers of weights."""
    found = drawn(
        LEGACY,
        4,
        [
            Draw("X", "rand", (10_000, 2)),
            Draw("W1", "randn", (2, 3)),
            Draw("W2", "randn", (3, 1)),
            Draw("x", "rand", (1, 2)),
        ],
    )
    assert [".96702984", ".54723225"] == printed(found["X"][0])
    assert [".97268436", ".71481599"] == printed(found["X"][1])
    assert [".07088040", ".09866774"] == printed(found["X"][-1])
    assert [".34941852", ".30649525"] == printed(found["x"][0])
    assert {"X": (10_000, 2), "W1": (2, 3), "W2": (3, 1), "x": (1, 2)} == {
        name: values.shape for name, values in found.items()
    }


def test_seed_0_starts_with_the_numbers_that_many_pages_print():
    """`np.random.seed(0); np.random.rand()` and `random.seed(0); random.random()`."""
    assert [".54881350"] == printed(drawn(LEGACY, 0, [Draw("x", "rand", (1,))])["x"])
    assert [".84442185"] == printed(drawn(PYTHON, 0, [Draw("x", "random", (1,))])["x"])


def printed(row: np.ndarray) -> list[str]:
    return [f"{x:.8f}".removeprefix("0") for x in row]


# ---- the generators' own calls ---------------------------------------------------------

_LEGACY_CALLS = {
    "rand": lambda r, shape: r.rand(*shape),
    "randn": lambda r, shape: r.randn(*shape),
    "random": lambda r, shape: r.random(shape),
    "random_sample": lambda r, shape: r.random_sample(shape),
    "uniform": lambda r, shape: r.uniform(-3.0, 11.0, shape),
    "normal": lambda r, shape: r.normal(2.5, 0.75, shape),
    "standard_normal": lambda r, shape: r.standard_normal(shape),
    "randint": lambda r, shape: r.randint(-3, 11, shape),
}
_NEW_CALLS = {
    "random": lambda r, shape: r.random(shape),
    "uniform": lambda r, shape: r.uniform(-3.0, 11.0, shape),
    "normal": lambda r, shape: r.normal(2.5, 0.75, shape),
    "standard_normal": lambda r, shape: r.standard_normal(shape),
    "integers": lambda r, shape: r.integers(-3, 11, shape),
}
_PYTHON_CALLS = {
    "random": lambda r: r.random(),
    "uniform": lambda r: r.uniform(-3.0, 11.0),
    "gauss": lambda r: r.gauss(2.5, 0.75),
    "normalvariate": lambda r: r.normalvariate(2.5, 0.75),
    "randint": lambda r: r.randint(-3, 11),
}
CALLS = {LEGACY: _LEGACY_CALLS, NEW: _NEW_CALLS, PYTHON: _PYTHON_CALLS}
EVERY = [(generator, function) for generator, known in CALLS.items() for function in known]


def stated(generator: str, name: str, function: str, shape: tuple[int, ...]) -> Draw:
    """A draw with every parameter its function takes."""
    return Draw(name, function, shape, **{p: STATED[p] for p in parameters(generator, function)})


def started(generator: str, seed: int):
    starts = {LEGACY: np.random.RandomState, NEW: np.random.default_rng, PYTHON: random.Random}
    return starts[generator](seed)


def called(generator: str, stream, function: str, shape: tuple[int, ...]) -> np.ndarray:
    call = CALLS[generator][function]
    if generator != PYTHON:
        return np.array(call(stream, shape), np.float64)
    found = np.empty(shape)
    for place in np.ndindex(shape):  # row by row
        found[place] = call(stream)
    return found


def test_there_is_a_call_for_every_function():
    assert tuple(CALLS) == generators()
    assert [tuple(known) for known in CALLS.values()] == [functions(g) for g in generators()]


@pytest.mark.parametrize(("generator", "function"), EVERY)
@pytest.mark.parametrize("shape", [(), (1,), (7,), (3, 5), (2, 1, 3)])
def test_a_function_draws_what_the_generator_itself_gives(generator, function, shape):
    expected = called(generator, started(generator, 42), function, shape)
    found = drawn(generator, 42, [stated(generator, "x", function, shape)])["x"]
    assert (np.float64, shape) == (found.dtype, found.shape)
    assert (expected == found).all()


@pytest.mark.parametrize("generator", CALLS)
def test_all_functions_in_turn_share_one_stream(generator):
    """Odd counts: the second number of a pair of normal ones waits for the next normal draw."""
    order = [*functions(generator), *reversed(functions(generator))]
    shapes = [(3,), (2, 3), (1, 1), (5,)]
    stream = started(generator, 7)
    expected = [
        called(generator, stream, function, shapes[k % 4]) for k, function in enumerate(order)
    ]
    draws = [stated(generator, f"x{k}", f, shapes[k % 4]) for k, f in enumerate(order)]
    found = drawn(generator, 7, draws)
    assert [f"x{k}" for k in range(len(order))] == list(found)
    assert all((a == b).all() for a, b in zip(expected, found.values(), strict=True))


@pytest.mark.parametrize("first", [(2, 3), (3, 1), (1,)])
def test_the_second_of_two_normal_numbers_waits_for_the_next_normal_draw(first):
    """As after `np.random.seed(1)`; the test puts the global state back."""
    before = np.random.get_state()
    np.random.seed(1)
    expected = [
        np.random.randn(*first),
        np.random.randn(3, 1),
        np.random.rand(4),
        np.random.randn(1),
    ]
    np.random.set_state(before)
    names = ("randn", "randn", "rand", "randn")
    shapes = (first, (3, 1), (4,), (1,))
    draws = [Draw(f"x{k}", f, s) for k, (f, s) in enumerate(zip(names, shapes, strict=True))]
    found = drawn(LEGACY, 1, draws).values()
    assert all((a == b).all() for a, b in zip(expected, found, strict=True))


def test_a_parameter_that_is_not_stated_has_numpys_default():
    for generator, function, call in (
        (LEGACY, "uniform", lambda r: r.uniform(size=4)),
        (LEGACY, "normal", lambda r: r.normal(size=4)),
        (LEGACY, "randint", lambda r: r.randint(6, size=4)),
        (NEW, "uniform", lambda r: r.uniform(size=4)),
        (NEW, "integers", lambda r: r.integers(6, size=4)),
    ):
        high = {"high": 6.0} if "int" in function else {}
        found = drawn(generator, 3, [Draw("x", function, (4,), **high)])["x"]
        assert (call(started(generator, 3)) == found).all()


def test_numpy_leaves_the_upper_bound_out_and_python_draws_it():
    bounds = {"low": 0.0, "high": 2.0}
    for generator, function, most in ((LEGACY, "randint", 1), (NEW, "integers", 1),
                                      (PYTHON, "randint", 2)):  # fmt: skip
        found = drawn(generator, 0, [Draw("x", function, (200,), **bounds)])["x"]
        assert set(range(most + 1)) == set(found)


def test_no_global_state_is_read_or_changed():
    np.random.seed(5)
    random.seed(5)
    before = np.random.get_state()[1:3], random.getstate()
    for generator in generators():
        once, again = (drawn(generator, 5, [Draw("x", "random", (3,))])["x"] for _ in range(2))
        assert (once == again).all()
        np.random.rand()
        random.random()
    np.random.seed(5)
    random.seed(5)
    after = np.random.get_state()[1:3], random.getstate()
    assert (before[0][0] == after[0][0]).all()
    assert (before[0][1], before[1]) == (after[0][1], after[1])


@pytest.mark.parametrize(
    ("generator", "seed"),
    [
        (LEGACY, 0),
        (LEGACY, 2**32 - 1),
        (NEW, 0),
        (NEW, 2**128 - 1),
        (PYTHON, -12),
        (PYTHON, 2**100),
    ],
)
def test_a_seed_at_the_end_of_the_range_is_taken(generator, seed):
    expected = started(generator, seed).random()
    assert expected == drawn(generator, seed, [Draw("x", "random")])["x"]


# ---- what is refused -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("says", "generator", "seed", "draw"),
    [
        ("no generator 'numpy.random.sed'; did you mean 'numpy.random.seed'?",
         "numpy.random.sed", 0, Draw("x", "rand")),
        ("no generator 'dice'; expected one of numpy.random.seed, numpy.random.default_rng, random",
         "dice", 0, Draw("x", "rand")),
        ("x: no function 'radn' of numpy.random.seed; did you mean 'randn'?",
         LEGACY, 0, Draw("x", "radn")),
        ("x: no function 'choice' of random; expected one of random, uniform, gauss, "
         "normalvariate, randint", PYTHON, 0, Draw("x", "choice")),
        ("x: no function '__class__' of random; expected one of random, uniform, gauss, "
         "normalvariate, randint", PYTHON, 0, Draw("x", "__class__")),
        ("seed -1: numpy.random.seed takes whole numbers 0 to 4,294,967,295",
         LEGACY, -1, Draw("x", "rand")),
        ("seed 4,294,967,296: numpy.random.seed takes whole numbers 0 to 4,294,967,295",
         LEGACY, 2**32, Draw("x", "rand")),
        ("seed about 2^333: numpy.random.default_rng takes whole numbers 0 to about 2^128",
         NEW, 10**100, Draw("x", "random")),
        ("seed about -2^333: random takes whole numbers about -2^128 to about 2^128",
         PYTHON, -(10**100), Draw("x", "random")),
        ("x: a shape is at most 8 whole numbers of 1 or more",
         LEGACY, 0, Draw("x", "rand", (3, 0))),
        ("x: a shape is at most 8 whole numbers of 1 or more",
         LEGACY, 0, Draw("x", "rand", (-1,))),
        ("x: a shape is at most 8 whole numbers of 1 or more",
         LEGACY, 0, Draw("x", "rand", (1,) * 9)),
        ("x: rand takes no low", LEGACY, 0, Draw("x", "rand", low=0.0)),
        ("x: uniform takes no deviation", PYTHON, 0, Draw("x", "uniform", deviation=1.0)),
        ("x: randint needs high", PYTHON, 0, Draw("x", "randint", low=1.0)),
        ("x: integers needs high", NEW, 0, Draw("x", "integers")),
        ("x: high = 2.5 is no whole number up to 2^53", NEW, 0, Draw("x", "integers", high=2.5)),
        ("x: high = nan is no whole number up to 2^53",
         LEGACY, 0, Draw("x", "randint", high=float("nan"))),
        ("x: low = -1e+30 is no whole number up to 2^53",
         PYTHON, 0, Draw("x", "randint", low=-1e30, high=2.0)),
        ("x: gauss gives numbers that are not finite",
         PYTHON, 0, Draw("x", "gauss", mean=float("inf"))),
        ("x: normal gives numbers that are not finite",
         LEGACY, 0, Draw("x", "normal", (9,), deviation=1e309)),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_in_one_line(says, generator, seed, draw):
    with pytest.raises(UsageError) as refused:
        drawn(generator, seed, [draw])
    assert says == str(refused.value)


@pytest.mark.parametrize(
    ("generator", "draw"),
    [
        (PYTHON, Draw("x", "randint", low=3.0, high=1.0)),
        (LEGACY, Draw("x", "randint", high=0.0)),
        (NEW, Draw("x", "integers", high=0.0)),
        (LEGACY, Draw("x", "normal", deviation=-1.0)),
        (NEW, Draw("x", "normal", deviation=-1.0)),
        (LEGACY, Draw("x", "uniform", low=-1e308, high=1e308)),
    ],
)
def test_what_the_generator_itself_refuses_is_one_line_with_its_words(generator, draw):
    """The words are numpy's and Python's, and differ between their versions."""
    with pytest.raises(UsageError, match=rf"^x: {draw.function}: .+$") as refused:
        drawn(generator, 0, [draw])
    assert str(refused.value).isprintable()


def test_a_name_drawn_twice_is_refused():
    with pytest.raises(UsageError, match=r"^W: drawn twice; what nobody"):
        drawn(LEGACY, 0, [Draw("W", "rand"), Draw("b", "rand"), Draw("W", "randn")])


@pytest.mark.parametrize(
    ("says", "shapes"),
    [
        ("x0: 10,000,001 numbers drawn up to here; at most 10,000,000", [(MAX_NUMBERS + 1,)]),
        ("x1: 10,000,001 numbers drawn up to here; at most 10,000,000", [(MAX_NUMBERS,), ()]),
        ("x0: about 2^479 numbers drawn up to here; at most 10,000,000", [(10**18,) * 8]),
    ],
)
def test_too_many_numbers_are_refused_with_their_size_before_any_is_drawn(says, shapes):
    with promptly(5), pytest.raises(TooLarge) as refused:
        drawn(PYTHON, 0, [Draw(f"x{k}", "gauss", shape) for k, shape in enumerate(shapes)])
    assert says == str(refused.value)


def test_a_function_of_an_unknown_generator_cannot_be_listed():
    with pytest.raises(TracerError, match="did you mean 'random'"):
        functions("randm")
