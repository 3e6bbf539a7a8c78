"""What a formula in index notation comes to on one network: every node a number, exactly.

    Network    sizes, numbers and activation functions; its forward pass in plain loops
    Dual       a number and its derivative, so that a `Partial` is computed, never looked up
    Place      a network, and which unit each index stands for

Nothing here knows the rules that a derivation uses. A derivative ∂u/∂v adds a small ε to v,
lets everything computed from v follow, and takes the factor of ε in u. δ is ∂E/∂z.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from functools import lru_cache
from itertools import pairwise, product
from math import prod
from typing import NamedTuple

from tracer.errors import RuleError
from tracer.indexed.notation import Apply, Expr, Num, Partial, Plus, Power, Sigma, Times, Var, text

PRECISION = 50  # digits of every number


@dataclass(frozen=True, slots=True)
class Dual:
    """value + slope·ε, where ε² is 0; either may hold another ε of its own."""

    value: Number
    slope: Number

    def __add__(self, other: Number) -> Dual:
        if isinstance(other, Dual):
            return Dual(self.value + other.value, self.slope + other.slope)
        return Dual(self.value + other, self.slope)

    def __mul__(self, other: Number) -> Dual:
        if isinstance(other, Dual):
            slope = self.value * other.slope + self.slope * other.value
            return Dual(self.value * other.value, slope)
        return Dual(self.value * other, self.slope * other)

    __radd__, __rmul__ = __add__, __mul__


Number = Decimal | Dual
Function = Callable[[Number], Number]

ZERO, ONE = Decimal(0), Decimal(1)


def slope(number: Number) -> Number:
    """The factor of the outermost ε."""
    return number.slope if isinstance(number, Dual) else ZERO


# ---- activation functions --------------------------------------------------------------


def _exp(x: Number) -> Number:
    if isinstance(x, Dual):
        value = _exp(x.value)
        return Dual(value, value * x.slope)
    return x.exp()


def _reciprocal(x: Number) -> Number:
    if isinstance(x, Dual):
        value = _reciprocal(x.value)
        return Dual(value, value * value * x.slope * -ONE)
    return ONE / x


FUNCTIONS: Mapping[str, Function] = {
    "sigmoid": lambda z: _reciprocal(ONE + _exp(z * -ONE)),
    "tanh": lambda z: ONE + _reciprocal(ONE + _exp(z * Decimal(2))) * Decimal(-2),
    "exp": lambda z: _exp(z * Decimal("0.5")),
    "cubic": lambda z: z * z * z * Decimal("0.25") + z,
}


# ---- networks --------------------------------------------------------------------------


class Key(NamedTuple):
    """One number of a network: w, b, z, a or δ of units in a layer, t of an output, E."""

    base: str
    layer: int = 0
    units: tuple[int, ...] = ()


ERROR = Key("E")


@dataclass(frozen=True, eq=False)
class Network:
    sizes: tuple[int, ...]  # units of every layer, the inputs first
    given: Mapping[Key, Decimal]  # w, b, t, and a of layer 0
    functions: Mapping[tuple[int, int], Function]  # by layer and unit


def random_network(sizes: tuple[int, ...], seed: int, *, by_layer: bool) -> Network:
    """Numbers and functions drawn at random; one function a layer, or one a unit."""
    r, last = random.Random(seed), len(sizes) - 1
    keys = [Key("a", 0, (i,)) for i in range(sizes[0])]
    keys += [Key("t", last, (k,)) for k in range(sizes[-1])]
    for n, (before, here) in enumerate(pairwise(sizes), 1):
        keys += [Key("b", n, (j,)) for j in range(here)]
        keys += [Key("w", n, (i, j)) for i, j in product(range(before), range(here))]
    given = {key: Decimal(r.choice((-1, 1)) * r.uniform(0.3, 1.2)) for key in keys}
    kinds = list(FUNCTIONS.values())
    functions = {
        (n, j): kinds[(seed + n + (0 if by_layer else j)) % len(kinds)]
        for n, size in enumerate(sizes)
        for j in range(size)
    }
    return Network(sizes, given, functions)


@lru_cache(maxsize=1024)
def forward(network: Network, moved: Key | None = None) -> Mapping[Key, Number]:
    """Every number of the forward pass, with ε added to the one that is moved."""
    found: dict[Key, Number] = {}

    def keep(key: Key, value: Number) -> None:
        found[key] = Dual(value, ONE) if key == moved else value

    with localcontext(prec=PRECISION):
        for key, value in network.given.items():
            keep(key, value)
        for n, (before, here) in enumerate(pairwise(network.sizes), 1):
            for j in range(here):
                weights = (found[Key("w", n, (i, j))] for i in range(before))
                inputs = (found[Key("a", n - 1, (i,))] for i in range(before))
                weighted = (a * w for a, w in zip(inputs, weights, strict=True))
                keep(Key("z", n, (j,)), sum(weighted, found[Key("b", n, (j,))]))
                keep(Key("a", n, (j,)), network.functions[n, j](found[Key("z", n, (j,))]))
        last = len(network.sizes) - 1
        units = [(k,) for k in range(network.sizes[-1])]
        gaps = [found[Key("a", last, k)] + found[Key("t", last, k)] * -ONE for k in units]
        keep(ERROR, sum((gap * gap for gap in gaps), ZERO) * Decimal("0.5"))
    return found


# ---- formulas --------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """Where a formula is evaluated."""

    network: Network
    layers: Mapping[str, int]  # {"I": 0, "J": 1, "K": 2} or {"l": 1, "L": 3}
    units: Mapping[str, tuple[int, int]]  # the layer and number an index stands for
    moved: Key | None = None

    def layer(self, name: str) -> int:
        """The number of a layer: 2 for `l+1` where l is 1, 2 for K."""
        number = self.layers[name[0]] + int(name[1:] or 0)
        if not 0 <= number < len(self.network.sizes):
            raise RuleError(f"there is no layer {name}")
        return number

    @property
    def layered(self) -> bool:
        """Whether layers are written: z_j^l and g_l, not z_j and g_j."""
        return "L" in self.layers

    def key(self, v: Var) -> Key:
        """Which number of the network a name means here."""
        if not v.below:
            return Key(v.base)
        found = [self.units[index] for index in v.below]
        *before, (layer, _) = found
        if [n for n, _ in before] != ([layer - 1] if v.base == "w" else []):
            raise RuleError(f"{text(v)}: indices of other layers")
        written = self.layered and v.base != "t"
        if bool(v.layer) != written or (written and self.layer(v.layer) != layer):
            raise RuleError(f"{text(v)}: a unit of another layer")
        return Key(v.base, layer, tuple(number for _, number in found))

    def function(self, v: Var) -> Function:
        """g of a layer, where layers are written, or of a unit; its derivative for g'."""
        if v.base not in ("g", "g'") or len(v.below) != 1:
            raise RuleError(f"{text(v)}: no activation function")
        (index,) = v.below
        g = self.network.functions[(self.layer(index), 0) if self.layered else self.units[index]]
        return g if v.base == "g" else lambda z: slope(g(Dual(z, ONE)))


