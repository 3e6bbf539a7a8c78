"""From a person's answers to a sheet of marks: which step is meant, what it is, what to say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from tracer import labels
from tracer.check import judge
from tracer.check.answers import Answer, Answers, few
from tracer.check.diagnosis import Diagnosis, Examiner, Tier
from tracer.check.explaining import explained, hidden_says, remark
from tracer.check.graph import Graph
from tracer.check.judge import Numbers, fits
from tracer.check.lookup import cell_of
from tracer.check.marks import Judged, Mark, Sheet
from tracer.check.precision import Precision, carried
from tracer.check.slips import Wrong, slip, too_coarse
from tracer.check.typed import Typed
from tracer.check.wording import accepted, listed
from tracer.errors import LookupFailed
from tracer.lines import IN_TEXT
from tracer.numbers import Digits, show
from tracer.traces import Trace

_CUT = 2  # wrong numbers from which it is seen that somebody drops digits
_VACUOUS = 0.5  # of a value: who may be off by so much can show nothing
_NOTHING = 1e-6  # of a unit: what binary floats are off by
_TELLING = 0.02  # of a value: an uncertainty that a reader is told
_PERCENT = Digits(None, 2)
_MATCHES = {Tier.MISTAKE, Tier.UNIT, Tier.TWO}


@dataclass(frozen=True)
class Question:
    """A step as it is asked for."""

    name: str
    label: str
    symbol: str
    sample: int | None  # None for a step that all samples share
    line: str  # as it should be written


@dataclass(frozen=True, eq=False)
class Exercise:
    """What is asked: a program's passes, ready to judge any number of sheets."""

    graph: Graph
    asked: tuple[int, ...]  # nodes that every sheet should have, in order of computation
    precision: Precision | None  # declared; None: told from each sheet
    iteration: int = 0  # of answers that do not say theirs

    @cached_property
    def examiner(self) -> Examiner:
        return Examiner(self.graph)

    @property
    def trace(self) -> Trace:
        return self.graph.trace

    def question(self, node: int) -> Question:
        """What a node is called and how it is computed; made once."""
        if node not in self._questions:
            self._questions[node] = self._question(node)
        return self._questions[node]

    @cached_property
    def _questions(self) -> dict[int, Question]:
        return {}

    def _question(self, node: int) -> Question:
        place = self.graph.places[node]
        program = self.trace.program
        label = program.label(place.cell)
        shared = program.samples > 1 and not program.block(place.cell).per_sample
        selected = self.trace.at(place.iteration, place.sample)
        return Question(
            labels.name(label), labels.text(label), labels.latex(label),
            None if shared else place.sample, IN_TEXT.whole(selected.line(place.cell)),
        )  # fmt: skip

    def label(self, node: int) -> str:
        """What a reader calls a node, with sample and iteration where there are others."""
        place = self.graph.places[node]
        program = self.trace.program
        each = program.samples > 1 and program.block(place.cell).per_sample
        sample = f"[{place.sample}]" if each else ""
        iteration = f" @{place.iteration}" if len(self.graph.iterations) > 1 else ""
        return labels.text(program.label(place.cell)) + sample + iteration

    def find(self, answer: Answer) -> int:
        """The node that an answer means.

        raises    LookupFailed for a name, a pass or a sample that is not there
        """
        cell = cell_of(self.trace.program, answer.name)
        iteration = self.iteration if answer.iteration is None else answer.iteration
        sample = answer.sample or 0
        found = self.graph.find(iteration, cell, sample)
        if found is None:
            there = iteration in self.graph.iterations
            what = f"there is no sample {sample} of" if there else "nothing is asked of"
            raise LookupFailed(f"{answer.name}: {what} iteration {iteration}")
        return found


def examined(exercise: Exercise, answers: Answers) -> Sheet:
    """The marks of one person's answers."""
    return _Examination(exercise, answers).sheet()


