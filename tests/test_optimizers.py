"""Every optimizer against PyTorch, and what a scenario may state of one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import tracer
from tracer.catalog.optimizers import OPTIMIZERS, optimizer
from tracer.check.marks import Mark
from tracer.errors import RuleError, ScenarioError
from tracer.scenario import read

UPDATES = 3

GIVENS = """
[givens."Inputs"]
x1 = 0.35
x2 = -0.9
[givens."Parameters"]
w1 = 0.1
w2 = -0.4
w3 = 0.8
w4 = 0.6
b1 = 0.3
b2 = -0.2
w5 = 0.3
w6 = -0.9
b3 = 0.15
[givens."Target"]
target = 0.2
"""
LAYERS = """
[network]
inputs = ["x1", "x2"]
targets = ["target"]
[[network.layers]]
activation = "sigmoid"
weights = [["w1", "w2"], ["w3", "w4"]]
bias = ["b1", "b2"]
[[network.layers]]
activation = "sigmoid"
weights = [["w5", "w6"]]
bias = ["b3"]
"""
PARAMETERS = {
    "w1": 0.1, "w2": -0.4, "w3": 0.8, "w4": 0.6, "b1": 0.3, "b2": -0.2, "w5": 0.3, "w6": -0.9,
    "b3": 0.15,
}  # fmt: skip
SEQUENCE = {"p": [0.5, -1.5, 0.25], "q": [0.01, 0.02, -3.0], "r": [-2.0, 0.0, 1e-4]}


def network(own):
    return read(f'title = "t"\n{own}\n{GIVENS}\n[givens.R]\neta = 0.5\n{LAYERS}', "t.toml", "t")


def sequence(own):
    text = "\n".join(f"{name} = {gradients}" for name, gradients in SEQUENCE.items())
    return read(
        f'title = "t"\n[conventions]\niterations = {UPDATES}\n[givens.Start]\np = 1.0\nq = -0.5\n'
        f"r = 2.0\neta = 0.05\n{own}\n[gradients]\n{text}",
        "t.toml", "t",
    )  # fmt: skip


# ---- PyTorch ---------------------------------------------------------------------------


def error_at(w, x1, x2, target):
    """The network of `LAYERS` by hand, in the author's names."""
    h1 = torch.sigmoid(w["w1"] * x1 + w["w2"] * x2 + w["b1"])
    h2 = torch.sigmoid(w["w3"] * x1 + w["w4"] * x2 + w["b2"])
    return 0.5 * (target - torch.sigmoid(w["w5"] * h1 + w["w6"] * h2 + w["b3"])) ** 2


def tensors(values):
    return {k: torch.tensor(v, dtype=torch.float64, requires_grad=True) for k, v in values.items()}


def run_torch(make, start, gradients, before=lambda w: None):
    """The parameters of every pass; `gradients(w, k)` sets them, `before` may change them."""
    w = tensors(start)
    peer = make(list(w.values()))
    found = []
    for k in range(UPDATES + 1):
        found.append({name: value.item() for name, value in w.items()})
        peer.zero_grad()
        gradients(w, k)
        before(list(w.values()))
        peer.step()
    return found


def of_network(w, k):
    error_at(w, 0.35, -0.9, 0.2).backward()


def of_sequence(w, k):
    for name, value in w.items():
        value.grad = torch.tensor(SEQUENCE[name][min(k, UPDATES - 1)], dtype=torch.float64)


def averaged(parameters, **settings):
    """PyTorch starts this one with the first gradient itself; the tutorials start with 0."""
    made = torch.optim.SGD(parameters, **settings)
    for p in parameters:
        made.state[p]["momentum_buffer"] = torch.zeros_like(p)
    return made


