"""A scenario's table while it is filled from a module, and what is asked of PyTorch's objects.

Their classes are known by name, what they are set to by their attributes. A setting that nothing
here has is refused, not passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tracer.errors import UsageError, nearest
from tracer.models import Draft, array

WHO = "from_torch"
BIASES = ("b", "shift")  # what the names of biases begin with


class Reader(Draft):
    """A table that is filled from a module."""

    def __init__(self, title: str, x: Any, module: Any, optimizer: Any) -> None:
        super().__init__(WHO, title, x)
        self.groups = () if optimizer is None else optimizer.param_groups
        self.decays = any(group.get("weight_decay") for group in self.groups)
        self.alone = True  # whether the module is one layer
        self.axes = 0  # of what one sample comes to in the last layer
        self.paths = {id(p): path for path, p in module.named_parameters()}
        self.read: dict[int, tuple[str, str, Any]] = {}  # name, role and tensor, by its id

    def parameter(self, prefix: str, tensor: Any) -> str:
        """The name of a parameter: W1, W2 …; the same for one that stands in several layers."""
        if id(tensor) not in self.paths:
            raise self.error(f"{prefix} is computed; only what is a parameter itself is known")
        if id(tensor) not in self.read:
            count = sum(prefix == known for _, known, _ in self.read.values())
            name = self.given(f"{prefix}{count + 1}", array(WHO, prefix, tensor))
            self.read[id(tensor)] = (name, prefix, tensor)
        return self.read[id(tensor)][0]

    def check_trained(self) -> None:
        """Every parameter is trained, or all but the biases; raises UsageError."""
        held = {id(p) for group in self.groups for p in group["params"]}
        frozen = set()
        for name, prefix, tensor in self.read.values():
            if not tensor.requires_grad:
                frozen.add(name)
            elif self.groups and id(tensor) not in held:
                raise self.error(f"{self.paths[id(tensor)]} is not among the optimizer's")
            if name in frozen and prefix not in BIASES:
                path = self.paths[id(tensor)]
                raise self.error(f"{path} is not trained; only biases can be frozen, all of them")
        biases = {name for name, prefix, _ in self.read.values() if prefix in BIASES}
        if frozen and frozen != biases:
            raise self.error(
                f"{min(frozen)} is not trained, {min(biases - frozen)} is; all biases, or none"
            )
        if frozen:
            self.conventions["biases"] = "frozen"

    def names_told(self) -> str:
        """Which parameter is which of PyTorch's."""
        pairs = (f"{name} is {self.paths[key]}" for key, (name, _, _) in self.read.items())
        return f"In PyTorch {', '.join(pairs)}." if self.read else ""


def class_of(found: Any, wanted: str, known: Mapping[str, Any]) -> str:
    """The name of an object's class of PyTorch's; raises UsageError for one that is not known.

    A class of one's own is its parent if it computes as that does.
    """
    what = (found if isinstance(found, type) else type(found)).__name__
    if isinstance(found, type):
        raise UsageError(f"{WHO}: {wanted}: {what} is a class; write {what}(…)")
    computes = "step" if wanted == "optimizer" else "forward"
    if not hasattr(found, computes):
        called = getattr(found, "__name__", "")
        example = {"module": "torch.nn.Linear(2, 1)", "loss": "torch.nn.MSELoss()"}.get(
            wanted, "torch.optim.SGD(net.parameters(), 0.1)"
        )
        arrays = "; for arrays there is from_arrays" if wanted == "module" else ""
        raise UsageError(
            f"{WHO}: {wanted}: expected one of PyTorch's, such as {example}, "
            f"found {f'the {what} {called}' if called else f'a {what}'}{arrays}"
        )
    for parent in type(found).__mro__:
        same = getattr(parent, computes, None) is getattr(type(found), computes)
        if parent.__name__ in known and parent.__module__.startswith("torch.") and same:
            return parent.__name__
    listed = ", ".join(sorted(known))
    own = " (put the layers of a module of one's own into a Sequential)"
    own = own if wanted == "module" and not type(found).__module__.startswith("torch.") else ""
    raise UsageError(f"{WHO}: no {wanted} {what}{nearest(what, known)}; known are {listed}{own}")


def refuse(found: Any, **plain: object) -> None:
    """Refuse an object with a setting that nothing here has."""
    for key, value in plain.items():
        stated = getattr(found, key, value)
        if stated != value and stated not in ((value,) * 2, (value,)):
            shown = "a tensor" if hasattr(stated, "requires_grad") else repr(stated)
            raise UsageError(
                f"{WHO}: {type(found).__name__} with {key}={shown}; only {key}={value!r} is known"
            )
