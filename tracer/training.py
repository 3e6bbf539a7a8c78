"""How a scenario trains: its optimizer with settings, start and schedule; gradients it states."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag

from tracer.catalog.optimizers import (
    CLIP,
    DECAY,
    ITERATION,
    OPTIMIZERS,
    RATE,
    SCHEDULED,
    Optimizer,
    clipped_by_norm,
    clipped_by_value,
    decayed,
    optimizer,
    problems,
    scheduled,
)
from tracer.errors import FormulaError, closest, nearest
from tracer.expression import SIZE, group_of, names
from tracer.fields import Given, Model, NameText, Number, NumberOrName, Stated, Text, Title
from tracer.inventory import joined, not_given
from tracer.parsing import parse

if TYPE_CHECKING:
    from tracer.conventions import Conventions
    from tracer.scenario import Scenario

Problems = Iterator[str]

SETTINGS = "Optimizer"  # the table of the settings that stand in no other
USUAL = "gradient descent"
MAX_EQUATIONS = 60

Value = Decimal | str  # a number, or the name of the given that it is


def _formula(text: str) -> str:
    try:
        used = names(parse(text))
    except FormulaError as wrong:
        raise ValueError(str(wrong)) from wrong
    for name in used:
        if group_of(name) or name == SIZE:
            raise ValueError(f"{name!r} stands for no number here")
    return text


Formula = Annotated[str, AfterValidator(_formula)]


class Clip(Model):
    """Gradients cut off one by one, or scaled down together."""

    value: NumberOrName | None = None
    norm: NumberOrName | None = None


def _number_or_table(value: object) -> str:
    return "(each)" if isinstance(value, dict) else "(all)"


#: A value at the start: a number, the given that it is, or one of them for every parameter.
Start = Annotated[
    Annotated[NumberOrName, Tag("(all)")] | Annotated[dict[NameText, NumberOrName], Tag("(each)")],
    Discriminator(_number_or_table),
]


def _text_or_list(value: object) -> str:
    return "(list)" if isinstance(value, list) else "(formula)"


Schedule = Annotated[
    Annotated[Formula, Tag("(formula)")]
    | Annotated[list[Number], Tag("(list)"), Field(min_length=1)],
    Discriminator(_text_or_list),
]


class Training(Model):
    """Which optimizer, with its settings by their own names."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, NumberOrName]

    kind: Title = USUAL
    start: dict[NameText, Start] = Field(default_factory=dict)
    schedule: Schedule | None = None  # a formula of eta and k, or the rates of the updates
    clip: Clip | None = None
    weight_decay: NumberOrName | None = None

    @property
    def settings(self) -> Mapping[str, Decimal | str]:
        """The settings stated, by the names that the optimizer's equations have for them."""
        found = dict(self.__pydantic_extra__)
        if self.weight_decay is not None:
            found[DECAY] = self.weight_decay
        for bound in (self.clip.value, self.clip.norm) if self.clip else ():
            if bound is not None:
                found[CLIP] = bound
        return found


class OwnOptimizer(Model):
    """An optimizer of the scenario's own, as those of the catalog are written."""

    equations: Annotated[list[Text], Field(min_length=1, max_length=MAX_EQUATIONS)]
    state: dict[NameText, Number] = Field(default_factory=dict)
    shared: dict[NameText, Number] = Field(default_factory=dict)
    settings: dict[NameText, Number] = Field(default_factory=dict)
    ahead: Text = ""

    def problems(self) -> Iterator[str]:
        """What is wrong with it, each `key: what`."""
        return problems(self.equations, self.state, self.shared, self.settings, self.ahead)

    def made(self, name: str) -> Optimizer:
        """The optimizer; raises RuleError where it has problems."""
        return optimizer(
            name, *self.equations, state=self.state, shared=self.shared, settings=self.settings,
            ahead=self.ahead,
        )  # fmt: skip


def _formula_or_given(value: object) -> str:
    return "(formula)" if isinstance(value, str) else "(given)"


#: A gradient: numbers, for all passes or for one after the other, or a formula of parameters.
Gradient = Annotated[
    Annotated[Formula, Tag("(formula)")] | Annotated[Given, Tag("(given)")],
    Discriminator(_formula_or_given),
]


# ---- what a scenario makes of them -----------------------------------------------------


def method(s: Scenario) -> Optimizer | None:
    """The optimizer with what comes before it; None where there is none, or a wrong one."""
    stated = s.optimizer or Training()
    if own := s.optimizers.get(stated.kind):
        if any(own.problems()):
            return None
        found = own.made(stated.kind)
    elif stated.kind in OPTIMIZERS:
        found = OPTIMIZERS[stated.kind]
    else:
        return None
    if stated.weight_decay is not None:
        found = decayed(found)
    if stated.clip:
        found = (clipped_by_value if stated.clip.norm is None else clipped_by_norm)(found)
    return scheduled(found, stated.schedule) if isinstance(stated.schedule, str) else found


def rates(s: Scenario) -> list[Decimal]:
    """The learning rates of the updates, where they are listed."""
    schedule = s.optimizer.schedule if s.optimizer else None
    return schedule if isinstance(schedule, list) else []


