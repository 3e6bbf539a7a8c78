"""Scenarios of PyTorch's modules, against PyTorch in float64."""

from __future__ import annotations

import copy
import re
import warnings

import numpy as np
import pytest

import tracer
from tracer import run
from tracer.errors import ScenarioError, UsageError
from tracer.layers.shapes import names_of

torch = pytest.importorskip("torch", reason="PyTorch is not installed: its modules had no peer")
nn, optim = torch.nn, torch.optim

UPDATES = 3


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(7)


def drawn(*sizes):
    return torch.randn(*sizes, dtype=torch.float64)


# ---- the peer --------------------------------------------------------------------------


def near(ours, theirs, close, what):
    ours, theirs = np.asarray(ours, float), np.asarray(theirs, float)
    assert ours.shape == theirs.shape, what
    wrong = np.abs(ours - theirs) > close * np.maximum(np.abs(theirs), 1e-3)
    assert not wrong.any(), (what, ours[wrong][:3], theirs[wrong][:3])


def numbers(t, names):
    """[sample, number] of some steps; what is the same for all samples once for each."""
    return np.stack(np.broadcast_arrays(*(np.atleast_1d(t.column(n)) for n in names.ravel())), 1)


def gradients(t, names):
    """Where nothing reads a parameter there is no gradient: 0."""
    found = np.zeros(names.shape)
    for index, name in np.ndenumerate(names):
        if f"dE/d{name}" in t:
            found[index] = t[f"dE/d{name}"]
    return found


class Peer:
    """A module that is run and trained by PyTorch itself."""

    def __init__(self, net, x, target, loss, optimizer):
        self.net, self.x, self.target, self.loss = net, x, target, loss
        self.optimizer, self.seen = optimizer, []
        for part in net.modules():  # a look-up is no step
            if not isinstance(part, nn.Sequential | nn.Embedding | nn.Flatten):
                part.register_forward_hook(lambda _, __, out: self.seen.append(out))

    def run(self):
        """The error; activations are in `seen`, gradients at the parameters."""
        self.seen.clear()
        self.optimizer.zero_grad()
        out = self.net(self.x)
        error = self.loss(out[0] if isinstance(out, tuple) else out, self.target)
        error.backward()
        return error.item()

    def activations(self, samples):
        for out in self.seen:
            found = out[0] if isinstance(out, tuple) else out
            yield found.detach().reshape(samples, -1).numpy()


def compare(net, x, target, loss=None, optimizer=None, close=1e-9, **sizes):
    """All numbers of all passes: activations, the error, gradients, parameters."""
    net = copy.deepcopy(net)
    made = optimizer or (lambda p: optim.SGD(p, 0.1))
    stated = made(net.parameters())
    before = copy.deepcopy((net.state_dict(), stated.state_dict()))
    s = tracer.from_torch(net, x, target, loss, stated, **sizes)
    after = net.state_dict(), stated.state_dict()
    assert all(torch.equal(before[0][key], after[0][key]) for key in before[0])
    assert str(before[1]) == str(after[1])
    assert all(p.grad is None for p in net.parameters())

    t = run.trace(s, iterations=UPDATES)
    peer = Peer(net, x, target, loss or nn.MSELoss(), stated)
    called = dict(re.findall(r"(\w+) is ([\w.]+\w)", s.about))
    steps = [
        names for layer in s.walk.steps for key, names in layer.items() if key in ("net", "out")
    ]
    samples, own = t.program.samples, dict(net.named_parameters())
    assert set(called.values()) == {key for key, p in own.items() if p.requires_grad or p.any()}
    for iteration in range(UPDATES + 1):
        now, error = t.at(iteration), peer.run()
        near(now["E"], error, close, (iteration, "E"))
        ours = iter([numbers(now, names) for names in steps])
        passed = np.zeros((0, 0))
        for theirs in peer.activations(samples):
            if passed.shape != theirs.shape or not np.allclose(passed, theirs, rtol=close):
                passed = next(o for o in ours if o.shape == theirs.shape and np.allclose(
                    o, theirs, rtol=close, atol=close * 1e-3
                ))  # fmt: skip
        for name, path in called.items():
            names = names_of(name, tuple(own[path].shape))
            values = numbers(now, names)[0].reshape(names.shape)
            near(values, own[path].detach(), close, (iteration, name))
            if own[path].requires_grad:
                near(gradients(now, names), own[path].grad, close, (iteration, f"dE/d{name}"))
        stated.step()
    return s