SGD, ADAM = torch.optim.SGD, torch.optim.Adam
MOMENTUM, BETAS = "mu = 0.7", "beta1 = 0.8\nbeta2 = 0.95\nepsilon = 0.01"
COMMON = {"betas": (0.8, 0.95), "eps": 0.01}
#: By our name: settings in our words, the peer and its settings in PyTorch's, and which of our
#: steps is PyTorch's parameter.
PEERS = {
    "gradient descent": ("", SGD, {}, "{}"),
    "momentum": (MOMENTUM, SGD, {"momentum": 0.7}, "{}"),
    "momentum, rate inside": (MOMENTUM, SGD, {"momentum": 0.7}, "{}"),
    "momentum, added": (MOMENTUM, SGD, {"momentum": 0.7}, "{}"),
    "momentum, averaged": (MOMENTUM, averaged, {"momentum": 0.7, "dampening": 0.7}, "{}"),
    "nesterov": (MOMENTUM, SGD, {"momentum": 0.7, "nesterov": True}, "{}"),
    "nesterov, look-ahead": (MOMENTUM, SGD, {"momentum": 0.7, "nesterov": True}, "ahead_{}"),
    "adagrad": ("epsilon = 0.01", torch.optim.Adagrad, {"eps": 0.01}, "{}"),
    "rmsprop": (
        "rho = 0.8\nepsilon = 0.01", torch.optim.RMSprop, {"alpha": 0.8, "eps": 0.01}, "{}",
    ),
    "adadelta": (
        "rho = 0.8\nepsilon = 0.01", torch.optim.Adadelta,
        {"rho": 0.8, "eps": 0.01, "lr": 1.0}, "{}",
    ),
    "adadelta, with a rate": (
        "rho = 0.8\nepsilon = 0.01", torch.optim.Adadelta, {"rho": 0.8, "eps": 0.01}, "{}",
    ),
    "adam": (BETAS, ADAM, COMMON, "{}"),
    "adamw": (
        f"{BETAS}\nweight_decay = 0.1", torch.optim.AdamW, {**COMMON, "weight_decay": 0.1}, "{}",
    ),
    "amsgrad": (BETAS, ADAM, {**COMMON, "amsgrad": True}, "{}"),
    "adamax": (
        "beta1 = 0.8\nbeta2 = 0.95", torch.optim.Adamax, {"betas": (0.8, 0.95), "eps": 0.0}, "{}",
    ),
    "adamax, with epsilon": (BETAS, torch.optim.Adamax, COMMON, "{}"),
}  # fmt: skip


def test_every_optimizer_has_a_peer():
    print("\nheld against PyTorch:", ", ".join(PEERS))  # noqa: T201
    assert list(PEERS) == list(OPTIMIZERS)


def agrees(t, expected, called):
    for k, values in enumerate(expected):
        for name, value in values.items():
            assert t.at(k)[called.format(name)] == pytest.approx(value, rel=1e-9, abs=1e-12), name


def table_of(kind, settings):
    return f'[optimizer]\nkind = "{kind}"\n{settings}\n'


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_a_network_learns_as_in_pytorch(kind):
    settings, peer, words, called = PEERS[kind]
    s = network(f"[conventions]\niterations = {UPDATES}\n{table_of(kind, settings)}")
    expected = run_torch(lambda p: peer(p, **{"lr": 0.5, **words}), PARAMETERS, of_network)
    agrees(tracer.trace(s), expected, called)


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_stated_gradients_move_parameters_as_in_pytorch(kind):
    settings, peer, words, called = PEERS[kind]
    expected = run_torch(
        lambda p: peer(p, **{"lr": 0.05, **words}), {"p": 1.0, "q": -0.5, "r": 2.0}, of_sequence
    )
    agrees(tracer.trace(sequence(table_of(kind, settings))), expected, called)


@pytest.mark.parametrize("kind", ["gradient descent", "momentum", "nesterov", "rmsprop", "adam"])
def test_weight_decay_is_added_to_the_gradient(kind):
    settings, peer, words, called = PEERS[kind]
    expected = run_torch(
        lambda p: peer(p, **{"lr": 0.5, "weight_decay": 0.2, **words}), PARAMETERS, of_network
    )
    own = table_of(kind, f"{settings}\nweight_decay = 0.2")
    s = network(f"[conventions]\niterations = {UPDATES}\n{own}")
    agrees(tracer.trace(s), expected, called)


def test_gradients_are_cut_off_one_by_one():
    expected = run_torch(
        lambda p: SGD(p, lr=0.05), {"p": 1.0, "q": -0.5, "r": 2.0}, of_sequence,
        lambda w: torch.nn.utils.clip_grad_value_(w, 0.4),
    )  # fmt: skip
    own = table_of("gradient descent", "clip = { value = 0.4 }")
    agrees(tracer.trace(sequence(own)), expected, "{}")


