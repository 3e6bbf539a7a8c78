"""How parameters are updated: for every optimizer its equations, in the order of computation.

w  a parameter     g  its gradient     eta  learning rate

`state` is what the optimizer keeps of every parameter, `shared` what it keeps once for all, each
with its value at the start. An equation for one of them or for w gives its value in the next
pass, which later equations read. Any other left side is a step: one for every parameter, or one
for all where nothing in it belongs to a parameter. `sum(g_i^2)` runs over all parameters.

An optimizer of one's own: `OPTIMIZERS["mine"] = optimizer("mine", "w = w - eta*g")`.

Sources: Polyak (1964), Nesterov (1983) in the forms of Sutskever et al. (2013) and PyTorch; Duchi
et al. (2011); Tieleman, Hinton (2012); Zeiler (2012); Kingma, Ba (2015); Reddi et al. (2018);
Loshchilov, Hutter (2019). Settings that nobody states are those of PyTorch.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from types import MappingProxyType

from tracer.errors import FormulaError, RuleError, nearest
from tracer.expression import EULER, SIZE, Expr, Name, group_of, inside, names, rename
from tracer.parsing import parse, parse_equation
from tracer.rules import Rule

PARAMETER, GRADIENT, RATE = "w", "g", "eta"
AHEAD = "ahead"  # where a gradient is taken, if not at the parameter
ITERATION, SCHEDULED = "k", "eta_k"  # what a schedule counts, from 0, and the rate it gives
CLIP = "clip"  # how large a gradient may be
DECAY = "lambda"
_OURS = (GRADIENT, RATE, AHEAD, EULER, SIZE)  # names that no equation gives a value to

Start = Mapping[str, Decimal]
Settings = Mapping[str, Decimal | None]  # None: whoever uses the optimizer states it


@dataclass(frozen=True)
class Equation:
    """One step of an optimizer."""

    left: str
    rule: Rule
    each: bool  # a step for every parameter, or one for all

    @property
    def over(self) -> bool:
        """Whether it runs over all parameters."""
        return any(map(group_of, names(self.rule.formula)))


@dataclass(frozen=True)
class Optimizer:
    """How parameters are updated."""

    name: str
    equations: tuple[Equation, ...]
    state: Start
    shared: Start
    settings: Settings
    ahead: Rule | None = None

    @property
    def names(self) -> set[str]:
        """All names that its equations read."""
        return {name for e in self.equations for name in names(e.rule.formula)}

    def after(
        self, texts: Sequence[str], called: Mapping[str, str], settings: Collection[str]
    ) -> Optimizer:
        """The optimizer with equations before its own, which read `called` names instead."""
        own = [(e.left, _renamed(e.rule.formula, called)) for e in self.equations]
        pairs = [*map(parse_equation, texts), *own]
        made = _equations(self.name, pairs, self.state, self.shared)
        return replace(self, equations=made, settings={**self.settings, **dict.fromkeys(settings)})


def optimizer(
    name: str,
    *equations: str,
    state: Mapping[str, object] = MappingProxyType({}),
    shared: Mapping[str, object] = MappingProxyType({}),
    settings: Mapping[str, object] = MappingProxyType({}),
    ahead: str = "",
) -> Optimizer:
    """An optimizer from texts.

    state     what is kept of every parameter, with its value at the start
    shared    what is kept once for all parameters
    settings  its further numbers, with the usual values; None for one without
    ahead     where the gradient is taken, if not at w: "w - mu*v"
    raises    RuleError for equations that do not make one
    """
    wrong = next(problems(equations, state, shared, settings, ahead), None)
    if wrong:
        raise RuleError(f"{name}: {wrong}")
    pairs = [parse_equation(text) for text in equations]
    kept, once = _numbers(state), _numbers(shared)
    stated = {k: None if v is None else Decimal(str(v)) for k, v in settings.items()}
    made = _equations(name, pairs, kept, once)
    place = Rule(f"{name}, look-ahead", AHEAD, parse(ahead), {}) if ahead else None
    return Optimizer(name, made, kept, once, stated, place)


def _numbers(values: Mapping[str, object]) -> dict[str, Decimal]:
    return {name: Decimal(str(value)) for name, value in values.items()}


def _renamed(e: Expr, called: Mapping[str, str]) -> Expr:
    def leaf(name: str) -> Expr:
        base = group_of(name)
        return Name(f"{called.get(base, base)}_i" if base else called.get(name, name))

    return rename(e, leaf)


def _equations(
    name: str, pairs: Sequence[tuple[str, Expr]], state: Collection[str], shared: Collection[str]
) -> tuple[Equation, ...]:
    each = {PARAMETER, GRADIENT, *state}
    found = []
    for left, formula in pairs:
        if left not in shared and each & set(names(formula)):
            each.add(left)
        called = name if left == PARAMETER else f"{name}, {left}"
        found.append(Equation(left, Rule(called, f"{left}+", formula, {}), left in each))
    return tuple(found)


# ---- what can be wrong with one --------------------------------------------------------


def problems(
    equations: Sequence[str], state: Collection[str], shared: Collection[str],
    settings: Collection[str], ahead: str = "",
) -> Iterator[str]:  # fmt: skip
    """What is wrong with the texts of an optimizer, each `key: what`."""
    named = list(_misnamed(state, shared, settings))
    yield from named
    if named:
        return
    each, once = {PARAMETER, GRADIENT, *state}, {RATE, *shared, *settings}
    given: set[str] = set()
    for k, text in enumerate(equations):
        try:
            left, formula = parse_equation(text)
            _check_left(left, given, settings)
            _check_formula(left, formula, each, once, left in shared)
        except FormulaError as wrong:
            yield f"equations[{k}]: {wrong}"
            return
        given.add(left)
        if left not in each | once:
            (each if each & set(names(formula)) else once).add(left)
    if PARAMETER not in given:
        yield f"equations: none for {PARAMETER!r}, the parameter"
    if ahead:
        yield from _check_ahead(ahead, {PARAMETER, *state, RATE, *shared, *settings})


def _misnamed(*tables: Collection[str]) -> Iterator[str]:
    """Names that are none, are taken, or stand in two tables."""
    met: set[str] = {PARAMETER}
    for key, table in zip(("state", "shared", "settings"), tables, strict=True):
        for name in table:
            if not _is_name(name) or name in (GRADIENT, AHEAD, EULER, SIZE) or group_of(name):
                yield f"{key}.{name}: {name!r} cannot be a name here"
            elif name in met or (name == RATE and key != "settings"):
                yield f"{key}.{name}: the name {name!r} is taken"
            met.add(name)


def _is_name(text: str) -> bool:
    try:
        return parse(text) == Name(text)
    except FormulaError:
        return False


def _check_left(left: str, given: Collection[str], settings: Collection[str]) -> None:
    if left in _OURS or group_of(left):
        raise FormulaError(f"{left!r} cannot be given a value")
    if left in settings:
        raise FormulaError(f"{left!r} is a setting, which stays as it is")
    if left in given:
        raise FormulaError(f"{left!r} has an equation already")


def _check_formula(
    left: str, formula: Expr, each: Collection[str], once: Collection[str], shared: bool
) -> None:
    used = names(formula)
    members = [base for name in used if (base := group_of(name))]
    single = [name for name in used if not group_of(name)]
    if inside(formula) or SIZE in used:
        raise FormulaError("there are no samples to run over; sum(g_i) runs over the parameters")
    for name in (*single, *members):
        if name not in each and name not in once:
            raise FormulaError(f"{name!r} is not known{nearest(name, {*each, *once})}")
    for name in members:
        if name not in each:
            raise FormulaError(f"{name!r} is one for all parameters; nothing to run over")
    own = [name for name in single if name in each]
    if members and (own or left in each):
        raise FormulaError("what runs over all parameters needs an equation of its own")
    if shared and own:
        raise FormulaError(f"{left!r} is one for all parameters, but each has its own {own[0]!r}")


def _check_ahead(text: str, known: Collection[str]) -> Iterator[str]:
    try:
        used = names(parse(text))
    except FormulaError as wrong:
        yield f"ahead: {wrong}"
        return
    for name in used:
        if name not in known:
            yield f"ahead: {name!r} is not known{nearest(name, known)}"
    if PARAMETER not in used:
        yield f"ahead: {text!r} does not depend on {PARAMETER}, the parameter"


# ---- the optimizers there are ----------------------------------------------------------

_MOMENTS = ("t = t + 1", "m = beta1*m + (1 - beta1)*g", "v = beta2*v + (1 - beta2)*g^2")
_CORRECTED = ("m_hat = m/(1 - beta1^t)", "v_hat = v/(1 - beta2^t)")
_ADAM = {"beta1": "0.9", "beta2": "0.999", "epsilon": "1e-8"}
_CHANGE = "change = sqrt(v + epsilon)/sqrt(u + epsilon)*g"
_ADADELTA = ("u = rho*u + (1 - rho)*g^2", _CHANGE, "v = rho*v + (1 - rho)*change^2")
_MAXIMUM = ("t = t + 1", "m = beta1*m + (1 - beta1)*g")

OPTIMIZERS: dict[str, Optimizer] = {
    o.name: o
    for o in (
        optimizer("gradient descent", "w = w - eta*g"),
        optimizer(
            "momentum",  # as PyTorch has it
            "v = mu*v + g", "w = w - eta*v",
            state={"v": 0}, settings={"mu": "0.9"},
        ),
        optimizer(
            "momentum, rate inside",
            "v = mu*v + eta*g", "w = w - v",
            state={"v": 0}, settings={"mu": "0.9"},
        ),
        optimizer(
            "momentum, added",
            "v = mu*v - eta*g", "w = w + v",
            state={"v": 0}, settings={"mu": "0.9"},
        ),
        optimizer(
            "momentum, averaged",
            "v = mu*v + (1 - mu)*g", "w = w - eta*v",
            state={"v": 0}, settings={"mu": "0.9"},
        ),
        optimizer(
            "nesterov",  # as PyTorch has it
            "v = mu*v + g", "w = w - eta*(g + mu*v)",
            state={"v": 0}, settings={"mu": "0.9"},
        ),
        optimizer(
            "nesterov, look-ahead",
            "v = mu*v + eta*g", "w = w - v",
            state={"v": 0}, settings={"mu": "0.9"}, ahead="w - mu*v",
        ),
        optimizer(
            "adagrad",
            "G = G + g^2", "w = w - eta*g/(sqrt(G) + epsilon)",
            state={"G": 0}, settings={"epsilon": "1e-10"},
        ),
        optimizer(
            "rmsprop",
            "s = rho*s + (1 - rho)*g^2", "w = w - eta*g/(sqrt(s) + epsilon)",
            state={"s": 0}, settings={"rho": "0.99", "epsilon": "1e-8"},
        ),
        optimizer(
            "adadelta",  # as its author has it, without a learning rate
            *_ADADELTA, "w = w - change",
            state={"u": 0, "v": 0}, settings={"rho": "0.9", "epsilon": "1e-6"},
        ),
        optimizer(
            "adadelta, with a rate",  # as PyTorch has it
            *_ADADELTA, "w = w - eta*change",
            state={"u": 0, "v": 0}, settings={"rho": "0.9", "epsilon": "1e-6"},
        ),
        optimizer(
            "adam",
            *_MOMENTS, *_CORRECTED, "w = w - eta*m_hat/(sqrt(v_hat) + epsilon)",
            state={"m": 0, "v": 0}, shared={"t": 0}, settings=_ADAM,
        ),
        optimizer(
            "adamw",
            *_MOMENTS, *_CORRECTED,
            "w = w - eta*(m_hat/(sqrt(v_hat) + epsilon) + lambda*w)",
            state={"m": 0, "v": 0}, shared={"t": 0}, settings={**_ADAM, "lambda": "0.01"},
        ),
        optimizer(
            "amsgrad",
            *_MOMENTS, _CORRECTED[0], "s = max(s, v)", "s_hat = s/(1 - beta2^t)",
            "w = w - eta*m_hat/(sqrt(s_hat) + epsilon)",
            state={"m": 0, "v": 0, "s": 0}, shared={"t": 0}, settings=_ADAM,
        ),
        optimizer(
            "adamax",  # as its authors have it
            *_MAXIMUM, "u = max(beta2*u, abs(g))", _CORRECTED[0], "w = w - eta*m_hat/u",
            state={"m": 0, "u": 0}, shared={"t": 0}, settings={"beta1": "0.9", "beta2": "0.999"},
        ),
        optimizer(
            "adamax, with epsilon",  # as PyTorch has it
            *_MAXIMUM, "u = max(beta2*u, abs(g) + epsilon)", _CORRECTED[0], "w = w - eta*m_hat/u",
            state={"m": 0, "u": 0}, shared={"t": 0}, settings=_ADAM,
        ),
    )
}  # fmt: skip

DESCENT = OPTIMIZERS["gradient descent"].equations[0].rule


# ---- what may come before an optimizer -------------------------------------------------


def clipped_by_value(o: Optimizer) -> Optimizer:
    """Every gradient cut off at a bound."""
    return o.after(["clipped = max(-clip, min(clip, g))"], {GRADIENT: "clipped"}, [CLIP])


def clipped_by_norm(o: Optimizer) -> Optimizer:
    """All gradients scaled down together where their norm is more than a bound."""
    texts = ["norm = sqrt(sum(g_i^2))", "scale = clip/max(clip, norm)", "clipped = scale*g"]
    return o.after(texts, {GRADIENT: "clipped"}, [CLIP])


def decayed(o: Optimizer) -> Optimizer:
    """The gradient of lambda/2*w^2 added; nothing where the optimizer decays by itself."""
    if DECAY in o.settings:
        return o
    return o.after([f"decayed = g + {DECAY}*w"], {GRADIENT: "decayed"}, [DECAY])


def scheduled(o: Optimizer, text: str) -> Optimizer:
    """A learning rate that a formula gives of eta and k, the number of updates so far."""
    known = {RATE, ITERATION, *o.settings, *o.shared}
    further = [name for name in names(parse(text)) if name not in known]
    found = o.after([f"{SCHEDULED} = {text}"], {RATE: SCHEDULED}, further)
    count = _equations(o.name, [(ITERATION, parse(f"{ITERATION} + 1"))], (), ())
    shared = {**found.shared, ITERATION: Decimal(0)}
    return replace(found, equations=(*found.equations, *count), shared=shared)
