"""A scenario of a module of PyTorch's, with its loss and its optimizer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tracer.errors import UsageError
from tracer.models import Array, array, in_words
from tracer.pytorch.modules import MODULES
from tracer.pytorch.reader import WHO, Reader, class_of
from tracer.pytorch.training import LOSSES, optimizer_of
from tracer.scenario import Scenario


def from_torch(
    module: Any, x: Any, target: Any, loss: Any = None, optimizer: Any = None,
    *, title: str = "A model of PyTorch's",
) -> Scenario:  # fmt: skip
    """The scenario of a module of PyTorch's, with its own numbers; the module is not changed.

        net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))
        s = tracer.from_torch(net, x, t, torch.nn.MSELoss(), torch.optim.SGD(net.parameters(), 0.1))
        tracer.trace(s, iterations=3).at(2)["E"]
        Path("net.toml").write_text(s.to_toml())  # a scenario file, to keep or to change

    module      a Sequential of Linear, Conv2d, MaxPool2d, AvgPool2d, Flatten, BatchNorm, LayerNorm,
                Embedding, Dropout and activations, or one of these; or one RNN, LSTM or GRU
    x, target   tensors as the module and the loss take them, the samples along the first axis
    loss        MSELoss, L1Loss, HuberLoss, SmoothL1Loss, BCELoss, BCEWithLogitsLoss,
                CrossEntropyLoss or NLLLoss; MSELoss() if None
    optimizer   SGD, Adam, AdamW, RMSprop, Adagrad, Adadelta or Adamax, before its first step;
                gradient descent with a rate of 0.1 if None

    Weights are called W1, W2 … in order, biases b1, b2 …, kernels K1 …; the scenario's `about`
    says which is which. Activations, gradients and updates are PyTorch's in float64, to rounding.

    raises      UsageError for what is not known, with its name and what is known; ScenarioError
    """
    parts = [*_parts(module)]
    rate, table = optimizer_of(optimizer)
    reader = Reader(title, x, module, optimizer)
    reader.optimizer, reader.alone = table, len(parts) == 1
    reader.sampled = _sampled(reader.x, [name for name, _ in parts])
    reader.axes = reader.x.ndim - reader.sampled
    for name, part in parts:
        MODULES[name](reader, part)
    kind = "MSELoss" if loss is None else class_of(loss, "loss", LOSSES)
    reader.conventions = LOSSES[kind](reader, loss, array(WHO, "target", target))
    reader.check_trained()
    reader.about = reader.names_told()
    return reader.scenario(rate)


def _parts(module: Any) -> Iterator[tuple[str, Any]]:
    """The layers of a module by the names of their classes, those of a Sequential one by one."""
    name = class_of(module, "module", {**MODULES, "Sequential": None})
    if module._forward_hooks or module._forward_pre_hooks:
        raise UsageError(f"{WHO}: {name} has hooks, which may change its values; remove them first")
    if name != "Sequential":
        yield name, module
        return
    for child in module:
        yield from _parts(child)


_MAPS = ("channels", "rows", "columns")
#: The axes of one sample that a module takes; any other takes the last of whatever there is.
_TAKES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("Conv2d", "MaxPool2d", "AvgPool2d", "BatchNorm2d"), _MAPS),
    **dict.fromkeys(("RNN", "LSTM", "GRU"), ("steps", "inputs")),
}


def _sampled(x: Array, names: Sequence[str]) -> bool:
    """Whether the first axis of x are samples: a module may be given one sample alone."""
    if not names:
        raise UsageError(f"{WHO}: module: an empty Sequential")
    first = next((name for name in names if name in _TAKES), None)
    if first is None:
        return x.ndim > 1 or (x.ndim == 1 and names[0] == "Embedding")
    axes = _TAKES[first]
    if x.ndim - len(axes) not in (0, 1):
        wanted = " × ".join(("samples", *axes))
        raise UsageError(f"{WHO}: x is {in_words(x.shape)}; {first} takes {wanted}")
    return x.ndim > len(axes)
