"""Backpropagation derived in index notation: the equations, their lines and the reason for each.

Equations 1 to 11 have the numbers of the tutorial they follow. In a sum a letter that already
stands for one unit makes room for m. In a reason, what stands between backquotes is maths.
Every line is checked by `index_check`.
"""

from __future__ import annotations

from typing import NamedTuple


class Line(NamedTuple):
    """`= formula`, because of `reason`."""

    formula: str
    reason: str


class Chain(NamedTuple):
    """left = line = line = …, for every unit its indices may stand for."""

    left: str
    lines: tuple[Line, ...]


class Equation(NamedTuple):
    name: str
    chains: tuple[Chain, ...]
    deep: bool = False  # for any number of layers L, with the layers written
    until: int = 0  # where l is a layer: it holds for l = 1, …, L - until


def _chain(left: str, *lines: tuple[str, str]) -> Chain:
    return Chain(left, tuple(Line(*line) for line in lines))


FORWARD = Equation("Forward pass", (
    _chain("z_j", ("b_j + Σ_{i∈I} a_i · w_ij", "bias and weighted inputs of hidden unit `j`")),
    _chain("a_j", ("g_j(z_j)", "its output")),
    _chain("z_k", ("b_k + Σ_{j∈J} a_j · w_jk", "the same for output unit `k`")),
    _chain("a_k", ("g_k(z_k)", "its output")),
))  # fmt: skip

OUTPUT_WEIGHTS = (
    Equation("Equation 1", (_chain(
        "E",
        ("1/2 · Σ_{k∈K} (a_k - t_k)^2", "half the sum of the squared differences from the targets"),
    ),)),
    Equation("Equation 2", (_chain(
        "∂E/∂w_jk",
        ("∂/∂w_jk (1/2 · Σ_{m∈K} (a_m - t_m)^2)",
         "Equation 1, summed over `m` because `k` is now one fixed output"),
        ("1/2 · Σ_{m∈K} ∂/∂w_jk (a_m - t_m)^2",
         "constant factor rule and sum rule"),
        ("1/2 · ∂/∂w_jk (a_k - t_k)^2",
         "only the term `m = k` depends on `w_jk`; the derivative of every other term is 0"),
        ("1/2 · 2 · (a_k - t_k) · ∂/∂w_jk (a_k - t_k)",
         "differentiate the square: power rule and chain rule"),
        ("(a_k - t_k) · ∂/∂w_jk (a_k - t_k)",
         "the factors `1/2` and `2` cancel"),
    ),)),
    Equation("Equation 3", (_chain(
        "∂E/∂w_jk",
        ("(a_k - t_k) · ∂a_k/∂w_jk",
         "Equation 2, where `t_k` does not depend on `w_jk`"),
        ("(a_k - t_k) · ∂/∂w_jk g_k(z_k)",
         "put in `a_k = g_k(z_k)`"),
        ("(a_k - t_k) · g'_k(z_k) · ∂z_k/∂w_jk",
         "chain rule"),
    ),)),
    Equation("Equation 4", (_chain(
        "∂E/∂w_jk",
        ("(a_k - t_k) · g'_k(z_k) · ∂/∂w_jk (b_k + Σ_{m∈J} a_m · w_mk)",
         "Equation 3 with `z_k` put in, summed over `m` because `j` is fixed"),
        ("(a_k - t_k) · g'_k(z_k) · ∂/∂w_jk (a_j · w_jk)",
         "only the term `m = j` contains `w_jk`"),
        ("(a_k - t_k) · g'_k(z_k) · a_j",
         "`a_j` does not depend on `w_jk`: it is a constant factor"),
    ),)),
    Equation("Equation 5", (_chain(
        "δ_k",
        ("∂E/∂z_k",
         "the definition of `δ_k`"),
        ("(a_k - t_k) · ∂a_k/∂z_k",
         "as in Equations 2 and 3: of all outputs only `a_k` depends on `z_k`"),
        ("(a_k - t_k) · g'_k(z_k)",
         "`a_k = g_k(z_k)`"),
    ),)),
    Equation("Equation 6", (_chain(
        "∂E/∂w_jk",
        ("δ_k · a_j", "Equation 4 with Equation 5 put in"),
    ),)),
    Equation("Bias of an output", (_chain(
        "∂E/∂b_k",
        ("(a_k - t_k) · g'_k(z_k) · ∂z_k/∂b_k", "as in Equation 3"),
        ("δ_k", "Equation 5, and `∂z_k/∂b_k = 1`"),
    ),)),
)  # fmt: skip