# ---- modules ---------------------------------------------------------------------------

ACTIVATIONS = {
    "sigmoid": nn.Sigmoid(), "tanh": nn.Tanh(), "relu": nn.ReLU(), "leaky": nn.LeakyReLU(),
    "leaky 0.2": nn.LeakyReLU(0.2), "elu": nn.ELU(), "elu 0.5": nn.ELU(0.5), "selu": nn.SELU(),
    "gelu": nn.GELU(), "gelu tanh": nn.GELU("tanh"), "silu": nn.SiLU(), "softplus": nn.Softplus(),
    "softsign": nn.Softsign(), "hard sigmoid": nn.Hardsigmoid(), "identity": nn.Identity(),
    "softmax": nn.Softmax(-1), "softmax 1": nn.Softmax(1), "log-softmax": nn.LogSoftmax(dim=1),
}  # fmt: skip


@pytest.mark.parametrize("samples", [1, 4])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_of_pytorchs(name, samples):
    net = nn.Sequential(nn.Linear(2, 3), ACTIVATIONS[name], nn.Linear(3, 2)).double()
    close = 1e-7 if name == "hard sigmoid" else 1e-9  # PyTorch's 1/6 is a float32
    compare(net, drawn(samples, 2), drawn(samples, 2), close=close)


def images(*parts, of=(2, 4, 4)):
    """A module for images; its last layer is made to fit."""
    net = nn.Sequential(*parts, nn.Flatten()).double()
    width = net(drawn(2, *of)).shape[1]
    return nn.Sequential(*parts, nn.Flatten(), nn.Linear(width, 2)).double()


NETS = {
    "one layer": (lambda: nn.Linear(3, 2).double(), (3,)),
    "without bias": (lambda: nn.Sequential(nn.Linear(3, 2, bias=False)).double(), (3,)),
    "nested": (
        lambda: nn.Sequential(
            nn.Sequential(nn.Linear(3, 4), nn.Tanh()), nn.Dropout(0.5), nn.ReLU(), nn.Linear(4, 2)
        ).double().eval(),
        (3,),
    ),
    "activation first": (lambda: nn.Sequential(nn.Tanh(), nn.Linear(3, 2)).double(), (3,)),
    "layer norm": (
        lambda: nn.Sequential(
            nn.Linear(3, 4), nn.LayerNorm(4), nn.ReLU(), nn.Linear(4, 2)
        ).double(),
        (3,),
    ),
    "plain layer norm": (
        lambda: nn.Sequential(
            nn.Linear(3, 4), nn.LayerNorm(4, elementwise_affine=False, eps=0.01), nn.Linear(4, 2)
        ).double(),
        (3,),
    ),
    "sequences": (
        lambda: nn.Sequential(
            nn.Linear(3, 4), nn.Tanh(), nn.LayerNorm(4), nn.Linear(4, 2)
        ).double(),
        (2, 3),
    ),
    "sequences, flat": (
        lambda: nn.Sequential(nn.Linear(3, 2), nn.Flatten(), nn.Linear(4, 2)).double(), (2, 3),
    ),
    "convolution": (lambda: images(nn.Conv2d(2, 2, 3, padding=1), nn.ReLU()), (2, 4, 4)),
    "strides": (
        lambda: images(nn.Conv2d(2, 2, (2, 3), stride=(2, 1), padding=(1, 0)), nn.Tanh()),
        (2, 4, 4),
    ),
    "unpadded": (
        lambda: images(nn.Conv2d(2, 1, 2, padding="valid", bias=False), nn.Sigmoid()), (2, 4, 4),
    ),
    "maximum": (lambda: images(nn.MaxPool2d(2), nn.Conv2d(2, 2, 2), nn.ELU()), (2, 4, 4)),
    "average": (
        lambda: images(nn.AvgPool2d((2, 3), stride=1, padding=1, count_include_pad=False)),
        (2, 4, 4),
    ),
}  # fmt: skip


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("name", NETS)
def test_a_module_of_pytorchs(name, samples):
    made, sizes = NETS[name]
    net = made()
    x = drawn(samples, *sizes)
    with torch.no_grad():
        shape = net(x).shape
    compare(net, x, drawn(*shape))