def needs_rate(s: Scenario) -> bool:
    """Whether parameters are updated with a learning rate that must be given."""
    found, learns = s.method, s.network is not None and not s.forward_only
    trained = learns or s.optimizer is not None or bool(s.gradients)
    return trained and found is not None and RATE in found.names and not rates(s)


def givens_of(s: Scenario) -> Mapping[str, str]:
    """The name of the given that every setting of the optimizer is."""
    stated = s.optimizer.settings if s.optimizer else {}
    found = s.method
    return {
        name: value if isinstance(value := stated.get(name), str) else name
        for name in (found.settings if found else ())
    }


def settings_table(s: Scenario, given: Collection[str]) -> dict[str, Decimal]:
    """The numbers of the settings that are in no table of givens."""
    found = s.method
    if found is None:
        return {}
    stated = s.optimizer.settings if s.optimizer else {}
    table = {name: stated.get(name, usual) for name, usual in found.settings.items()}
    if listed := rates(s):
        table[s.conventions.learning_rate] = listed[0]
    return {n: v for n, v in table.items() if isinstance(v, Decimal) and n not in given}


def uses(s: Scenario) -> Iterator[tuple[str, str, list[str]]]:
    """What the optimizer and the stated gradients use givens for: what, where, the names."""
    if s.method is None:
        return
    for setting, name in givens_of(s).items():
        yield "a setting of the optimizer", _key(setting), [name]
    for state, start in (s.optimizer.start if s.optimizer else {}).items():
        each = start.values() if isinstance(start, Mapping) else (start,)
        names_of_givens = [value for value in each if isinstance(value, str)]
        yield "what the optimizer keeps", f"optimizer.start.{state}", names_of_givens
    spelt = {joined(name): name for table in s.tables.values() for name in table}
    for parameter, gradient in s.gradients.items():
        read = names(parse(gradient)) if isinstance(gradient, str) else ()
        own = [spelt[name] for name in read if name in spelt]
        yield "in a gradient", f"gradients.{parameter}", own
        yield "in a gradient", f"gradients.{parameter}", [parameter]


# ---- whether they can be ---------------------------------------------------------------


def check_training(s: Scenario) -> Problems:
    """What is wrong with the optimizers, the one that is used, and the gradients stated."""
    own = [*_own(s)]
    yield from own
    if own:
        return
    if s.optimizer:
        yield from _check_optimizer(s, s.optimizer)
    for name, gradient in s.gradients.items():
        yield from _check_gradient(s, name, gradient)
    if s.gradients:
        yield from _check_alone(s)


def _own(s: Scenario) -> Problems:
    for title, own in s.optimizers.items():
        if title in OPTIMIZERS:
            yield f"optimizers.{title}: there is an optimizer {title!r}; choose another name"
        yield from (f"optimizers.{title}.{problem}" for problem in own.problems())
    kind = s.optimizer.kind if s.optimizer else USUAL
    if kind not in s.optimizers and kind not in OPTIMIZERS:
        known = (*s.optimizers, *OPTIMIZERS)
        close = nearest(kind, known) or f"; there are {', '.join(map(repr, known))}"
        yield f"optimizer.kind: no {kind!r}{close}"


def _check_optimizer(s: Scenario, stated: Training) -> Problems:
    found = s.method
    assert found, "its kind was checked"
    yield from _check_settings(s, stated, found)
    yield from _check_schedule(s, stated, found)
    kept = (*found.state, *found.shared)
    for name, start in stated.start.items():
        key = f"optimizer.start.{name}"
        if name in found.shared:
            if not isinstance(start, Decimal):
                yield from _check_number(s, key, start)
        elif name in found.state:
            yield from _check_start(s, key, start)
        else:
            yield f"{key}: {found.name} keeps no {name!r}{nearest(name, kept)}"


def _check_settings(s: Scenario, stated: Training, found: Optimizer) -> Problems:
    known = [*Training.model_fields, *(name for name in found.settings if name != CLIP)]
    given = {name for table in s.givens.values() for name in table}
    clip = stated.clip
    if clip and (clip.value is None) == (clip.norm is None):
        yield "optimizer.clip: state value or norm, one of them"
    if stated.weight_decay is not None and DECAY in stated.__pydantic_extra__:
        yield f"optimizer.weight_decay: it is {DECAY!r}, which is stated too; state it once"
    for name in stated.__pydantic_extra__:
        if name not in known:
            close = closest(name, known)
            says = f"did you mean {close!r}?" if close else f"known are {', '.join(known)}"
            yield f"optimizer.{name}: unknown key; {says}"
    for name, usual in found.settings.items():
        key, value = _key(name), stated.settings.get(name)
        if isinstance(value, str):
            yield from _check_number(s, key, value)
        elif value is not None and name in given:
            yield f"{key}: {name!r} is given too; state it once"
        elif value is None and name in given:
            yield from _check_number(s, key, name)
        elif value is None and usual is None:
            yield f"{key}: missing; {name!r} has no usual value"
        if name == CLIP and value is not None:
            bound = s.numbers.get(value, 1) if isinstance(value, str) else value
            if bound <= 0:
                yield f"{key}: expected more than 0, found {bound}"