HIDDEN_WEIGHTS = (
    Equation("Equation 7", (_chain(
        "∂E/∂w_ij",
        ("∂/∂w_ij (1/2 · Σ_{k∈K} (a_k - t_k)^2)",
         "Equation 1"),
        ("1/2 · Σ_{k∈K} ∂/∂w_ij (a_k - t_k)^2",
         "constant factor rule and sum rule; this time every term depends on the weight"),
        ("1/2 · Σ_{k∈K} 2 · (a_k - t_k) · ∂/∂w_ij (a_k - t_k)",
         "differentiate the squares: power rule and chain rule"),
        ("Σ_{k∈K} (a_k - t_k) · ∂a_k/∂w_ij",
         "`1/2` and `2` cancel, and `t_k` does not depend on `w_ij`"),
        ("Σ_{k∈K} (a_k - t_k) · ∂/∂w_ij g_k(z_k)",
         "put in `a_k = g_k(z_k)`"),
        ("Σ_{k∈K} (a_k - t_k) · g'_k(z_k) · ∂z_k/∂w_ij",
         "chain rule"),
    ),)),
    Equation("Equation 8", (_chain(
        "z_k",
        ("b_k + Σ_{j∈J} a_j · w_jk",
         "as in the forward pass"),
        ("b_k + Σ_{j∈J} g_j(z_j) · w_jk",
         "put in `a_j = g_j(z_j)`"),
        ("b_k + Σ_{j∈J} g_j(b_j + Σ_{i∈I} a_i · w_ij) · w_jk",
         "put in `z_j`: the weight stands inside `g_j`"),
    ),)),
    Equation("Equation 9", (_chain(
        "∂z_k/∂w_ij",
        ("Σ_{m∈J} ∂z_k/∂a_m · ∂a_m/∂w_ij",
         "chain rule: `z_k` depends on the weight through the hidden units"),
        ("∂z_k/∂a_j · ∂a_j/∂w_ij",
         "of all hidden units only `j` depends on `w_ij`"),
        ("(∂/∂a_j (b_k + Σ_{m∈J} a_m · w_mk)) · ∂a_j/∂w_ij",
         "put in `z_k`, summed over `m` because `j` is fixed"),
        ("(∂/∂a_j (a_j · w_jk)) · ∂a_j/∂w_ij",
         "only the term `m = j` contains `a_j`"),
        ("w_jk · ∂a_j/∂w_ij",
         "`w_jk` is a constant factor"),
        ("w_jk · ∂/∂w_ij g_j(z_j)",
         "put in `a_j = g_j(z_j)`"),
        ("w_jk · g'_j(z_j) · ∂z_j/∂w_ij",
         "chain rule"),
        ("w_jk · g'_j(z_j) · ∂/∂w_ij (b_j + Σ_{m∈I} a_m · w_mj)",
         "put in `z_j`, summed over `m` because `i` is fixed"),
        ("w_jk · g'_j(z_j) · a_i",
         "only the term `m = i` contains `w_ij`; its constant factor is `a_i`"),
    ),)),
    Equation("Equation 10", (_chain(
        "∂E/∂w_ij",
        ("Σ_{k∈K} (a_k - t_k) · g'_k(z_k) · w_jk · g'_j(z_j) · a_i",
         "Equation 7 with Equation 9 put in"),
        ("g'_j(z_j) · a_i · Σ_{k∈K} (a_k - t_k) · g'_k(z_k) · w_jk",
         "factors without `k` go before the sum"),
        ("a_i · g'_j(z_j) · Σ_{k∈K} δ_k · w_jk",
         "Equation 5"),
    ),)),
    Equation("Equation 11", (
        _chain(
            "δ_j",
            ("∂E/∂z_j",
             "the definition of `δ_j`"),
            ("g'_j(z_j) · Σ_{k∈K} δ_k · w_jk",
             "as in Equations 7 to 10, where `z_j` takes the place of `w_ij` and the factor `a_i`"
             " is missing"),
        ),
        _chain(
            "∂E/∂w_ij",
            ("a_i · g'_j(z_j) · Σ_{k∈K} δ_k · w_jk", "Equation 10"),
            ("δ_j · a_i", "put in `δ_j`"),
        ),
    )),
    Equation("Bias of a hidden unit", (_chain(
        "∂E/∂b_j",
        ("δ_j · ∂z_j/∂b_j", "`b_j` acts on the error through `z_j` alone"),
        ("δ_j", "`∂z_j/∂b_j = 1`"),
    ),)),
)  # fmt: skip

