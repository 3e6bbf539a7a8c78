"""`tracer check` and `tracer lint`. Exit 0: all right. 1: something is wrong. 2: bad input."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tracer.errors import UsageError
from tracer.terminal import check_target, progress, write_all

if TYPE_CHECKING:
    from tracer.check.marks import Report
    from tracer.check.points import Points
    from tracer.scenario import Scenario

_decimals = click.option(
    "--decimals", type=click.IntRange(0, 15), metavar="N",
    help="Everybody works to N decimals; else told from each sheet.",
)  # fmt: skip
_significant = click.option(
    "--significant", type=click.IntRange(1, 15), metavar="N",
    help="Everybody works to N significant digits.",
)  # fmt: skip
_reading = click.option("--reading", "-r", help="Under one of the scenario's readings.")
_ask = click.option(
    "--ask", multiple=True, metavar="NAME",
    help="A step that every sheet should have; E@1 is that of iteration 1. May be repeated.",
)  # fmt: skip


@click.command(
    short_help="Mark a person's or a class's numbers.",
    epilog="""
\b
Examples:
  tracer check mazur answers.csv
  tracer check mazur answers.csv --decimals 4 --json
  tracer check mazur class/ --points points.toml --gradebook grades.csv
  tracer check mazur class.csv --feedback feedback/
  tracer check thinkinfi - < answers.csv
  tracer check mazur --bundle autograder.zip
""",
)
@click.argument("scenario")
@click.argument("answers", required=False)
@_decimals
@_significant
@click.option("--cut", is_flag=True, help="Further digits are cut off, not rounded.")
@_ask
@click.option(
    "--iteration", "-i", type=click.IntRange(0, 10**9), default=0, metavar="N", show_default="0",
    help="The pass of answers that do not say theirs.",
)  # fmt: skip
@click.option("--samples", metavar="SET", help="The answers are of another sample set.")
@_reading
@click.option("--points", metavar="FILE", help="A marks file: what each answer is worth.")
@click.option("--json", "as_json", is_flag=True, help="The marks as JSON.")
@click.option("--gradescope", is_flag=True, help="The marks as Gradescope's results.json.")
@click.option(
    "--gradebook", metavar="FILE", help="Write a CSV with a row a sheet, or - for stdout."
)
@click.option("--feedback", metavar="DIR", help="Write a Markdown page for every sheet.")
@click.option("--bundle", metavar="ZIP", help="Write a ready autograder for Gradescope.")
@click.pass_context
def check(ctx: click.Context, /, scenario: str, answers: str | None, **options: Any) -> None:
    """Mark a person's numbers, or a class's, and say where they went wrong.

    ANSWERS is a file (CSV, TSV, JSON, TOML, a Markdown table, XLSX), a folder of such files, a CSV
    with a row for each student, or - for standard input.

    \b
    right         within what honest rounding allows
    given-yours   right on the person's own earlier numbers
    not-testable  rounding alone could have made it, and nearly any other number
    mistake       a known mistake, named and explained
    slip          sign, decimal point, digits exchanged, another quantity's value
    wrong         none of these

    Exit 1 if an answer is wrong, missing, unreadable or to no step, or a sheet has none.
    """
    begun = time.monotonic()
    _one_of(options, "as_json", "gradescope", "bundle")
    if options["gradebook"] == "-":
        _one_of(options, "as_json", "gradescope", "gradebook")
    if answers == "":
        raise UsageError("check: the name of the answers is empty")
    if scenario == answers == "-":
        raise UsageError("-: standard input is the scenario or the answers, not both")
    _check_outputs(scenario, answers, options)
    s = ctx.obj(scenario)
    points = _points(s, options)
    if options["bundle"]:
        _bundle(ctx, s, points)
        return
    if answers is None:
        raise UsageError("check: name the file with the answers, or - for standard input")
    report = _report(s, answers, points, options)
    _write(report, _inputs(scenario, answers, options), options)
    _tell(report, options, begun)
    ctx.exit(0 if report.ok and all(sheet.judged for sheet in report.sheets) else 1)


def _one_of(options: Mapping[str, Any], *names: str) -> None:
    chosen = [f"--{name.removeprefix('as_')}" for name in names if options[name]]
    if len(chosen) > 1:
        raise UsageError(f"{' and '.join(chosen)}: choose one")


def _points(s: Scenario, options: Mapping[str, Any]) -> Points | None:
    """What answers are worth: as a marks file or the scenario has it; some reports need it."""
    from tracer.check.points import Points, read_points

    if options["points"]:
        return read_points(Path(options["points"]))
    needed = options["gradescope"] or options["bundle"] or options["gradebook"]
    return s.points or (Points() if needed else None)


def _report(s: Scenario, source: str, points: Points | None, options: Mapping[str, Any]) -> Report:
    from tracer import checking
    from tracer.check.precision import declared
    from tracer.passes import within

    precision = declared(options["decimals"], options["significant"], options["cut"])
    answers = checking.answers_of(source, _standard_input)
    if options["gradescope"] and len(answers) != 1:
        raise UsageError(f"--gradescope: one sheet at a time, not {len(answers)}")
    meant = {name: options[name] for name in ("reading", "iteration", "ask")}
    marked, telling = within(s, answers, **meant)
    with progress(s.name) as watch:
        exercise = checking.exercise_of(
            s, telling, samples=options["samples"], precision=precision, progress=watch, **meant
        )
        return checking.check(exercise, marked, points=points, progress=watch)


def _standard_input() -> bytes:
    from tracer.check.answers import MAX_SIZE

    if sys.stdin is None:
        raise UsageError("-: standard input is closed")
    return sys.stdin.buffer.read(MAX_SIZE + 1)


# ---- what is written -------------------------------------------------------------------


def _inputs(scenario: str, answers: str | None, options: Mapping[str, Any]) -> list[Path]:
    """The files and folders that are read; a shipped scenario is none of the user's."""
    return [Path(p) for p in (scenario, answers, options["points"]) if p and p != "-"]