def test_gradients_are_scaled_down_together():
    def scaled(w):
        # clip_grad_norm_ adds 1e-6 to the norm; this is the formula without it
        norm = torch.sqrt(sum(x.grad**2 for x in w))
        for x in w:
            x.grad *= min(1.0, 2.0 / norm)

    start = {"p": 1.0, "q": -0.5, "r": 2.0}
    expected = run_torch(lambda p: ADAM(p, lr=0.05, **COMMON), start, of_sequence, scaled)
    t = tracer.trace(sequence(table_of("adam", f"{BETAS}\nclip = {{ norm = 2 }}")))
    agrees(t, expected, "{}")
    assert t["norm"] == pytest.approx(np.sqrt(0.5**2 + 0.01**2 + 2.0**2), rel=1e-12)
    theirs = run_torch(
        lambda p: ADAM(p, lr=0.05, **COMMON), start, of_sequence,
        lambda w: torch.nn.utils.clip_grad_norm_(w, 2.0),
    )  # fmt: skip
    assert t.at(3)["q"] == pytest.approx(theirs[3]["q"], rel=1e-5)


@pytest.mark.parametrize(
    ("schedule", "rate"),
    [
        ('schedule = "eta*decay^k"\ndecay = 0.5', lambda k: 0.5 * 0.5**k),
        ('schedule = "eta/(1 + decay*k)"\ndecay = 0.25', lambda k: 0.5 / (1 + 0.25 * k)),
        ("schedule = [0.5, 0.2, 0.1]", lambda k: [0.5, 0.2, 0.1, 0.1][k]),
    ],
)
def test_the_learning_rate_follows_a_schedule(schedule, rate):
    rates = map(rate, range(UPDATES + 1))

    def make(parameters):
        peer = SGD(parameters, lr=1.0, momentum=0.7)
        peer.register_step_pre_hook(lambda o, *_: o.param_groups[0].update(lr=next(rates)))
        return peer

    listed = "[" in schedule
    own = table_of("momentum", f"mu = 0.7\n{schedule}")
    rated = "" if listed else "[givens.R]\neta = 0.5\n"
    stated = f"[conventions]\niterations = {UPDATES}\n{own}"
    t = tracer.trace(read(f'title = "t"\n{stated}\n{GIVENS}{rated}{LAYERS}', "t.toml", "t"))
    agrees(t, run_torch(make, PARAMETERS, of_network), "{}")
    for k in range(UPDATES):
        assert t.at(k)["eta" if listed else "eta_k"] == pytest.approx(rate(k), rel=1e-12)


# ---- state from pass to pass -----------------------------------------------------------


def test_a_run_goes_on_from_a_stated_start():
    """Stated in digits, what one update leaves leads to what the next ones leave."""
    whole = tracer.trace(sequence(table_of("adam", BETAS)))
    after = whole.at(1)
    each = "p = {p!r}, q = {q!r}, r = {r!r}"
    m, v = (each.format(**{w: after[f"{x}_{w}"] for w in "pqr"}) for x in "mv")
    start = f"start = {{ t = 1, m = {{ {m} }}, v = {{ {v} }} }}"
    givens = "\n".join(f"{w} = {after[w]!r}" for w in "pqr")
    gradients = "\n".join(f"{w} = {SEQUENCE[w][1:]}" for w in "pqr")
    s = read(
        f'title = "t"\n[conventions]\niterations = 2\n[givens.Start]\n{givens}\neta = 0.05\n'
        f"{table_of('adam', BETAS)}{start}\n[gradients]\n{gradients}",
        "t.toml", "t",
    )  # fmt: skip
    t = tracer.trace(s)
    for k in range(3):
        for name in ("p", "q", "r", "m_p", "v_r", "t"):
            assert t.at(k)[name] == whole.at(k + 1)[name], (k, name)


def test_a_given_may_be_what_the_optimizer_keeps():
    s = read(
        'title = "t"\n[givens.G]\nw = [1, 2]\ndw = [0.5, -1]\nspeed = [0.1, 0.2]\neta = 0.1\n'
        '[optimizer]\nkind = "momentum"\nstart = { v = { w = "speed" } }\n[gradients]\nw = "dw"',
        "t.toml", "t",
    )  # fmt: skip
    t = tracer.trace(s)
    assert t["speed[2]+"] == pytest.approx(0.9 * 0.2 - 1)
    assert t.at(1)["speed[2]"] == t.at(0)["speed[2]+"]
    assert t["w[2]+"] == pytest.approx(2 - 0.1 * (0.9 * 0.2 - 1))