@pytest.mark.parametrize("affine", [True, False])
def test_batch_norm_takes_the_statistics_of_the_batch(affine):
    flat = nn.Sequential(
        nn.Linear(3, 2), nn.BatchNorm1d(2, affine=affine), nn.Tanh(), nn.Linear(2, 2)
    ).double()
    compare(flat, drawn(4, 3), drawn(4, 2), optimizer=lambda p: optim.SGD(p, 0.1, momentum=0.9))
    maps = nn.Sequential(
        nn.Conv2d(1, 2, 2, bias=False), nn.BatchNorm2d(2, affine=affine), nn.ReLU(), nn.Flatten(),
        nn.Linear(8, 2),
    ).double()  # fmt: skip
    compare(maps, drawn(3, 1, 3, 3), drawn(3, 2), optimizer=optim.Adam)


@pytest.mark.parametrize("sizes", [(3,), (2, 3), (2, 2, 2)])
def test_one_sample_may_have_no_axis_of_samples(sizes):
    net = nn.Conv2d(2, 2, 2).double() if len(sizes) == 3 else nn.Linear(3, 2).double()
    x = drawn(*sizes)
    compare(net, x, drawn(*net(x).shape))


def test_images_alone_are_flattened_from_their_first_axis():
    net = nn.Sequential(nn.Conv2d(1, 2, 2), nn.Flatten(start_dim=0), nn.Linear(8, 1)).double()
    compare(net, drawn(1, 3, 3), drawn(1))


@pytest.mark.parametrize("x", [[[1, 3, 1]], [[1, 3], [0, 2]], [2, 0, 2, 4], [3]], ids=str)
@pytest.mark.parametrize("optimizer", [optim.SGD, optim.Adam, optim.AdamW])
def test_embeddings_of_one_sample_and_of_several(x, optimizer):
    x = torch.tensor(x)
    words = x.shape[1] if x.ndim > 1 else 1
    net = nn.Sequential(
        nn.Embedding(5, 2), nn.Flatten(), nn.Tanh(), nn.Linear(2 * words, 2)
    ).double()
    compare(net, x, drawn(len(x), 2), optimizer=lambda p: optimizer(p, lr=0.1))


def test_an_embedding_of_words_that_predicts_the_next():
    net = nn.Sequential(nn.Embedding(4, 3), nn.Linear(3, 4)).double()
    compare(net, torch.tensor([0, 2, 1, 2]), torch.tensor([2, 1, 3, 0]), nn.CrossEntropyLoss())


