"""Losses and optimizers of PyTorch's, as a scenario states them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tracer.errors import UsageError
from tracer.models import Array, Table, in_words, number, one_hot
from tracer.pytorch.modules import activate
from tracer.pytorch.reader import WHO, Reader, class_of, refuse

Stated = Callable[[Reader, Any, Array], Table]


def _elementwise(name: str, own: str = "", setting: str = "", formula: str = "") -> Stated:
    """A loss of every output and its target; with a setting that is not 1 a formula of its own."""

    def stated(r: Reader, loss: Any, target: Array) -> Table:
        reduction = "mean" if loss is None else _reduction(loss)
        refuse(loss, weight=None, pos_weight=None)
        value = getattr(loss, setting, 1) if setting else 1
        called = name if value == 1 else f"{own} {value:g}"
        if value != 1:
            r.rules["losses"][called] = formula.format(number(value))
        wanted = (*r.x.shape[: r.sampled], *r.outputs())
        if target.shape != wanted:
            raise r.error(f"target is {in_words(target.shape)}, the outputs are {in_words(wanted)}")
        r.t = target
        mean = "mean " if reduction == "mean" else ""
        return {"loss": f"{mean}{called}", "reduction": reduction, "sign": "o - t"}

    return stated


def _by_class(name: str, last: str) -> Stated:
    """A loss of classes: of their numbers or, where it applies `last`, of a probability each."""

    def stated(r: Reader, loss: Any, target: Array) -> Table:
        reduction = _reduction(loss)
        refuse(loss, weight=None, label_smoothing=0.0)
        sizes, before = r.outputs(), r.x.shape[: r.sampled]
        if len(sizes) != 1:
            raise r.error(f"{type(loss).__name__} of {in_words(sizes)} outputs; only of a list")
        if target.shape == before:
            ignored = getattr(loss, "ignore_index", None)
            if ignored in target:
                raise r.error(f"{type(loss).__name__} with ignore_index={ignored}, a target")
            r.t = one_hot(r, target, sizes[0])
        elif last and target.shape == (*before, *sizes):
            r.t = target
        else:
            classes = f"{len(r.x)} numbers of classes" if r.sampled else "the number of a class"
            raise r.error(f"target is {in_words(target.shape)}, expected {classes}")
        if last:
            activate(r, last)
        return {"loss": name, "reduction": reduction}

    return stated


def _reduction(loss: Any) -> str:
    found = str(loss.reduction)
    if found not in ("mean", "sum"):
        raise UsageError(
            f"{WHO}: {type(loss).__name__} with reduction={found!r}; only 'mean' and 'sum' are "
            "known"
        )
    return found


LOSSES: Mapping[str, Stated] = {
    "MSELoss": _elementwise("squared error"),
    "L1Loss": _elementwise("absolute error"),
    "HuberLoss": _elementwise(
        "huber",
        "huber",
        "delta",
        "E = 1/2*min(abs(o - t), {0})^2 + {0}*max(0, abs(o - t) - {0})",
    ),
    "SmoothL1Loss": _elementwise(
        "huber",
        "smooth l1",
        "beta",
        "E = 1/2*min(abs(o - t), {0})^2/{0} + max(0, abs(o - t) - {0})",
    ),
    "BCELoss": _elementwise("binary cross-entropy"),
    "BCEWithLogitsLoss": _elementwise("binary cross-entropy from logits"),
    "CrossEntropyLoss": _by_class("cross-entropy", "softmax"),
    "NLLLoss": _by_class("negative log-likelihood", ""),
}

# ---- optimizers ------------------------------------------------------------------------

#: What torch.optim calls them, what the catalog does, and settings by the names of both.
OPTIMIZERS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "SGD": ("gradient descent", {}),
    "Adagrad": ("adagrad", {"epsilon": "eps"}),
    "RMSprop": ("rmsprop", {"rho": "alpha", "epsilon": "eps"}),
    "Adadelta": ("adadelta, with a rate", {"rho": "rho", "epsilon": "eps"}),
    "Adam": ("adam", {"epsilon": "eps"}),
    "AdamW": ("adamw", {"epsilon": "eps"}),
    "Adamax": ("adamax, with epsilon", {"epsilon": "eps"}),
}


#: Settings that nothing here has, by optimizer; of all of them `maximize`.
_REFUSED: Mapping[str, tuple[str, ...]] = {
    "Adagrad": ("lr_decay", "initial_accumulator_value"),
    "RMSprop": ("centered", "momentum"),
    "Adam": ("decoupled_weight_decay",),
    "AdamW": ("amsgrad",),
}


def optimizer_of(optimizer: Any) -> tuple[float, Table]:
    """The learning rate, and the table of an optimizer that is more than gradient descent."""
    if optimizer is None:
        return 0.1, {}
    kind = class_of(optimizer, "optimizer", OPTIMIZERS)
    if len(optimizer.param_groups) > 1:
        raise UsageError(f"{WHO}: {kind} with several groups of parameters; one is known")
    if any(map(_stepped, optimizer.state.values())):
        raise UsageError(f"{WHO}: {kind} has made steps already; pass a new one")
    group = optimizer.param_groups[0]
    name, settings = OPTIMIZERS[kind]
    found = {ours: group[theirs] for ours, theirs in settings.items()}
    found |= dict(zip(("beta1", "beta2"), group.get("betas", ()), strict=False))
    refused = ["maximize", *_REFUSED.get(kind, ())]
    if kind == "SGD" and group["momentum"]:
        name, found = "nesterov" if group["nesterov"] else "momentum", {"mu": group["momentum"]}
        refused.append("dampening")
    elif kind == "Adam" and group["amsgrad"]:
        name = "amsgrad"
    for key in refused:
        if group.get(key):
            raise UsageError(f"{WHO}: {kind} with {key}={group[key]} is not known")
    table: Table = {"kind": name, **{key: number(value) for key, value in found.items()}}
    decay = group["weight_decay"]
    if decay or kind == "AdamW":
        table["weight_decay"] = number(decay)
    return float(group["lr"]), {} if table == {"kind": "gradient descent"} else table


def _stepped(state: Mapping[str, Any]) -> bool:
    """Whether an optimizer has been used, by what it keeps of a parameter."""
    return bool(state.get("step", 0)) or state.get("momentum_buffer") is not None