def test_every_arithmetic_feeds_the_same_gradients():
    """The last row stays: pass 3 has the gradient of pass 2, in every engine."""
    s = sequence(table_of("momentum", MOMENTUM))
    exact = tracer.trace(s, reading="30 digits")
    single = tracer.trace(s, reading="float32")
    double = tracer.trace(s)
    for k in range(UPDATES + 1):
        assert double.at(k)["g_p"] == SEQUENCE["p"][min(k, 2)]
        assert single.at(k)["p"] == pytest.approx(double.at(k)["p"], rel=1e-6)
        assert exact.at(k)["p"] == pytest.approx(double.at(k)["p"], rel=1e-15)


def test_the_only_parameter_lends_its_names():
    s = read(
        'title = "t"\n[givens.G]\nw = 1\neta = 0.1\n[gradients]\nw = 2\n'
        '[optimizer]\nkind = "adam"', "t.toml", "t",
    )  # fmt: skip
    t = tracer.trace(s)
    assert (t["m"], t["m+"], t["m_hat"]) == (t["m_w"], t["m_w+"], t["m_hat_w"])


def test_a_target_may_be_called_t():
    s = read(
        (f'title = "t"\n{table_of("adam", "")}{GIVENS}\n[givens.R]\neta = 0.5\n{LAYERS}')
        .replace("target = 0.2", "t = 0.2").replace('["target"]', '["t"]'),
        "t.toml", "t",
    )  # fmt: skip
    t = tracer.trace(s)
    assert (t["t"], t["t_adam"], t["t_adam+"]) == (0.2, 0, 1)


def test_a_reading_may_change_a_setting():
    own = table_of("adam", BETAS) + '[readings."slow"]\ngivens = { beta1 = 0.99 }\n'
    s = sequence(own)
    assert tracer.trace(s, reading="slow")["m_p+"] == pytest.approx(0.01 * 0.5)
    assert tracer.trace(s)["m_p+"] == pytest.approx(0.2 * 0.5)


# ---- one's own -------------------------------------------------------------------------

LION = """
[optimizer]
kind = "lion"
beta2 = 0.9
[optimizers.lion]
equations = ["c = beta1*m + (1 - beta1)*g", "w = w - eta*sign(c)", "m = beta2*m + (1 - beta2)*g"]
state = { m = 0 }
settings = { beta1 = 0.8, beta2 = 0.99 }
"""


def test_a_scenario_brings_its_own_optimizer():
    """Lion, worked out by hand: the sign of an average, and a second average kept."""
    t = tracer.trace(sequence(LION))
    w, m = 1.0, 0.0
    for k, g in enumerate(SEQUENCE["p"]):
        assert t.at(k)["p"] == pytest.approx(w, rel=1e-12)
        w, m = w - 0.05 * np.sign(0.8 * m + 0.2 * g), 0.9 * m + 0.1 * g
        assert t.at(k)["m_p+"] == pytest.approx(m, rel=1e-12)


def test_python_adds_one_too(monkeypatch):
    texts = "all = sum(g_i)", "w = w - eta*(g - all/parts)"
    mine = optimizer("mine", *texts, settings={"parts": 3})
    monkeypatch.setitem(OPTIMIZERS, "mine", mine)
    t = tracer.trace(sequence(table_of("mine", "")))
    total = 0.5 + 0.01 - 2.0
    assert t["r+"] == pytest.approx(2.0 - 0.05 * (-2.0 - total / 3))


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        (["m = g"], "equations: none for 'w', the parameter"),
        (["w = w - et*g"], "equations[0]: 'et' is not known; did you mean 'eta'?"),
        (["w = w - q*g", "q = 2*m"], "equations[0]: 'q' is not known"),
        (["w = w - eta*g", "w = w - m"], "equations[1]: 'w' has an equation already"),
        (["eta = 2"], "equations[0]: 'eta' cannot be given a value"),
        (["mu = 2"], "equations[0]: 'mu' is a setting, which stays as it is"),
        (["t = t + g"], "equations[0]: 't' is one for all parameters, but each has its own 'g'"),
        (["w = sum(g_i)"], "equations[0]: what runs over all parameters needs an equation of its"),
        (["w = w - total(g)"], "equations[0]: there are no samples to run over"),
        (["w - eta*g"], "equations[0]: 'w - eta*g': expected 'name = formula'"),
        (["w = w - __import__('os')"], "equations[0]: "),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_optimizer_is_said(texts, says):
    with pytest.raises(RuleError) as wrong:
        optimizer("x", *texts, state={"m": 0}, shared={"t": 0}, settings={"mu": 0.9})
    assert str(wrong.value).startswith(f"x: {says}")