@pytest.mark.parametrize("sampled", [True, False])
@pytest.mark.parametrize(
    "made",
    [
        lambda: nn.RNN(2, 3, bias=False, batch_first=True),
        lambda: nn.RNN(2, 3, nonlinearity="relu", bias=False, batch_first=True),
        lambda: nn.LSTM(2, 3, bias=False, batch_first=True),
        lambda: nn.GRU(2, 3, bias=False, batch_first=True),
    ],
    ids=["rnn", "relu", "lstm", "gru"],
)
def test_a_recurrent_module_as_a_whole(made, sampled):
    compare(made().double(), drawn(*[2] * sampled, 3, 2), drawn(*[2] * sampled, 3, 3))


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_of_two_biases_one_must_be_held_at_0(kind):
    net, x, target = kind(2, 3, batch_first=True).double(), drawn(2, 3, 2), drawn(2, 3, 3)
    with pytest.raises(UsageError, match="bias=False, or hold bias_hh_l0 at 0"):
        tracer.from_torch(net, x, target)
    with torch.no_grad():
        net.bias_hh_l0.zero_()
    net.bias_hh_l0.requires_grad_(False)
    compare(net, x, target)


def test_a_layer_that_stands_twice_has_one_matrix():
    shared = nn.Linear(2, 2)
    net = nn.Sequential(shared, nn.Tanh(), shared).double()
    s = compare(net, drawn(3, 2), drawn(3, 2))
    assert "W2" not in s.numbers
    assert "W1[2,2]" in s.numbers


def test_frozen_biases_stay():
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)).double()
    for part in (net[0], net[2]):
        part.bias.requires_grad_(False)
    s = tracer.from_torch(net, drawn(3, 2), drawn(3, 1))
    assert s.conventions.biases == "frozen"
    t = tracer.trace(s, iterations=2)
    assert t.at(2)["b1[1]"] == net[0].bias[0].item()
    assert t.at(2)["W1[1,1]"] != net[0].weight[0, 0].item()


def test_a_class_of_ones_own_that_computes_as_its_parent():
    class Mine(nn.Sequential):
        pass

    compare(Mine(nn.Linear(2, 1), nn.Sigmoid()).double(), drawn(3, 2), drawn(3, 1))


# ---- losses ----------------------------------------------------------------------------

SIGNED = {
    "mse": nn.MSELoss, "l1": nn.L1Loss, "huber": nn.HuberLoss, "smooth l1": nn.SmoothL1Loss,
    "huber 0.3": lambda reduction: nn.HuberLoss(delta=0.3, reduction=reduction),
    "smooth l1 0.3": lambda reduction: nn.SmoothL1Loss(beta=0.3, reduction=reduction),
}  # fmt: skip
BINARY = {
    "bce": (nn.BCELoss, nn.Sigmoid()), "bce with logits": (nn.BCEWithLogitsLoss, nn.Identity()),
}  # fmt: skip
BATCHES = [(x, y) for x in ("mean", "sum") for y in (0, 1, 4)]


def of(samples, *sizes):
    return (samples, *sizes) if samples else sizes


@pytest.mark.parametrize(("reduction", "samples"), BATCHES)
@pytest.mark.parametrize("name", SIGNED)
def test_a_loss_of_differences(name, reduction, samples):
    net = nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 2)).double()
    loss = SIGNED[name](reduction=reduction)
    compare(net, drawn(*of(samples, 3)), drawn(*of(samples, 2)), loss)


@pytest.mark.parametrize(("reduction", "samples"), BATCHES)
@pytest.mark.parametrize("name", BINARY)
def test_a_loss_of_probabilities(name, reduction, samples):
    kind, last = BINARY[name]
    net = nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 2), last).double()
    target = torch.rand(of(samples, 2), dtype=torch.float64)
    compare(net, drawn(*of(samples, 3)), target, kind(reduction=reduction))
    compare(net, drawn(*of(samples, 3)), target.round(), kind(reduction=reduction))


@pytest.mark.parametrize(("reduction", "samples"), BATCHES)
def test_a_loss_of_classes(reduction, samples):
    net = nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 3)).double()
    x, classes = drawn(*of(samples, 3)), torch.randint(0, 3, of(samples))
    compare(net, x, classes, nn.CrossEntropyLoss(reduction=reduction))
    shares = torch.softmax(drawn(*of(samples, 3)), -1)
    compare(copy.deepcopy(net), x, shares, nn.CrossEntropyLoss(reduction=reduction))
    logs = nn.Sequential(*net, nn.LogSoftmax(-1))
    compare(logs, x, classes, nn.NLLLoss(reduction=reduction))


