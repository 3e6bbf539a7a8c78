"""The mistakes tracer knows: one entry each, with what to tell the student.

A mistake lists its sites: the places where it can be made, with the edits of the steps there.
It may be made at all of them (throughout), in one layer, or at one unit. A new mistake is one
more entry of `MISTAKES`; nothing else knows any of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tracer.catalog.sums import NET, TOTALS
from tracer.mistakes import backward, edits, forward, running
from tracer.mistakes.sites import Sites, at_each, by_kind, factor, swapped, together, where


@dataclass(frozen=True)
class Mistake:
    """A named mistake, and where it can be made in a program."""

    id: str
    explains: str  # a few words, to follow "looks like: "
    says: str  # to the student: what happened and what is right
    sites: Sites


MISTAKES: tuple[Mistake, ...] = (
    # forward
    Mistake(
        "activation-missing",
        "the activation function is missing",
        "The weighted sum was passed on as it is. A unit's output is the activation weighted sum.",
        at_each(forward.activations("sigmoid", "tanh"), edits.altered(lambda r: forward.IDENTITY)),
    ),
    Mistake(
        "net-passed-on",
        "the next layer takes the weighted sums, not the outputs",
        "The next layer's sums were made from the weighted sums of the layer before. They are made "
        "from its outputs, after the activation function.",
        where(forward.nets, forward.net_passed_on),
    ),
    Mistake(
        "sigmoid-sign",
        "e^z in the sigmoid, not e^(-z)",
        "The minus sign in the exponent of the sigmoid is missing: it is 1/(1 + e^(-z)).",
        at_each(forward.activations("sigmoid"), edits.altered(lambda r: forward.GROWING)),
    ),
    Mistake(
        "sigmoid-brackets",
        "1/1 + e^(-z), without the brackets of the sigmoid",
        "The calculator was given 1/1 + e^(-z). The sigmoid divides by the whole sum: "
        "1/(1 + e^(-z)).",
        at_each(forward.activations("sigmoid"), edits.altered(lambda r: forward.NO_BRACKETS)),
    ),
    Mistake(
        "other-activation",
        "sigmoid and tanh are confused",
        "Another activation function was used than the one given: sigmoid is 1/(1 + e^(-z)), "
        "tanh is (e^z - e^(-z))/(e^z + e^(-z)).",
        where(forward.activations("sigmoid", "tanh"), forward.other_activation),
    ),
    Mistake(
        "relu-negative",
        "relu lets negative sums through",
        "relu is max(0, z): a negative weighted sum gives 0.",
        at_each(forward.activations("relu"), edits.altered(lambda r: forward.IDENTITY)),
    ),
    Mistake(
        "bias-forgotten",
        "the bias is not added",
        "The bias is missing in the weighted sum.",
        where(forward.nets, forward.without_bias),
    ),
    Mistake(
        "other-bias",
        "the bias of another layer is used",
        "Another layer's bias was added to the weighted sum.",
        where(forward.nets, forward.bias_elsewhere),
    ),
    Mistake(
        "weights-transposed",
        "the weights are assigned by columns, not by rows",
        "The table of weights was read the other way round, so that units got each other's "
        "weights. Look at the drawing: which arrow does each weight belong to?",
        forward.transposed,
    ),
    Mistake(
        "inputs-exchanged",
        "the two inputs are exchanged",
        "The inputs were taken for each other.",
        together(swapped(forward.first_two("inputs"))),
    ),
    Mistake(
        "targets-exchanged",
        "the two targets are exchanged",
        "Each output was compared with the other one's target.",
        together(swapped(forward.first_two("targets"))),
    ),
    Mistake(
        "own-maximum",
        "the inputs are divided by their own maximum",
        "Inputs are scaled by the largest values of the training rows, also for a prediction. "
        "Divided by their own maximum they mean something else.",
        together(forward.own_maximum),
    ),
    Mistake(
        "log10",
        "log10 is used, not the natural logarithm",
        "The logarithm to base 10 was used. ln is the natural logarithm, to base e.",
        at_each(forward.with_ln, edits.altered(edits.by_log10)),
    ),
    Mistake(
        "softmax-without-exp",
        "softmax without the exponential function",
        "The values were divided by their sum. Softmax takes e to the power of each value first.",
        at_each(forward.shares, edits.altered(edits.without_exp)),
    ),
    # error
    Mistake(
        "half-missing",
        "the ½ of the error is missing",
        "The error was not halved: it is one half of the squared difference.",
        where(forward.errors, forward.half),
    ),
    Mistake(
        "half-twice",
        "the ½ of the error is taken twice",
        "The error was halved twice.",
        where(forward.errors, forward.half_again),
    ),
    Mistake(
        "half-added",
        "the error is halved",
        "The error was halved; here it is the squared difference without a ½.",
        where(forward.errors, forward.no_half),
    ),
    Mistake(
        "square-missing",
        "the difference is not squared",
        "The difference of target and output was not squared.",
        at_each(forward.errors, edits.altered(edits.without_square)),
    ),
    Mistake(
        "mean-for-sum",
        "the outputs' errors are averaged, not added",
        "The errors of the outputs were averaged; the total error is their sum.",
        at_each(forward.totals("total error"), edits.altered(lambda r: TOTALS["mean"])),
    ),
    Mistake(
        "sum-for-mean",
        "the outputs' errors are added, not averaged",
        "The errors of the outputs were added; here the error is their mean.",
        at_each(forward.totals("mean error"), edits.altered(lambda r: TOTALS["sum"])),
    ),
    Mistake(
        "mean-forgotten",
        "the outputs' errors and their gradients are added, not averaged",
        "The errors of the outputs were added, and the gradients come from that sum. Here the "
        "error is their mean: both are divided by the number of outputs.",
        forward.mean_forgotten,
    ),
    Mistake(
        "first-error-only",
        "the total error is that of the first output alone",
        "The total error has a part from every output; only the first one's was taken.",
        at_each(forward.totals("total error"), edits.only(0)),
    ),
    # backward
    Mistake(
        "error-sign",
        "the sign of target and output in ∂E/∂out",
        "The derivative of the error by the output has the wrong sign: it is output − target, "
        "which is −(target − output).",
        at_each(backward.by_output, edits.altered(edits.negated)),
    ),
    Mistake(
        "two-kept",
        "the 2 of the square is kept in ∂E/∂out",
        "The 2 that comes down from the square cancels the ½ of the error.",
        where(backward.by_output, backward.doubled),
    ),
    Mistake(
        "gradient-halved",
        "∂E/∂out is half of what it should be",
        "The derivative of the error by the output was halved: the square brings down a factor 2.",
        where(backward.by_output, backward.halved),
    ),
    Mistake(
        "error-for-derivative",
        "the error itself is used, not its derivative",
        "The error was used where its derivative by the output belongs.",
        where(backward.by_output, backward.error_itself),
    ),
    Mistake(
        "derivative-missing",
        "the derivative of the activation function is missing",
        "The factor ∂out/∂net is missing in the product: between a unit's output and its weighted "
        "sum stands the activation function.",
        factor(backward.slopes(), backward.no_relu),
    ),
    Mistake(
        "relu-mask",
        "relu's derivative is forgotten",
        "The derivative of relu is 0 where the weighted sum is negative: nothing passes back.",
        factor(backward.slopes("relu")),
    ),
    Mistake(
        "derivative-of-output",
        "the derivative is taken at the output: f(out) instead of out",
        "The activation function was applied once more, to the output. out·(1 − out) takes the "
        "output as it is.",
        where(backward.slopes("sigmoid", "tanh"), backward.of_output),
    ),
    Mistake(
        "derivative-at-net",
        "the derivative is taken with the weighted sum in place of the output",
        "The formula out·(1 − out) was filled with the weighted sum; it takes the unit's output.",
        where(backward.slopes(), backward.of_net),
    ),
    Mistake(
        "derivative-is-output",
        "out instead of out·(1 − out)",
        "The factor (1 − out) of the sigmoid's derivative is missing.",
        where(backward.slopes("sigmoid"), backward.slope_as("a")),
    ),
    Mistake(
        "derivative-is-rest",
        "1 − out instead of out·(1 − out)",
        "The factor out of the sigmoid's derivative is missing.",
        where(backward.slopes("sigmoid"), backward.slope_as("1 - a")),
    ),
    Mistake(
        "derivative-elsewhere",
        "the derivative of the activation is that of another layer",
        "The factor ∂out/∂net was taken from another layer.",
        backward.slope_elsewhere,
    ),
    Mistake(
        "input-forgotten",
        "the input is missing in the weights' gradients",
        "The last factor is missing: ∂net/∂w is the value that the weight is multiplied by.",
        factor(by_kind(NET, "w_i")),
    ),
    Mistake(
        "other-input",
        "the weights' gradients use each other's inputs",
        "∂net/∂w is the value that this very weight is multiplied by, not its neighbour's.",
        backward.input_of_neighbour,
    ),
    Mistake(
        "weight-for-input",
        "∂net/∂w is taken to be the weight",
        "∂net/∂w is the value that the weight is multiplied by, not the weight.",
        where(backward.local("w_i"), backward.weight_for_input),
    ),
    Mistake(
        "net-for-input",
        "the weights' gradients use the weighted sums of the layer before",
        "∂net/∂w is the output of the unit before, after its activation function.",
        where(backward.local("w_i"), backward.net_for_input),
    ),
    Mistake(
        "other-error",
        "the other output's error is used in the weights' gradients",
        "The gradient of a weight uses the error of the output that the weight leads to.",
        backward.neighbour(True, backward.weight_chains),
    ),
    Mistake(
        "other-error-path",
        "the outputs' errors are exchanged on the way to the hidden layer",
        "On its way back through a weight goes the error of the output that the weight leads to.",
        backward.neighbour(True, backward.path_chains),
    ),
    Mistake(
        "other-unit",
        "the weights' gradients use another hidden unit's share of the error",
        "The gradient of a weight uses ∂E/∂out of the hidden unit that the weight leads to.",
        backward.neighbour(False, backward.weight_chains),
    ),
    Mistake(
        "path-weight-forgotten",
        "the weights are missing on the way back",
        "The error passes back through a weight: ∂net/∂out is that weight.",
        factor(by_kind(NET, "x_i")),
    ),
    Mistake(
        "backward-transposed",
        "on the way back the weights are assigned by columns",
        "The error passes back through the same weights that the output went forward through.",
        forward.backward_transposed,
    ),
    Mistake(
        "one-path",
        "only the first output's path into a hidden unit is taken",
        "A hidden unit's output goes to every unit of the next layer, so its share of the error is "
        "a sum over all of them.",
        at_each(backward.ways, edits.only(0)),
    ),
    Mistake(
        "own-path",
        "only the path through the output of the same number is taken",
        "A hidden unit's output goes to every unit of the next layer, so its share of the error is "
        "a sum over all of them.",
        backward.own_path,
    ),
    Mistake(
        "softmax-diagonal",
        "softmax is differentiated as if each value had a share of its own",
        "Every share of a softmax depends on every value, through the sum below the line, so its "
        "derivative has a part from each share.",
        backward.softmax_diagonal,
    ),
    Mistake(
        "shared-part",
        "of a shared parameter's gradient only the first unit's part is taken",
        "Several units share this parameter, so its gradient is a sum with a part from each.",
        at_each(backward.shared, edits.only(0)),
    ),
    Mistake(
        "penalty-forgotten",
        "the penalty's part of the gradients is missing",
        "The penalty is part of the error and grows with the weights: its derivative is added to "
        "the gradient of each of them.",
        backward.unpenalised,
    ),
    Mistake(
        "updated-weights",
        "hidden gradients use the updated weights",
        "The gradients of the hidden layer were computed with the weights as they are after their "
        "update. All gradients belong to the weights that the pass started with.",
        together(backward.already_updated),
    ),
    Mistake(
        "original-weights",
        "hidden gradients use the original weights",
        "Here the weights of the output layer are updated first, and the hidden gradients use the "
        "new ones.",
        together(backward.not_yet_updated),
    ),
    # update
    Mistake(
        "gradient-added",
        "the gradient is added, not subtracted",
        "The update goes against the gradient: w⁺ = w − η·∂E/∂w.",
        at_each(running.updates, edits.altered(edits.others_flipped("w"))),
    ),
    Mistake(
        "rate-forgotten",
        "the learning rate is forgotten",
        "The gradient was not multiplied by the learning rate.",
        at_each(running.rated, edits.altered(running.NO_RATE)),
    ),
    Mistake(
        "rate-twice",
        "the learning rate is applied twice",
        "The gradient was multiplied by the learning rate twice.",
        at_each(running.rated, edits.altered(running.SQUARED_RATE)),
    ),
    Mistake(
        "weight-forgotten",
        "the change is given, not the new weight",
        "−η·∂E/∂w is only the change; the new weight is the old one plus that.",
        at_each(running.updates, edits.altered(edits.without_term("w"))),
    ),
    Mistake(
        "bias-not-updated",
        "the bias is not updated",
        "The biases are trained here: they move by their own gradients.",
        where(running.updates, running.bias_stays),
    ),
    Mistake(
        "bias-updated",
        "the bias is updated although it is frozen",
        "The biases are not trained here; they stay as they are.",
        running.bias_moves,
    ),
    # batch and run
    Mistake(
        "not-averaged",
        "the gradients of the samples are added, not averaged",
        "The gradient of a batch is the mean of its samples' gradients here.",
        where(running.reduced_gradients(running.MEAN.name), running.other_reduction),
    ),
    Mistake(
        "not-summed",
        "the gradients of the samples are averaged, not added",
        "The gradient of a batch is the sum of its samples' gradients here.",
        where(running.reduced_gradients(running.SUM.name), running.other_reduction),
    ),
    Mistake(
        "batch-added",
        "the samples' errors and gradients are added, not averaged",
        "The error of a batch and its gradients are the means of its samples' here.",
        running.whole_batch(running.MEAN.name),
    ),
    Mistake(
        "batch-averaged",
        "the samples' errors and gradients are averaged, not added",
        "The error of a batch and its gradients are the sums of its samples' here.",
        running.whole_batch(running.SUM.name),
    ),
    Mistake(
        "stale-forward",
        "the forward pass is not repeated after the update",
        "The outputs of the first pass were used again. After an update the forward pass starts "
        "anew, with the new weights.",
        together(running.stale_forward),
    ),
    Mistake(
        "initial-weights",
        "hidden gradients use the weights of the start in every pass",
        "The weights on the way back are those of this pass, not those of the first.",
        together(running.initial_in_paths),
    ),
    Mistake(
        "previous-sample",
        "the values of the sample before are used",
        "The inputs or targets of the previous sample were used.",
        together(running.data_before),
    ),
    Mistake(
        "first-sample-outputs",
        "the first sample's outputs are used for every sample",
        "The gradients of a sample use the outputs of this very sample.",
        running.first_outputs,
    ),
)


def by_id() -> Mapping[str, Mistake]:
    """The mistakes by id."""
    return {m.id: m for m in MISTAKES}