def problems(own, gradients="p = 1", rate="eta = 0.1"):
    text = f'title = "t"\n[givens.G]\np = 1\n{rate}\n{own}\n[gradients]\n{gradients}'
    with pytest.raises(ScenarioError) as wrong:
        read(text, "t", "t")
    return [line.removeprefix("t: ") for line in wrong.value.problems]


@pytest.mark.parametrize(
    ("own", "says"),
    [
        ('kind = "adm"', "optimizer.kind: no 'adm'; did you mean 'adam'?"),
        ('kind = "adam"\nbta1 = 0.9', "optimizer.bta1: unknown key; did you mean 'beta1'?"),
        ('kind = "adam"\nbeta1 = "x"', "optimizer.beta1: 'x' is not given"),
        ('kind = "adam"\nstart = { q = 1 }', "optimizer.start.q: adam keeps no 'q'"),
        ('kind = "adam"\nstart = { m = { q = 1 } }', "optimizer.start.m.q: 'q' is not given"),
        ('kind = "adam"\nclip = { }', "optimizer.clip: state value or norm, one of them"),
        ("clip = { norm = -1 }", "optimizer.clip: expected more than 0, found -1"),
        ("clip = { value = 0 }", "optimizer.clip: expected more than 0, found 0"),
        (
            'kind = "adamw"\nweight_decay = 0.1\nlambda = 0.2',
            "optimizer.weight_decay: it is 'lambda', which is stated too; state it once",
        ),
        ('schedule = "eta*c^k"', "optimizer.c: missing; 'c' has no usual value"),
        ('kind = "adadelta"\nschedule = "eta/2"', "optimizer.schedule: adadelta has no learning"),
        ("schedule = [0.1]", "optimizer.schedule: 'eta' is given too; state the rates once"),
        ('schedule = "eta*"', "optimizer.schedule: "),
        ('kind = "adam"\nbeta1 = true', "optimizer.beta1: expected a number, found true"),
    ],
)
def test_what_is_wrong_with_its_table_is_said(own, says):
    assert problems(f"[optimizer]\n{own}")[0].startswith(says)


def test_a_bound_that_is_given_is_more_than_nothing():
    found = problems('[optimizer]\nclip = { value = "most" }', rate="eta = 0.1\nmost = -2")
    assert found == ["optimizer.clip: expected more than 0, found -2"]


@pytest.mark.parametrize(
    ("gradients", "says"),
    [
        ("q = 1", "gradients.q: 'q' is not given"),
        ("p = [1, 2]", "gradients.p: 2 gradients for 3 updates"),
        ("p = [[1]]", "gradients.p: expected a number, as the parameter has, or a list of such"),
        ('p = "2*x"', "gradients.p: 'x' is not given"),
        ('p = "2*"', "gradients.p: "),
    ],
)
def test_what_is_wrong_with_stated_gradients_is_said(gradients, says):
    assert problems("[conventions]\niterations = 3", gradients)[0].startswith(says)


def test_an_update_needs_its_learning_rate():
    (line,) = problems("", rate="")
    assert line.startswith("conventions.learning_rate: 'eta' is not given")


def test_an_own_optimizer_is_checked_where_it_stands():
    own = '[optimizers.mine]\nequations = ["w = w - et*g"]'
    assert problems(own) == ["optimizers.mine.equations[0]: 'et' is not known; did you mean 'eta'?"]


# ---- pages and answers -----------------------------------------------------------------