# ---- optimizers ------------------------------------------------------------------------

OPTIMIZERS = {
    "none": None,
    "sgd": lambda p: optim.SGD(p, 0.05),
    "momentum": lambda p: optim.SGD(p, 0.05, momentum=0.8),
    "nesterov": lambda p: optim.SGD(p, 0.05, momentum=0.8, nesterov=True),
    "decay": lambda p: optim.SGD(p, 0.05, weight_decay=0.1),
    "all of these": lambda p: optim.SGD(p, 0.05, 0.7, nesterov=True, weight_decay=0.1),
    "adam": optim.Adam,
    "adam, set": lambda p: optim.Adam(p, 0.1, (0.8, 0.9), 1e-6, weight_decay=0.1),
    "amsgrad": lambda p: optim.Adam(p, 0.1, amsgrad=True),
    "adamw": optim.AdamW,
    "adamw, set": lambda p: optim.AdamW(p, 0.1, (0.8, 0.9), 1e-6, weight_decay=0.3),
    "adamw, no decay": lambda p: optim.AdamW(p, 0.1, weight_decay=0),
    "rmsprop": optim.RMSprop,
    "rmsprop, set": lambda p: optim.RMSprop(p, 0.05, 0.8, 1e-6, 0.1),
    "adagrad": optim.Adagrad,
    "adagrad, set": lambda p: optim.Adagrad(p, 0.1, weight_decay=0.1, eps=1e-6),
    "adadelta": optim.Adadelta,
    "adadelta, set": lambda p: optim.Adadelta(p, 0.5, 0.8, 1e-5, 0.1),
    "adamax": optim.Adamax,
    "adamax, set": lambda p: optim.Adamax(p, 0.1, (0.8, 0.9), 1e-6, 0.1),
}


@pytest.mark.parametrize("samples", [1, 4])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_of_pytorchs(name, samples):
    net = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 1)).double()
    compare(net, drawn(samples, 2), drawn(samples, 1), optimizer=OPTIMIZERS[name])


def test_numbers_of_single_precision_are_taken_as_they_are():
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    x, target = torch.randn(4, 2), torch.randn(4, 1)
    s = tracer.from_torch(net, x, target, nn.MSELoss())
    assert float(s.numbers["W1[1,2]"]) == net[0].weight[0, 1].item()
    assert s.data["x[2]"][3] == x[3, 1].item()
    compare(net, x, target, close=1e-5)
    half = nn.Linear(2, 1).bfloat16()
    s = tracer.from_torch(half, x.bfloat16(), target.bfloat16())
    assert float(s.numbers["W1[1,2]"]) == half.weight[0, 1].item()


# ---- what is refused -------------------------------------------------------------------

LAYER = nn.Linear(3, 2)


def stepped(kind, **settings):
    net = nn.Linear(3, 2)
    found = kind(net.parameters(), 0.1, **settings)
    net(torch.ones(1, 3)).sum().backward()
    found.step()
    return found


def frozen(*names):
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 2))
    for name in names:
        net.get_parameter(name).requires_grad_(False)
    return net


class Own(nn.Module):
    def forward(self, x):
        return x


class Other(nn.Sequential):
    def forward(self, x):
        return super().forward(x) + 1