def each(at: Place, index: str, over: Var) -> Iterator[Place]:
    """The places where an index stands for one unit of a set after the other: K, or N_l."""
    if index in at.units:
        raise RuleError(f"a sum over {index}, which already stands for a unit")
    layer = at.layer(over.below[0] if over.below else over.base)
    for number in range(at.network.sizes[layer]):
        yield replace(at, units={**at.units, index: (layer, number)})


def value(e: Expr, place: Place) -> Decimal:
    """The number of an expression, to 50 digits.

    raises    RuleError for an index that is free or used twice, a name that the network does
              not have, a derivative of a derivative
    """
    try:
        with localcontext(prec=PRECISION):
            found = _value(e, place)
    except KeyError as unknown:
        raise RuleError(f"{text(e)}: nothing is called {unknown.args[0]}") from unknown
    assert isinstance(found, Decimal), found
    return found


def _value(e: Expr, at: Place) -> Number:
    match e:
        case Num(top, bottom):
            return Decimal(top) / bottom
        case Var():
            return _named(at.key(e), at)
        case Apply(function, argument):
            return at.function(function)(_value(argument, at))
        case Plus(terms, minus):
            signs = (Decimal(-1 if m else 1) for m in minus)
            return sum((_value(t, at) * s for t, s in zip(terms, signs, strict=True)), ZERO)
        case Times(factors):
            return prod((_value(f, at) for f in factors), start=ONE)
        case Power(base, exponent):
            return prod([_value(base, at)] * exponent, start=ONE)
        case Sigma(index, over, body):
            return sum((_value(body, place) for place in each(at, index, over)), ZERO)
        case Partial(body, by):
            return slope(_value(body, _moving(at, at.key(by))))


def _named(key: Key, at: Place) -> Number:
    if key.base == "δ":
        z = key._replace(base="z")
        return slope(forward(at.network, _moving(at, z).moved)[ERROR])
    return forward(at.network, at.moved)[key]


def _moving(at: Place, key: Key) -> Place:
    if at.moved:
        raise RuleError("a derivative of a derivative")
    if key not in forward(at.network):
        raise KeyError(key)
    return replace(at, moved=key)