def test_a_page_tells_the_update_step_by_step():
    s = network(table_of("adam", BETAS))
    page = tracer.render(tracer.trace(s))
    part = page.partition("The gradient for $w_{5}$")[2].partition("####")[0]
    told = part.partition("The update:")[2]
    marks = [r"t^{+} =", r"m_{w_{5}}^{+} =", r"v_{w_{5}}^{+} =", r"\hat m_{w_{5}} =",
             r"\hat v_{w_{5}} =", r"w_{5}^{+} ="]  # fmt: skip
    places = [told.find(mark) for mark in marks]
    assert -1 not in places
    assert places == sorted(places)
    assert page.count("t^{+} = t + 1 = 0 + 1") == 1, "what all parameters share is told once"
    assert r"\hat m_{w_{5}} =" in tracer.render(tracer.trace(s), "tex")


def test_a_page_without_an_error_tells_the_updates():
    page = tracer.render(tracer.trace(sequence(table_of("momentum", MOMENTUM))))
    assert "Forward pass" not in page
    assert "Backward" not in page
    assert "v_{p}^{+} = \\mu \\cdot v_{p} + g_{p} = 0.7 \\times 0 + 0.5 = 0.5" in page


SHEET = ("dE/dw5", "m_w5+", "v_w5+", "m_hat_w5", "v_hat_w5", "w5+")
ADAM_NET = table_of("adam", BETAS)


def marks_of(typed):
    typed = {name: f"{value:.6f}" for name, value in typed.items()}
    (sheet,) = tracer.mark(network(ADAM_NET), typed).sheets
    return {j.name: j.mark for j in sheet.judged}, sheet


def adam_by_hand(g, corrected=True):
    m, v = 0.2 * g, 0.05 * g * g
    m_hat, v_hat = (m / 0.2, v / 0.05) if corrected else (m, v)
    w = 0.3 - 0.5 * m_hat / (v_hat**0.5 + 0.01)
    return dict(zip(SHEET, (g, m, v, m_hat, v_hat, w), strict=True))


def gradient():
    return tracer.trace(network(ADAM_NET), iterations=0)["dE/dw5"]


def test_an_honest_adam_sheet_is_right():
    marks, _ = marks_of(adam_by_hand(gradient()))
    assert set(marks.values()) == {Mark.RIGHT}, marks


def test_a_wrong_step_of_adam_is_found_and_what_follows_is_given_theirs():
    marks, sheet = marks_of(adam_by_hand(gradient(), corrected=False))
    assert [marks[name] for name in SHEET[:3]] == [Mark.RIGHT] * 3
    assert marks["m_hat_w5"] in (Mark.WRONG, Mark.SLIP)
    assert marks["v_hat_w5"] in (Mark.WRONG, Mark.SLIP)
    assert marks["w5+"] is Mark.GIVEN_YOURS
    assert sheet.first_wrong.name == "m_hat_w5"


def test_a_known_mistake_is_named_for_any_optimizer():
    typed = adam_by_hand(gradient())
    typed["w5+"] = 0.6 - typed["w5+"]  # 0.3 + the step
    marks, sheet = marks_of(typed)
    assert marks["w5+"] is Mark.MISTAKE
    assert [e.id for e in sheet.explanations] == ["gradient-added"]


# ---- penalties -------------------------------------------------------------------------


ROWS = [(0.35, -0.9, 0.2), (-0.5, 0.4, 0.8), (1.0, 0.3, 0.1)]
SAMPLES = f"""[samples.training]
columns = ["x1", "x2", "target"]
rows = {[list(row) for row in ROWS]}
"""
ONE = "[givens.Sample]\nx1 = 0.35\nx2 = -0.9\ntarget = 0.2"


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize(
    ("stated", "penalty"),
    [
        ('l2 = "lambda"', lambda w, b: 0.1 / 2 * (w**2).sum()),
        ('l2 = "lambda", half = []', lambda w, b: 0.1 * (w**2).sum()),
        ('l1 = "lambda"', lambda w, b: 0.1 * w.abs().sum()),
        ('l1 = "lambda", half = ["l1"]', lambda w, b: 0.1 / 2 * w.abs().sum()),
        ('l2 = "lambda", biases = true', lambda w, b: 0.1 / 2 * ((w**2).sum() + (b**2).sum())),
        (
            'l1 = "lambda", l2 = "rho"',
            lambda w, b: 0.1 * w.abs().sum() + 0.3 / 2 * (w**2).sum(),
        ),
    ],
)
def test_penalties_are_added_once_and_differentiated(reduction, stated, penalty):
    """The whole error and every gradient against PyTorch's autograd."""
    w = tensors(PARAMETERS)
    data = sum(error_at(w, *row) for row in ROWS) / (3 if reduction == "mean" else 1)
    weights, biases = (torch.stack([v for k, v in w.items() if k[0] == letter]) for letter in "wb")
    error = data + penalty(weights, biases)
    error.backward()
    t = tracer.trace(penalised(stated, f'reduction = "{reduction}"', SAMPLES))
    agrees_with(t, w, error)