NO_MODULES = [
    (np.zeros((2, 3)), "expected one of PyTorch's, such as .*found a ndarray.*from_arrays"),
    (None, "module: expected one of PyTorch's"),
    (torch.tanh, "found the builtin_function_or_method tanh"),
    (nn.Linear, r"module: Linear is a class; write Linear\(…\)"),
    (Own(), "no module Own; known are .*Linear.*into a Sequential"),
    (Other(LAYER), "no module Other"),
    (nn.Sequential(), "an empty Sequential"),
    (nn.Sequential(LAYER, nn.Conv3d(1, 1, 1)), "no module Conv3d; did you mean 'Conv2d'"),
    (nn.Sequential(LAYER, nn.Dropout()), r"Dropout is random; call eval\(\)"),
    (nn.Sequential(LAYER, nn.BatchNorm1d(2)).eval(), "BatchNorm1d has statistics of its own"),
    (nn.Sequential(LAYER, nn.LayerNorm(2, bias=False)), "LayerNorm with bias=False"),
    (nn.LayerNorm((4, 3)), "only the last axis"),
    (nn.Sequential(LAYER, nn.Softmax(0)), "Softmax with dim=0"),
    (nn.Sequential(LAYER, nn.LeakyReLU(2.0)), "negative_slope=2.0"),
    (nn.Sequential(LAYER, nn.Softplus(2.0)), "Softplus with beta=2.0; only beta=1 is known"),
    (nn.Conv2d(1, 1, 2), "x is 4 × 3; Conv2d takes samples × channels × rows × columns"),
    (nn.Embedding(4, 2), "Embedding takes whole numbers from 0 to 3"),
    (nn.Sequential(LAYER, nn.Embedding(4, 2)), "Embedding is known as the first layer only"),
    (nn.Sequential(nn.RNN(3, 2, bias=False), LAYER), "RNN gives a pair"),
    (nn.LSTM(3, 2, 2, bias=False), "LSTM with num_layers=2"),
    (nn.GRU(3, 2, bias=False, bidirectional=True), "GRU with bidirectional=True"),
    (frozen("0.weight"), "0.weight is not trained; only biases can be frozen"),
    (frozen("0.bias"), "b1 is not trained, b2 is; all biases, or none"),
]
NO_MAPS = [
    (nn.Conv2d(2, 2, 2, groups=2), "Conv2d with groups=2; only groups=1 is known"),
    (nn.Conv2d(2, 2, 2, dilation=2), r"Conv2d with dilation=\(2, 2\)"),
    (nn.Conv2d(2, 2, 3, padding="same"), "padding='same'; write numbers"),
    (nn.MaxPool2d(2, ceil_mode=True), "MaxPool2d with ceil_mode=True"),
    (nn.AvgPool2d(2, padding=1), "AvgPool2d with count_include_pad=True"),
    (nn.Flatten(2), r"Flatten\(2, -1\) of 4 axes"),
    (nn.BatchNorm1d(2), "BatchNorm1d of 3 axes a sample"),
]
NO_LOSSES = [
    (nn.functional.mse_loss, "loss: expected one of PyTorch's, .*found the function mse_loss"),
    (nn.MSELoss, r"MSELoss is a class; write MSELoss\(…\)"),
    ("mse", "found a str"),
    (nn.PoissonNLLLoss(), "no loss PoissonNLLLoss; did you mean 'NLLLoss'.*known are BCELoss"),
    (nn.MSELoss(reduction="none"), "reduction='none'; only 'mean' and 'sum'"),
    (nn.BCELoss(weight=torch.ones(2)), "BCELoss with weight=a tensor"),
    (nn.BCEWithLogitsLoss(pos_weight=torch.ones(2)), "pos_weight=a tensor"),
    (nn.CrossEntropyLoss(weight=torch.ones(2)), "CrossEntropyLoss with weight"),
    (nn.CrossEntropyLoss(label_smoothing=0.1), "label_smoothing=0.1"),
    (nn.NLLLoss(), "target is 4 × 2, expected 4 numbers of classes"),
]
NO_OPTIMIZERS = [
    (optim.SGD, r"optimizer: SGD is a class; write SGD\(…\)"),
    (0.1, "optimizer: expected one of PyTorch's, .*found a float"),
    (optim.LBFGS(LAYER.parameters()), "no optimizer LBFGS; known are Adadelta"),
    (stepped(optim.Adam), "Adam has made steps already"),
    (stepped(optim.SGD, momentum=0.9), "SGD has made steps already"),
    (optim.SGD([{"params": [p]} for p in LAYER.parameters()], 0.1), "several groups"),
    (optim.SGD(LAYER.parameters(), 0.1, maximize=True), "SGD with maximize=True is not known"),
    (optim.SGD(LAYER.parameters(), 0.1, 0.9, 0.1), "SGD with dampening=0.1"),
    (optim.RMSprop(LAYER.parameters(), centered=True), "RMSprop with centered=True"),
    (optim.AdamW(LAYER.parameters(), amsgrad=True), "AdamW with amsgrad=True"),
    (optim.Adagrad(LAYER.parameters(), lr_decay=0.1), "Adagrad with lr_decay=0.1"),
    (optim.SGD(nn.Linear(3, 2).parameters(), 0.1), "weight is not among the optimizer's"),
]