def _key(setting: str) -> str:
    return f"optimizer.{'weight_decay' if setting == DECAY else setting}"


def _check_number(s: Scenario, key: str, name: object) -> Problems:
    if not isinstance(name, str):
        yield f"{key}: expected a number or the name of one"
    elif not isinstance(s.given(name), Decimal | Stated):
        yield f"{key}: {not_given(s, name, 'one number')}"


def _check_schedule(s: Scenario, stated: Training, found: Optimizer) -> Problems:
    listed, rate = rates(s), s.conventions.learning_rate
    if stated.schedule is None:
        return
    if (RATE if listed else SCHEDULED) not in found.names:
        yield f"optimizer.schedule: {found.name} has no learning rate"
    elif listed and any(rate in table for table in s.givens.values()):
        yield f"optimizer.schedule: {rate!r} is given too; state the rates once"
    elif listed and len(listed) < s.iterations:
        yield f"optimizer.schedule: {len(listed)} rates for {s.iterations:,} updates"
    elif not listed and sum(e.left == ITERATION for e in found.equations) > 1:
        yield f"optimizer.schedule: {found.name} has an own {ITERATION!r}, which a schedule counts"


def _check_start(s: Scenario, key: str, start: Value | Mapping[str, Value]) -> Problems:
    """What a parameter's state starts from is given, with the parameter's shape."""
    if isinstance(start, str) and s.given(start) is None:
        yield f"{key}: {not_given(s, start)}"
    for parameter, value in start.items() if isinstance(start, Mapping) else ():
        shape = _shape(s, parameter)
        if shape is None:
            yield f"{key}.{parameter}: {not_given(s, parameter)}"
        elif isinstance(value, str) and s.given(value) is None:
            yield f"{key}.{parameter}: {not_given(s, value)}"
        elif isinstance(value, str) and _shape(s, value) != shape:
            yield f"{key}.{parameter}: {value!r} has another shape than {parameter!r}"


def _shape(s: Scenario, name: str) -> tuple[int, ...] | None:
    found = s.elements(name)
    return None if found is None else np.shape(found)


def check_penalty(s: Scenario, where: str, c: Conventions, own: Collection[str]) -> Problems:
    """A penalty is added to the error of a network, as strongly as some given says."""
    if "penalty" not in own or c.penalty is None:
        return
    if not s.has_loss or c.learning == "perceptron":
        yield f"{where}penalty: added to the loss of a network only; here the error is a formula"
    if not c.penalty.strengths:
        yield f"{where}penalty: state l1 or l2, or both"
    for kind, name in c.penalty.strengths.items():
        yield from _check_number(s, f"{where}penalty.{kind}", name)


# ---- gradients -------------------------------------------------------------------------


def _check_alone(s: Scenario) -> Problems:
    """Gradients that are stated are the gradients of nothing else."""
    if s.network:
        yield "gradients: a network has gradients of its own; leave them out, or the network"
    tangents = s.conventions.tangents
    stated = {"error": s.error, "trained": s.trained, "conventions.tangents": tangents}
    for key, found in stated.items():
        if found:
            yield f"{key}: with gradients stated, nothing is differentiated"


def _check_gradient(s: Scenario, name: str, gradient: Any) -> Problems:
    key, shape = f"gradients.{name}", _shape(s, name)
    if shape is None or name in s.data:
        yield f"{key}: {not_given(s, name)}"
    elif isinstance(gradient, str):
        yield from _check_formula(s, key, gradient, shape)
    else:
        passes = over_passes(gradient, shape)
        if passes is None:
            yield f"{key}: expected {_expected(shape)}"
        elif 1 < len(passes) < s.iterations:
            yield f"{key}: {len(passes)} gradients for {s.iterations:,} updates"


def _expected(shape: tuple[int, ...]) -> str:
    one = "a number" if not shape else f"{' × '.join(map(str, shape))} numbers"
    return f"{one}, as the parameter has, or a list of such"


def _check_formula(s: Scenario, key: str, text: str, shape: tuple[int, ...]) -> Problems:
    """Its names are given, or formulas; one with several numbers has as many as the parameter."""
    spelt = {joined(name): name for table in s.tables.values() for name in table}
    known = {*spelt, *map(joined, (*s.numbers, *s.data, *s.formulas))}
    for used in names(parse(text)):
        if used not in known:
            yield f"{key}: {used!r} is not given{nearest(used, known)}"
        elif used in spelt and _shape(s, spelt[used]) not in ((), shape):
            yield f"{key}: {used!r} has another shape than the parameter"


def over_passes(gradient: Any, shape: tuple[int, ...]) -> Any:
    """A stated gradient as [pass, …], one pass for all of them; None for another shape."""
    if hasattr(gradient, "array"):
        gradient = gradient.array()
    numbers = np.array(gradient.value if isinstance(gradient, Stated) else gradient, object)
    if numbers.shape == shape:
        return numbers[None]
    return numbers if numbers.shape[1:] == shape and numbers.ndim == len(shape) + 1 else None