class _Examination:
    def __init__(self, exercise: Exercise, answers: Answers) -> None:
        self.by, self.graph = exercise, exercise.graph
        self.answers = answers
        self.remarks = list(answers.remarks)
        self.unknown: list[str] = []
        self.found = self._found()
        self.typed = {n: a.typed for n, a in self.found.items() if a.typed}
        self.precision = exercise.precision or carried(list(self._telling()))
        self.numbers = self._numbers(self.precision)
        self.diagnosis = self._diagnosis()

    def _telling(self) -> Iterable[Typed]:
        """The numbers that say to how many digits somebody works: not those that are short.

        A number is where that is all there is of it, or of what its step gives on the numbers
        before it: 0.625 for 5/8.
        """
        numbers = Numbers({n: judge.Typed(t.number, 0.0) for n, t in self.typed.items()}, _exactly)
        due = judge.judged(self.graph, self.graph.values, numbers).expected
        typed = {n: t for n, t in self.typed.items() if n not in self.graph.whole}
        found = [
            t for n, t in typed.items()
            if not any(self._short(t, v) for v in (self.graph.values[n], due[n][0]))
        ]  # fmt: skip
        return found or typed.values()

    @staticmethod
    def _short(typed: Typed, value: float) -> bool:
        """Whether a value has no more digits than were typed, as 0.3."""
        return abs(typed.number - value) <= _NOTHING * float(typed.unit or 0)

    def _found(self) -> dict[int, Answer]:
        """The answers by node; of two to one question the first that has something."""
        found: dict[int, Answer] = {}
        for answer in self.answers.answers:
            try:
                node = self.by.find(answer)
            except LookupFailed as wrong:
                self.remarks.append(str(wrong))
                self.unknown += [answer.name] if answer.typed else []
                continue
            if node in found and found[node].text:
                self.remarks.append(remark(self.by.label(node), found[node], answer))
            else:
                found[node] = answer
        return found

    # ---- judging -----------------------------------------------------------------------

    def _diagnosis(self) -> Diagnosis:
        found = self.by.examiner.examine(self.numbers)
        if self.by.precision is None and len(found.bad) >= _CUT and self._drops(found):
            return self._cut(found) or found
        return found

    def _cut(self, found: Diagnosis) -> Diagnosis | None:
        """The sheet as one of somebody who drops digits, where that explains all of it."""
        cut = self.precision.dropping(self._computed())
        if cut is None:
            return None
        numbers = self._numbers(cut)
        other = self.by.examiner.examine(numbers)
        if other.tier is not Tier.FINE or all(_vague(other, numbers, n) for n in found.bad):
            return None
        self.precision, self.numbers = cut, numbers
        return other

    def _computed(self) -> Iterator[Typed]:
        """The numbers that were not simply given."""
        return (t for n, t in self.typed.items() if self.graph.nodes[n].bound is not None)

    def _drops(self, found: Diagnosis) -> bool:
        """Whether most wrong numbers are nearer to 0 than they should be.

        A difference of numbers that are may be farther from it.
        """
        pairs = ((self.typed[n].number, found.own.expected[n][0]) for n in found.bad)
        nearer = sum(0 <= typed * value < value * value for typed, value in pairs)
        return 2 * nearer > len(found.bad)

    def _numbers(self, precision: Precision) -> Numbers:
        whole = self.graph.whole
        typed = {
            n: judge.Typed(t.number, 0.0 if n in whole else precision.known(t))
            for n, t in self.typed.items()
        }
        return Numbers(typed, precision.rounding)

    # ---- marks -------------------------------------------------------------------------

    def sheet(self) -> Sheet:
        """All marks, in the order of computation."""
        explanations, together = explained(self.diagnosis.explanations)
        nodes = sorted({*self.by.asked, *self.found})
        judged = tuple(self._judged(n) for n in nodes)
        return Sheet(
            self.answers.sheet, judged, explanations, together, tuple(self._says(judged)),
            tuple(few(self.remarks)), tuple(self.unknown),
        )  # fmt: skip

    def _judged(self, node: int) -> Judged:
        answer = self.found.get(node)
        typed = self.typed.get(node)
        question = self.by.question(node)
        mark, says = self._mark(node, answer)
        return Judged(
            name=question.name,
            label=question.label,
            symbol=question.symbol,
            iteration=self.graph.places[node].iteration,
            sample=question.sample,
            typed=answer.text if answer else "",
            value=self.graph.values[node],
            accepted=self._accepted(node) if typed else None,
            mark=mark,
            enough_digits=self._enough(node, typed) if typed else None,
            testable=self._testable(node),
            mistakes=self._mistakes(node) if mark is Mark.MISTAKE else (),
            follows=self._follows(node) if mark is Mark.GIVEN_YOURS else "",
            says=says,
            line=question.line,
        )

    def _mark(self, node: int, answer: Answer | None) -> tuple[Mark, str]:
        typed = self.typed.get(node)
        if answer is None or not answer.text:
            return Mark.MISSING, ""
        if typed is None:
            return Mark.UNREADABLE, answer.problem
        if node in self.diagnosis.bad:
            return self._wrong(node, typed)
        value, _ = self.diagnosis.expected(node)
        if too_coarse(typed, value) and not self._fine(node, typed):
            return Mark.SLIP, "Rounded until nothing of the value is left."
        if not self._testable(node) and not self._to_the_digit(node, typed):
            return Mark.OPEN, "Rounding alone could have made it, and nearly any other number."
        if node in self.diagnosis.follows:
            return Mark.GIVEN_YOURS, f"Right with your own {self._follows(node)}."
        return Mark.RIGHT, ""

    def _wrong(self, node: int, typed: Typed) -> tuple[Mark, str]:
        found = self.diagnosis
        if node not in found.own.bad:
            return Mark.WRONG, "It comes out only because an earlier number is wrong."
        if found.tier in _MATCHES:
            return Mark.MISTAKE, ""
        if found.tier is Tier.HIDDEN_SLIP:
            return Mark.SLIP, hidden_says(self.by, found.hidden)
        if self.graph.nodes[node].bound is None:
            return Mark.SLIP, "This number is given: copy it as it is."
        if node in self.graph.whole:
            return Mark.WRONG, ""
        value, radius = found.own.expected[node]
        others = {
            self.by.label(n): self.graph.values[n]
            for n in {*self.by.asked, *self.found} if n != node
        }  # fmt: skip
        says = slip(Wrong(typed, value, radius), others)
        return (Mark.SLIP, says) if says else (Mark.WRONG, "")

    def _accepted(self, node: int) -> tuple[float, float]:
        value, radius = self.diagnosis.expected(node)
        fine = self._fine(node, self.typed[node])
        own = self.numbers.typed[node].half
        reach = radius + (min(own, self.precision.half(value)) if fine else own)
        return value - reach, value + reach

    def _fine(self, node: int, typed: Typed) -> bool:
        """Whether a number is right to the digits that the sheet carries."""
        value, radius = self.diagnosis.expected(node)
        return fits(abs(typed.number - value), value, radius + self.precision.half(value))

    def _to_the_digit(self, node: int, typed: Typed) -> bool:
        """Whether a number is, to its own digits, the true one or the one due from its operands."""
        half = self.numbers.typed[node].half
        due = self.graph.values[node], self.diagnosis.expected(node)[0]
        return any(fits(abs(typed.number - value), value, half) for value in due)

    def _enough(self, node: int, typed: Typed) -> bool:
        """Whether a number has the digits carried, zeros at its end perhaps left out."""
        if node in self.graph.whole:
            return True
        half = self.precision.half(typed.number)
        share = 1.0 if self.precision.cut else 0.5
        return float(typed.unit or 0) * share <= half * 1.5 or self._fine(node, typed)

    def _testable(self, node: int) -> bool:
        if node not in self.diagnosis.own.expected:
            return True
        low, high = self._accepted(node)
        return not _vacuous((low + high) / 2, (high - low) / 2)

    def _mistakes(self, node: int) -> tuple[str, ...]:
        """The mistakes that explain a step: of two made at once those that reach it."""
        typed = frozenset(self.typed)
        found = (
            part.ids[0]
            for h in self.diagnosis.explanations
            for part in h.parts or (h,)
            if node in part.plan(typed).touched
        )
        return tuple(dict.fromkeys(found))

    def _follows(self, node: int) -> str:
        """The last wrong step that a step hangs on."""
        todo, seen, wrong = [node], {node}, []
        while todo:
            for operand in self.graph.nodes[todo.pop()].operands:
                if operand in seen:
                    continue
                seen.add(operand)
                if operand in self.diagnosis.bad:
                    wrong.append(operand)
                else:
                    todo.append(operand)
        return self.by.label(max(wrong)) if wrong else "earlier numbers"

    # ---- the whole sheet ---------------------------------------------------------------

    def _says(self, judged: Sequence[Judged]) -> Iterator[str]:
        """What holds for the sheet as a whole."""
        carried = self.precision.words()
        if self.precision.cut:
            yield f"Your digits are cut off after {carried}, not rounded; we judged them so."
        vague = [j.label for j in judged if not j.testable]
        if vague:
            yield (
                f"Working to {carried}, rounding alone may change {listed(vague)} by half or more: "
                "not testable at this precision."
            )
        widest = max(map(self._share, self._tellable(judged)), default=(0.0, 0))
        if widest[0] >= _TELLING:
            yield self._widest(*widest)

    def _tellable(self, judged: Sequence[Judged]) -> Iterator[int]:
        nodes = sorted({*self.by.asked, *self.found})
        return (n for n, j in zip(nodes, judged, strict=True) if j.accepted and j.testable)

    def _share(self, node: int) -> tuple[float, int]:
        """By how much of its value a step may honestly be off."""
        low, high = self._accepted(node)
        value = abs(low + high) / 2
        return ((high - low) / 2 / value if value else 0.0, node)

    def _widest(self, share: float, node: int) -> str:
        return (
            f"Working to {self.precision.words()}, {self.by.label(node)} can honestly be "
            f"off by {show(100 * share, _PERCENT).plain} %: we accept "
            f"{accepted(self._accepted(node))}."
        )


def _exactly(value: float, radius: float) -> float:
    """Rounding that changes nothing."""
    return 0.0


def _vague(found: Diagnosis, numbers: Numbers, node: int) -> bool:
    """Whether nearly any number would have been right at a step."""
    value, radius = found.expected(node)
    return _vacuous(value, radius + numbers.typed[node].half)


def _vacuous(value: float, reach: float) -> bool:
    """Whether who may be off by so much can show nothing."""
    return bool(value) and not reach < _VACUOUS * abs(value)