def refused(says, *args):
    with pytest.raises(UsageError, match=says) as told:
        tracer.from_torch(*args)
    assert str(told.value).startswith("from_torch: ")
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("module", "says"), NO_MODULES, ids=lambda v: v if isinstance(v, str) else ""
)
def test_a_module_that_is_none_or_not_known_is_refused_by_name(module, says):
    refused(says, module, drawn(4, 3), drawn(4, 2))


@pytest.mark.parametrize(("module", "says"), NO_MAPS, ids=lambda v: v if isinstance(v, str) else "")
def test_a_setting_that_no_layer_has_is_refused(module, says):
    refused(says, module, drawn(2, 2, 4, 4), drawn(2, 2))


@pytest.mark.parametrize(("loss", "says"), NO_LOSSES, ids=lambda v: v if isinstance(v, str) else "")
def test_a_loss_that_is_not_known_is_refused(loss, says):
    refused(says, LAYER, drawn(4, 3), drawn(4, 2), loss)


@pytest.mark.parametrize(
    ("optimizer", "says"), NO_OPTIMIZERS, ids=lambda v: v if isinstance(v, str) else ""
)
def test_an_optimizer_that_is_not_known_is_refused(optimizer, says):
    refused(says, LAYER, drawn(4, 3), drawn(4, 2), None, optimizer)


def test_an_optimizer_that_keeps_nothing_may_have_made_steps():
    net = nn.Linear(3, 2)
    sgd = optim.SGD(net.parameters(), 0.1)
    net(torch.ones(1, 3)).sum().backward()
    sgd.step()
    tracer.from_torch(net, drawn(1, 3), drawn(1, 2), None, sgd)


@pytest.mark.parametrize(
    ("x", "target", "says"),
    [
        (drawn(4, 3), drawn(4), "target is 4, the outputs are 4 × 2"),
        (drawn(4, 3), drawn(3, 2), "target is 3 × 2, the outputs are 4 × 2"),
        (drawn(4, 3) * np.nan, drawn(4, 2), "x: holds a number that is not finite"),
        (drawn(0, 3), drawn(4, 2), "x: empty"),
        ([[1, 2, 3], [1]], drawn(4, 2), "x: expected numbers, found rows of different lengths"),
        ("x", drawn(4, 2), "x: expected numbers, found a str"),
        (drawn(4, 3), None, "target: empty"),
    ],
)
def test_samples_that_do_not_fit_are_refused(x, target, says):
    refused(says, LAYER, x, target)


def test_a_target_that_pytorch_would_spread_is_refused():
    net, x, target = nn.Linear(3, 1).double(), drawn(4, 3), drawn(4)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        nn.MSELoss()(net(x), target)
    assert "broadcasting" in str(told[0].message)
    refused("target is 4, the outputs are 4 × 1", net, x, target)


def test_a_class_that_the_loss_ignores_is_refused():
    loss = nn.CrossEntropyLoss(ignore_index=1)
    refused("ignore_index=1, a target", LAYER, drawn(2, 3), [0, 1], loss)
    tracer.from_torch(LAYER, drawn(2, 3), torch.tensor([0, 0]), loss)


