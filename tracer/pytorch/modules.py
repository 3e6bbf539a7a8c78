"""Layers and activations of PyTorch's, each as a layer of a scenario."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tracer.errors import UsageError
from tracer.models import Table, array, number
from tracer.pytorch.reader import WHO, Reader, refuse

Read = Callable[[Reader, Any], None]


def _linear(r: Reader, part: Any) -> None:
    r.layers.append({"weights": r.parameter("W", part.weight), "activation": "identity"})
    _biased(r, part)


def _biased(r: Reader, part: Any) -> None:
    if part.bias is not None:
        r.layers[-1]["bias"] = r.parameter("b", part.bias)


def _convolution(r: Reader, part: Any) -> None:
    refuse(part, dilation=1, groups=1, padding_mode="zeros")
    kernel = r.parameter("K", part.weight)
    r.layers.append({"kind": "convolution", "kernel": kernel, **_window(part)})
    _biased(r, part)


def _window(part: Any) -> Table:
    padding = 0 if part.padding == "valid" else part.padding
    if isinstance(padding, str):
        raise UsageError(f"{WHO}: {type(part).__name__} with padding={padding!r}; write numbers")
    return {"stride": _length(part.stride), "padding": _length(padding)}


def _length(value: Any) -> Any:
    """One length, or one for rows and one for columns."""
    return list(value) if isinstance(value, tuple) else value


def _pooling(of: str) -> Read:
    def read(r: Reader, part: Any) -> None:
        refuse(part, ceil_mode=False, dilation=1, return_indices=False, divisor_override=None)
        if np.any(part.padding):
            refuse(part, count_include_pad=False)
        size = _length(part.kernel_size)
        r.layers.append({"kind": "pooling", "of": of, "size": size, **_window(part)})

    return read


def _flatten(r: Reader, part: Any) -> None:
    count = r.axes + r.sampled
    first, last = (axis % count if count else 0 for axis in (part.start_dim, part.end_dim))
    if (first, last) != (int(r.sampled), max(count - 1, 0)) and first != last:
        raise r.error(
            f"Flatten({part.start_dim}, {part.end_dim}) of {count} axes; only all axes of a "
            "sample are known"
        )
    if first != last:
        r.layers.append({"kind": "flatten"})
        r.axes = 1


def _embedding(r: Reader, part: Any) -> None:
    """A look-up; weighted sums of 1 at its place and 0 elsewhere are the same.

    They are taken for several samples, and where rows that nothing looks up decay.
    """
    refuse(part, padding_idx=None, max_norm=None, scale_grad_by_freq=False)
    if r.layers:
        raise r.error("Embedding is known as the first layer only")
    size = len(part.weight)
    if not set(r.x.ravel().tolist()) <= set(range(size)):
        raise r.error(f"x: Embedding takes whole numbers from 0 to {size - 1}")
    table = r.parameter("W", part.weight)
    if r.x.ndim == 2 and len(r.x) == 1 and not r.decays:
        r.x = r.x + 1
        r.layers.append({"kind": "embedding", "table": table})
    else:
        r.x = np.eye(size)[r.x.astype(int)]
        r.layers.append({"weights": table, "rows": "inputs", "activation": "identity"})
    r.axes += 1


def _recurrent(kind: str, **further: object) -> Read:
    def read(r: Reader, part: Any) -> None:
        if not r.alone:
            raise r.error(f"{type(part).__name__} gives a pair; it is known as the whole module")
        refuse(part, num_layers=1, bidirectional=False, proj_size=0)
        if r.sampled:
            refuse(part, batch_first=True)
        weights, recurrent = part.weight_ih_l0, part.weight_hh_l0
        layer: Table = {"kind": kind, "weights": r.parameter("W", weights), **further}
        layer["recurrent"] = r.parameter("U", recurrent)
        if kind == "recurrent":
            layer["activation"] = part.nonlinearity
        if kind == "gru":
            layer["start"] = r.given("h0", np.zeros(part.hidden_size))
        if part.bias:
            second = part.bias_hh_l0
            if second.requires_grad or array(WHO, "bias_hh_l0", second).any():
                raise r.error(
                    f"{type(part).__name__} with two biases a unit, each of them trained; write "
                    "bias=False, or hold bias_hh_l0 at 0"
                )
            layer["bias"] = r.parameter("b", part.bias_ih_l0)
        r.layers.append(layer)

    return read


def _batch_norm(r: Reader, part: Any) -> None:
    name = type(part).__name__
    if not part.training:
        raise r.error(f"{name} has statistics of its own in eval(); call train()")
    if r.axes != (3 if name.endswith("2d") else 1):
        raise r.error(f"{name} of {r.axes} axes a sample")
    r.layers.append({"kind": "batch norm", **_scaled(r, part)})


def _layer_norm(r: Reader, part: Any) -> None:
    if len(part.normalized_shape) != 1:
        raise r.error(f"LayerNorm{tuple(part.normalized_shape)}; only the last axis is known")
    r.layers.append({"kind": "layer norm", **_scaled(r, part)})


def _scaled(r: Reader, part: Any) -> Table:
    found: Table = {"epsilon": number(part.eps), "mean": "mean{l}", "variance": "var{l}"}
    if part.weight is None:
        return found
    if part.bias is None:
        raise r.error(f"{type(part).__name__} with bias=False; a scale comes with a shift")
    scale, shift = r.parameter("scale", part.weight), r.parameter("shift", part.bias)
    return {**found, "scale": scale, "shift": shift}


def _dropout(r: Reader, part: Any) -> None:
    if part.training and part.p:
        raise r.error(f"{type(part).__name__} is random; call eval()")


def _nothing(r: Reader, part: Any) -> None:
    """A module that changes nothing."""


# ---- activations -----------------------------------------------------------------------


def _activation(name: str, **plain: object) -> Read:
    def read(r: Reader, part: Any) -> None:
        refuse(part, **plain)
        activate(r, name)

    return read


def activate(r: Reader, name: str) -> None:
    """Put an activation on the layer before, or in a layer of its own."""
    last = r.layers[-1] if r.layers else {"kind": "none"}
    takes = last.get("kind", "dense") in ("dense", "convolution")
    if takes and last.get("activation", "identity") == "identity":
        last["activation"] = name
    else:
        r.layers.append({"kind": "activation", "activation": name})


def _own(name: str, setting: str, usual: float, formula: str) -> Read:
    """An activation of the catalog, or with another setting one of the scenario's own."""

    def read(r: Reader, part: Any) -> None:
        value = getattr(part, setting)
        called = name if value == usual else f"{name} {value:g}"
        if value != usual:
            if not 0 < value <= 1:
                raise r.error(f"{type(part).__name__} with {setting}={value}; it is from 0 to 1")
            r.rules["activations"][called] = formula.format(number(value))
        activate(r, called)

    return read