@pytest.mark.parametrize("half", ['["l2"]', "[]"])
def test_a_penalty_is_added_for_one_sample(half):
    w = tensors(PARAMETERS)
    weights = torch.stack([v for k, v in w.items() if k[0] == "w"])
    error = error_at(w, 0.35, -0.9, 0.2) + (0.05 if "l2" in half else 0.1) * (weights**2).sum()
    error.backward()
    t = tracer.trace(penalised(f'l2 = "lambda", half = {half}', "", ONE))
    agrees_with(t, w, error)
    assert t["E"] == pytest.approx(t["E_data"] + t["penalty_l2"], rel=1e-15)


def agrees_with(t, w, error):
    assert t["E"] == pytest.approx(error.item(), rel=1e-12)
    for name, value in w.items():
        assert t[f"dE/d{name}"] == pytest.approx(value.grad.item(), rel=1e-9, abs=1e-15), name


def penalised(stated, further, samples):
    numbers = "\n".join(f"{name} = {value}" for name, value in PARAMETERS.items())
    rho = "rho = 0.3" if "rho" in stated else ""
    return read(
        f'title = "t"\n[conventions]\n{further}\npenalty = {{ {stated} }}\n{samples}\n'
        f"[givens.P]\n{numbers}\neta = 0.5\nlambda = 0.1\n{rho}\n{LAYERS}",
        "t.toml", "t",
    )  # fmt: skip


def test_a_page_tells_the_penalty():
    own = '[conventions]\npenalty = { l2 = "lambda" }\n[givens.P]\nlambda = 0.1'
    page = tracer.render(tracer.trace(network(own)))
    assert r"P_{L2} = \frac{1}{2} \lambda \cdot (w_{1}^{2} + w_{2}^{2}" in page
    assert r"E = E_{data} + P_{L2}" in page


# ---- batches ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["adam", "nesterov, look-ahead"])
def test_a_batch_learns_as_in_pytorch(kind):
    settings, peer, words, called = PEERS[kind]
    numbers = "\n".join(f"{name} = {value}" for name, value in PARAMETERS.items())
    s = read(
        f'title = "t"\n[conventions]\niterations = {UPDATES}\nreduction = "mean"\n'
        f"{table_of(kind, settings)}{SAMPLES}[givens.P]\n{numbers}\neta = 0.5\n{LAYERS}",
        "t.toml", "t",
    )  # fmt: skip
    expected = run_torch(
        lambda p: peer(p, **{"lr": 0.5, **words}), PARAMETERS,
        lambda w, k: (sum(error_at(w, *row) for row in ROWS) / 3).backward(),
    )  # fmt: skip
    agrees(tracer.trace(s), expected, called)
    assert f"The optimizer is {kind}" in tracer.render(tracer.trace(s))


def test_samples_one_by_one_keep_the_state():
    """Mini-batches of one in the order stated, two epochs: every update goes on from the last."""
    settings, peer, words, called = PEERS["adam"]
    numbers = "\n".join(f"{name} = {value}" for name, value in PARAMETERS.items())
    s = read(
        'title = "t"\n[conventions]\nepochs = 2\nbatch_size = 1\norder = [2, 0]\n'
        f"{table_of('adam', settings)}{SAMPLES}[givens.P]\n{numbers}\neta = 0.5\n{LAYERS}",
        "t.toml", "t",
    )  # fmt: skip
    t = tracer.trace(s)
    expected = run_torch(
        lambda p: peer(p, **{"lr": 0.5, **words}), PARAMETERS,
        lambda w, k: error_at(w, *ROWS[[2, 0][k % 2]]).backward(),
    )  # fmt: skip
    agrees(t, expected, called)
    assert (t.recorded[-1], t.at(4)["t"]) == (4, 4)