def test_what_changes_a_layer_from_outside_is_refused():
    hooked = nn.Linear(3, 2)
    hooked.register_forward_hook(lambda module, given, found: 2 * found)
    refused("Linear has hooks", nn.Sequential(hooked), drawn(4, 3), drawn(4, 2))
    computed = nn.utils.parametrizations.weight_norm(nn.Linear(3, 2))
    refused("W is computed", computed, drawn(4, 3), drawn(4, 2))


def test_classes_that_are_none_are_refused():
    refused("no class 2; there are 0 to 1", LAYER, drawn(1, 3), [2], nn.CrossEntropyLoss())
    refused("no class 0.5", LAYER, drawn(1, 3), [0.5], nn.CrossEntropyLoss())
    steps = drawn(2, 4, 3)
    refused("CrossEntropyLoss of 4 × 2 outputs", LAYER, steps, [[0] * 4], nn.CrossEntropyLoss())


def test_weights_that_do_not_fit_x_are_told_with_their_name():
    with pytest.raises(ScenarioError, match="W1 is for 3 inputs, the layer has 2"):
        tracer.from_torch(LAYER, drawn(4, 2), drawn(4, 2))


# ---- pages and files -------------------------------------------------------------------


def small():
    """Scenarios with rules of their own, samples, and givens of every depth."""
    leaky = nn.Sequential(nn.Linear(2, 3), nn.LeakyReLU(0.3), nn.Linear(3, 1)).double()
    yield tracer.from_torch(
        leaky, drawn(3, 2), drawn(3, 1), nn.HuberLoss(delta=0.2), optim.Adam(leaky.parameters())
    )
    maps = nn.Sequential(nn.Conv2d(1, 1, 2), nn.ReLU(), nn.Flatten(), nn.Linear(4, 2)).double()
    yield tracer.from_torch(maps, drawn(1, 1, 3, 3), [1], nn.CrossEntropyLoss())
    look = nn.Sequential(nn.Embedding(4, 2), nn.Flatten(), nn.Linear(4, 1)).double()
    yield tracer.from_torch(look, torch.tensor([[1, 3]]), drawn(1, 1))
    yield tracer.from_torch(
        nn.GRU(1, 2, bias=False, batch_first=True).double(), drawn(1, 2, 1), drawn(1, 2, 2)
    )
    yield tracer.from_arrays({"W1": [[1e-7, -2.5e20, 0]]}, [1], [1, 0, 3], activations=["tanh"])


def test_a_page_and_a_mark_for_what_was_a_model():
    for s in small():
        t = tracer.trace(s)
        assert s.title in tracer.render(t)
        assert r"\begin{document}" in tracer.render(t, "tex")
        if all(layer.kind == "dense" for layer in s.network.layers):
            assert "<svg" in tracer.render(t, "svg")
        now = t.at(0)
        gradient = next(name for name in now.names if name.startswith("dE/dW1["))
        report = tracer.mark(s, {"E": repr(now["E"]), gradient: repr(now[gradient] + 1)})
        assert ["right", "right"] != [judged.mark.value for judged in report.sheets[0].judged]


def test_a_scenario_written_to_a_file_is_the_same(tmp_path):
    for k, s in enumerate(small()):
        path = tmp_path / f"model{k}.toml"
        path.write_text(s.to_toml(), "utf-8")
        again = tracer.load(path)
        assert s.numbers == again.numbers
        assert all(str(n) == str(again.numbers[name]) for name, n in s.numbers.items())
        ours, theirs = tracer.trace(s, iterations=2), tracer.trace(again, iterations=2)
        assert ours.names == theirs.names
        for iteration in range(3):
            assert (ours.at(iteration).values == theirs.at(iteration).values).all()
        assert again.to_toml() == s.to_toml()