def _gelu(r: Reader, part: Any) -> None:
    activate(r, "gelu" if part.approximate == "none" else "gelu tanh")


def _softmax(name: str) -> Read:
    def read(r: Reader, part: Any) -> None:
        count = r.axes + r.sampled
        usual = 0 if count in (0, 1, 3) else 1  # PyTorch's, where no dim is stated
        dim = usual if part.dim is None else part.dim
        if dim not in (-1, count - 1):
            raise r.error(f"{type(part).__name__} with dim={part.dim}; only the last is known")
        activate(r, name)

    return read


MODULES: Mapping[str, Read] = {
    "Linear": _linear, "Conv2d": _convolution, "MaxPool2d": _pooling("maximum"),
    "AvgPool2d": _pooling("average"), "Flatten": _flatten, "Embedding": _embedding,
    "RNN": _recurrent("recurrent"), "LSTM": _recurrent("lstm"), "GRU": _recurrent("gru"),
    "BatchNorm1d": _batch_norm, "BatchNorm2d": _batch_norm, "LayerNorm": _layer_norm,
    "Identity": _nothing, "Dropout": _dropout, "Dropout1d": _dropout, "Dropout2d": _dropout,
    "GELU": _gelu, "Softmax": _softmax("softmax"), "LogSoftmax": _softmax("log-softmax"),
    "Sigmoid": _activation("sigmoid"), "Tanh": _activation("tanh"), "ReLU": _activation("relu"),
    "LeakyReLU": _own("leaky relu", "negative_slope", 0.01, "a = max({}*z, z)"),
    "ELU": _own("elu", "alpha", 1.0, "a = max(0, z) + min(0, {}*(e^z - 1))"),
    "SELU": _activation("selu"), "SiLU": _activation("silu"),
    "Softplus": _activation("softplus", beta=1, threshold=20),
    "Softsign": _activation("softsign"), "Hardsigmoid": _activation("hard sigmoid"),
}  # fmt: skip