def _outputs(options: Mapping[str, Any]) -> dict[str, Path]:
    """The files and folders to write, by option."""
    named = {f"--{name}": options[name] for name in ("gradebook", "feedback", "bundle")}
    return {option: Path(path) for option, path in named.items() if path and path != "-"}


def _check_outputs(scenario: str, answers: str | None, options: Mapping[str, Any]) -> None:
    """Refuse what cannot be written before anything is worked out."""
    from tracer.check.outputs import check_apart

    outputs = _outputs(options)
    check_apart(outputs, _inputs(scenario, answers, options))
    for option, path in outputs.items():
        check_target(path / "page.md" if option == "--feedback" else path)


def _write(report: Report, inputs: list[Path], options: Mapping[str, Any]) -> None:
    from tracer.check.outputs import check_apart, files_of

    outputs = _outputs(options)
    files = files_of(report, outputs.get("--gradebook"), outputs.get("--feedback"))
    for path in files:
        check_apart({"writing": path}, inputs)
    write_all(files)


def _tell(report: Report, options: Mapping[str, Any], begun: float) -> None:
    from tracer.check import gradescope, reports, screen

    if options["as_json"]:
        click.echo(reports.to_json(report), nl=False)
    elif options["gradebook"] == "-":
        click.echo(reports.gradebook_csv(report), nl=False)
    elif options["gradescope"]:
        found = gradescope.results(report.sheets[0], seconds=time.monotonic() - begun)
        click.echo(json.dumps(found, ensure_ascii=False, indent=1))
    else:
        screen.show(report)


_NOT_BUNDLED = (
    "answers", "decimals", "significant", "cut", "ask", "iteration", "reading", "gradebook",
    "feedback",
)  # fmt: skip


def _bundle(ctx: click.Context, s: Scenario, points: Points | None) -> None:
    """Write an autograder that holds the scenario."""
    from tracer.check.gradescope import bundle
    from tracer.shipped import path_of

    source, path = ctx.params["scenario"], Path(ctx.params["bundle"])
    if source == "-":
        raise UsageError("--bundle: name a scenario or its file")
    lost = [name for name in _NOT_BUNDLED if ctx.params[name]]
    if lost:
        what = "answers" if lost[0] == "answers" else f"--{lost[0]}"
        raise UsageError(f"--bundle: an autograder takes no {what}; leave it out")
    bundle(path, path_of(source).read_bytes(), s.name, points)
    click.echo(f"{path}: upload it to Gradescope as the assignment's autograder")


@click.command(
    short_help="Which mistakes an exercise cannot show.",
    epilog="""
\b
Examples:
  tracer lint mazur
  tracer lint mazur --decimals 4
  tracer lint thinkinfi --decimals 4 --ask "Out h1" --ask E --ask w5+ --ask w1+
""",
)
@click.argument("scenario")
@_decimals
@_significant
@click.option("--cut", is_flag=True, help="Further digits are cut off, not rounded.")
@_ask
@_reading
@click.option("--json", "as_json", is_flag=True, help="The findings as JSON.")
@click.pass_context
def lint(ctx: click.Context, /, scenario: str, **options: Any) -> None:
    """Say which mistakes an exercise cannot show, and what to ask for instead.

    Every known mistake is made on paper and its numbers are compared with all others, to the digits
    agreed: 4 decimals if nothing is said. Without --ask all steps are asked for.

    Exit 1 if something cannot be told apart or says nothing.
    """
    from dataclasses import asdict

    from tracer import checking
    from tracer.check.findings import findings_text
    from tracer.check.lint import lint as examine
    from tracer.check.precision import Precision, declared

    s = ctx.obj(scenario)
    agreed = declared(options["decimals"], options["significant"], options["cut"])
    with progress(s.name):
        exercise = checking.exercise_of(
            s, (), reading=options["reading"], precision=agreed or Precision(4, None),
            ask=options["ask"],
        )  # fmt: skip
        found = examine(exercise)
    if options["as_json"]:
        click.echo(json.dumps(asdict(found), ensure_ascii=False, indent=1))
    else:
        click.echo(findings_text(s.name, found), nl=False)
    ctx.exit(0 if found.ok else 1)


@click.command(
    short_help="The mistakes tracer knows.",
    epilog="""
\b
Examples:
  tracer mistakes
  tracer mistakes mazur
""",
)
@click.argument("scenario", required=False)
@_reading
@click.pass_context
def mistakes(ctx: click.Context, /, scenario: str | None, reading: str | None) -> None:
    """The mistakes tracer knows, or those that can be made in a scenario.

    The word at the left is what a scenario or --reading calls a mistake.
    """
    from tracer.mistakes.catalog import MISTAKES

    known = MISTAKES
    if scenario is not None:
        from tracer import checking
        from tracer.check.hypotheses import hypotheses

        graph = checking.exercise_of(ctx.obj(scenario), (), reading=reading).graph
        made = {id for h in hypotheses(graph) for id in h.ids}
        known = tuple(m for m in MISTAKES if m.id in made)
    width = max((len(m.id) for m in known), default=0)
    for mistake in known:
        click.echo(f"{mistake.id:<{width}}  {mistake.explains}")