ANY_DEPTH = (
    Equation("Forward pass of any depth", (
        _chain("z_j^l", ("b_j^l + Σ_{i∈N_(l-1)} a_i^(l-1) · w_ij^l", "`l = 1, …, L`")),
        _chain("a_j^l", ("g_l(z_j^l)", "`l = 1, …, L`")),
        _chain("E", ("1/2 · Σ_{k∈N_L} (a_k^L - t_k)^2", "as Equation 1")),
    ), deep=True),
    Equation("Equation 12", (_chain(
        "δ_j^L",
        ("∂E/∂z_j^L",
         "the definition of `δ_j^L`"),
        ("∂/∂z_j^L (1/2 · Σ_{k∈N_L} (a_k^L - t_k)^2)",
         "put in `E`"),
        ("(a_j^L - t_j) · ∂a_j^L/∂z_j^L",
         "as in Equation 2: only the term `k = j` depends on `z_j^L`"),
        ("(a_j^L - t_j) · g'_L(z_j^L)",
         "`a_j^L = g_L(z_j^L)`"),
    ),), deep=True),
    Equation("Equation 13", (_chain(
        "δ_j^l",
        ("∂E/∂z_j^l",
         "the definition of `δ_j^l`, here for `l < L`"),
        ("Σ_{k∈N_(l+1)} ∂E/∂z_k^(l+1) · ∂z_k^(l+1)/∂z_j^l",
         "chain rule: `z_j^l` acts on the error through the weighted sums of the next layer"),
        ("Σ_{k∈N_(l+1)} δ_k^(l+1) · ∂z_k^(l+1)/∂z_j^l",
         "the definition of `δ_k^(l+1)`"),
        ("Σ_{k∈N_(l+1)} δ_k^(l+1) · ∂z_k^(l+1)/∂a_j^l · ∂a_j^l/∂z_j^l",
         "chain rule: of the outputs of layer `l` only `a_j^l` depends on `z_j^l`"),
        ("Σ_{k∈N_(l+1)} δ_k^(l+1) · w_jk^(l+1) · g'_l(z_j^l)",
         "`a_j^l` has the factor `w_jk^(l+1)` in `z_k^(l+1)`, and `a_j^l = g_l(z_j^l)`"),
        ("g'_l(z_j^l) · Σ_{k∈N_(l+1)} δ_k^(l+1) · w_jk^(l+1)",
         "the factor without `k` goes before the sum"),
    ),), deep=True, until=1),
    Equation("Equation 14", (_chain(
        "∂E/∂w_ij^l",
        ("∂E/∂z_j^l · ∂z_j^l/∂w_ij^l",
         "chain rule: `w_ij^l` acts on the error through `z_j^l` alone"),
        ("δ_j^l · ∂z_j^l/∂w_ij^l",
         "the definition of `δ_j^l`"),
        ("δ_j^l · a_i^(l-1)",
         "`w_ij^l` has the factor `a_i^(l-1)` in `z_j^l`"),
    ),), deep=True),
    Equation("Equation 15", (_chain(
        "∂E/∂b_j^l",
        ("∂E/∂z_j^l · ∂z_j^l/∂b_j^l",
         "chain rule, as in Equation 14"),
        ("δ_j^l",
         "`b_j^l` has the factor 1 in `z_j^l`"),
    ),), deep=True),
    Equation("Equation 16", (_chain(
        "δ_j^l",
        ("g'_l(z_j^l) · Σ_{k∈N_(l+1)} δ_k^(l+1) · w_jk^(l+1)",
         "Equation 13, here for `l < L - 1`"),
        ("g'_l(z_j^l) · Σ_{k∈N_(l+1)} g'_(l+1)(z_k^(l+1)) · w_jk^(l+1)"
         " · Σ_{m∈N_(l+2)} δ_m^(l+2) · w_km^(l+2)",
         "Equation 13 again, for every `δ_k^(l+1)`"),
        ("Σ_{k∈N_(l+1)} Σ_{m∈N_(l+2)} g'_l(z_j^l) · w_jk^(l+1) · g'_(l+1)(z_k^(l+1))"
         " · w_km^(l+2) · δ_m^(l+2)",
         "multiply out: one term for each path `j → k → m`"),
    ),), deep=True, until=2),
)  # fmt: skip

EQUATIONS = (FORWARD, *OUTPUT_WEIGHTS, *HIDDEN_WEIGHTS, *ANY_DEPTH)
