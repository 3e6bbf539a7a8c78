"""The command line. Exit 0: fine. 1: a published number is unexplained. 2: bad input.

Modules are imported inside the commands: `tracer --help` must not wait for numpy.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tracer import __version__
from tracer.commands import marking
from tracer.errors import TracerError, UsageError, closest, nearest
from tracer.terminal import progress, report, tell, write_utf8, write_whole

if TYPE_CHECKING:
    from tracer.scenario import Scenario
    from tracer.traces import Trace


BACKPROP = "backprop"


class _Commands(click.Group):
    """Commands whose errors for the user are lines on stderr, without a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        near = closest(args[0], self.commands)
        if near and args[0] not in self.commands:
            ctx.fail(f"No such command {args[0]!r}; did you mean {near!r}?")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # whoever read our output has stopped; nothing is left to say
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)
        except KeyboardInterrupt:
            ctx.exit(130)
        except (TracerError, OSError) as wrong:
            if ctx.params.get("debug"):
                raise
            for line in _lines(wrong):
                click.echo(f"tracer: {line}", err=True)
            ctx.exit(2)


def _lines(wrong: TracerError | OSError) -> list[str]:
    if isinstance(wrong, TracerError):
        return str(wrong).splitlines()
    where = f"{wrong.filename}: " if wrong.filename else ""
    return [f"{where}{wrong.strerror or wrong}"]


_EPILOG = """
\b
Examples:
  tracer list
  tracer render thinkinfi
  tracer show mazur w5+ dE/dw5
  tracer verify
  tracer check mazur answers.csv
"""


@click.group(
    cls=_Commands,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, "--version", prog_name="tracer")
@click.option("--debug", is_flag=True, help="Show a traceback for errors.")
@click.pass_context
def main(ctx: click.Context, debug: bool) -> None:
    """Worked examples of small neural networks, every number derived, printed and checked.

    SCENARIO is the name of a shipped scenario, the path of a TOML file, or - for standard input.
    """
    write_utf8()
    ctx.obj = _load


def _load(source: str) -> Scenario:
    from tracer.scenario import MAX_SIZE, read_bytes
    from tracer.shipped import load

    if source != "-":
        return load(source)
    if sys.stdin is None:
        raise UsageError("-: standard input is closed")
    return read_bytes(sys.stdin.buffer.read(MAX_SIZE + 1), "-", "stdin")


def _trace(
    scenario: Scenario, iteration: int, reading: str | None, following: int = 0,
    sample: int | None = None,
) -> Trace:  # fmt: skip
    """The trace of a scenario with one pass recorded, and `following` more."""
    from tracer import run

    wanted = range(iteration, iteration + following + 1)
    with progress(scenario.name) as watch:
        t = run.trace(
            scenario, iterations=wanted[-1], record=wanted, reading=reading, progress=watch
        )
    default = scenario.run.sample if t.program.samples > 1 else 0
    return t.at(sample=default if sample is None else sample)


_reading = click.option("--reading", "-r", help="Under one of the scenario's readings.")
_iteration = click.option(
    "--iteration", "-i", type=click.IntRange(0, 10**9), default=0, metavar="N", show_default="0",
    help="The pass after that many updates.",
)  # fmt: skip
_sample = click.option(
    "--sample", "-s", type=click.IntRange(0, 10**9), metavar="N",
    help="The sample of a batch, counted from 0.",
)  # fmt: skip


@main.command(
    "list",
    epilog="""
\b
Examples:
  tracer list
""",
)
def list_scenarios() -> None:
    """The shipped scenarios."""
    from tracer.shipped import load, scenario_names

    names = scenario_names()
    width = max(map(len, names))
    for name in names:
        scenario = load(name)
        author = f" ({scenario.author})" if scenario.author else ""
        click.echo(f"{name:<{width}} {scenario.title}{author}")
        for reading in scenario.readings:
            click.echo(f"{'':<{width}}   reading: {reading}")


@main.command(
    epilog="""
\b
Examples:
  tracer show thinkinfi
  tracer show thinkinfi w5+ "Out h1" dE/dw5
  tracer show mazur E_total --iteration 10000 --reading "sequential update"
  tracer show mazur --csv > mazur.csv
  tracer show or-gate y --iteration 10000 --samples prediction
"""
)
@click.argument("scenario")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@_iteration
@_reading
@_sample
@click.option("--samples", metavar="SET", help="The forward pass of another sample set.")
@click.option("--json", "as_json", is_flag=True, help="Full precision, as JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Full precision, as CSV.")
def show(
    scenario: str, names: tuple[str, ...], iteration: int, reading: str | None, sample: int | None,
    samples: str | None, as_json: bool, as_csv: bool,
) -> None:  # fmt: skip
    """The values of a pass: formula, numbers, value.

    All of them, or those NAMEd, these to full precision.
    """
    if as_json and as_csv:
        raise UsageError("--json and --csv: choose one")
    t = _shown(_load(scenario), iteration, reading, sample, samples)
    cells = [t.cell(name) for name in names] or None
    if as_json or as_csv:
        click.echo(t.to_json(cells) if as_json else t.to_csv(cells), nl=False)
        return
    from tracer.lines import IN_TEXT

    for cell in range(len(t)) if cells is None else cells:
        value = f"   [{float(t.values[cell])!r}]" if names else ""
        tell(IN_TEXT.whole(t.line(cell)) + value)


def _shown(
    scenario: Scenario, iteration: int, reading: str | None, sample: int | None, samples: str | None
) -> Trace:
    """The pass and sample to show, of the samples that are trained on or of another set."""
    from tracer.run import on

    if samples is None:
        return _trace(scenario, iteration, reading, sample=sample)
    return on(_trace(scenario, iteration, reading), samples).at(sample=sample)


@main.command(
    epilog="""
\b
Examples:
  tracer render thinkinfi
  tracer render --all -o out
  tracer render mazur --format md -o - | less
  tracer render mazur --detail first --reading "sequential update"
"""
)
@click.argument("scenarios", nargs=-1, metavar="SCENARIO...")
@click.option("--all", "everything", is_flag=True, help="All shipped scenarios.")
@click.option("--format", "formats", default="md,tex", show_default=True, help="md, tex or both.")
@click.option(
    "--detail", type=click.Choice(["auto", "full", "first", "folded"]), default="auto",
    show_default=True,
    help="Every weight in full; the first of each layer and the rest in a table; or folded: one "
    "way through the pass and the rest as matrices. auto folds what is long.",
)  # fmt: skip
@click.option(
    "-o", "--output", default="out", show_default=True, metavar="DIR",
    help="Folder to write to, or - for standard output.",
)  # fmt: skip
@_iteration
@_reading
@_sample
def render(
    scenarios: tuple[str, ...], everything: bool, formats: str, detail: str, output: str,
    iteration: int, reading: str | None, sample: int | None,
) -> None:  # fmt: skip
    """Write worked examples as Markdown and LaTeX.

    A Markdown page brings its diagram and charts as SVG; a LaTeX document holds them. Nothing
    is written unless everything can be.
    """
    from tracer.shipped import scenario_names

    wanted = [f.strip() for f in formats.split(",") if f.strip()]
    bad = [f for f in wanted if f not in ("md", "tex")]
    if bad or not wanted:
        raise UsageError(f"--format {formats}: expected md, tex or md,tex")
    sources = [*scenarios, *(scenario_names() if everything else ())]
    if not sources:
        raise UsageError("name a scenario, or use --all; `tracer list` shows what is shipped")
    if output == "-" and (len(sources) > 1 or len(wanted) > 1):
        raise UsageError("-o -: one scenario and one --format at a time")
    files: dict[str, str] = {}
    for source in dict.fromkeys(sources):
        made = _pages(_load(source), wanted, detail, iteration, reading, sample)
        if files.keys() & made.keys():
            raise UsageError(f"{source}: another scenario writes {next(iter(made))}")
        files |= made
    if output == "-":
        click.echo(next(iter(files.values())), nl=False)
        return
    for name, text in files.items():
        write_whole(Path(output) / name, text)
        click.echo(Path(output) / name)


def _pages(
    scenario: Scenario, formats: list[str], detail: str, iteration: int, reading: str | None,
    sample: int | None,
) -> dict[str, str]:  # fmt: skip
    """The files of a page by name; the Markdown page brings its diagram and charts."""
    from tracer import courses, run
    from tracer.pages import drawings, file_name, page

    t = _trace(scenario, iteration, reading, following=1, sample=sample)
    with progress(scenario.name) as watch:
        verification = run.verify(scenario, watch)
        course = courses.course(scenario, reading, watch, iteration=iteration)
    files = {
        f"{file_name(t)}.{format}": page(t, format, detail, verification, course)
        for format in formats
    }
    return files | (drawings(t, course) if "md" in formats else {})


@main.command(
    epilog="""
\b
Examples:
  tracer verify
  tracer verify mazur
  tracer verify my.toml --json
"""
)
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO]...")
@click.option("--json", "as_json", is_flag=True, help="The verdicts as JSON.")
@click.pass_context
def verify(ctx: click.Context, scenarios: tuple[str, ...], as_json: bool) -> None:
    """A verdict on every published number.

    \b
    reproduced        the value comes out, to the last digit printed
    rounded-path      it does if intermediate values are rounded as stated
    misprint          it does not, but the right value in the ledger does
    not-reproducible  last bits decide it, or a start that is not stated
    differs           none of these: exit 1
    """
    from tracer import run
    from tracer.ledger import to_json
    from tracer.shipped import scenario_names

    found = []
    for source in dict.fromkeys(scenarios or scenario_names()):
        scenario = _load(source)
        with progress(scenario.name) as watch:
            found.append(run.verify(scenario, watch))
    if as_json:
        click.echo(to_json(found), nl=False)
    else:
        for verification in found:
            report(verification)
    ctx.exit(0 if all(v.ok for v in found) else 1)


@main.command(
    epilog="""
\b
Examples:
  tracer derive sigmoid
  tracer derive tanh
  tracer derive thinkinfi w5
  tracer derive mazur w1
  tracer derive backprop
"""
)
@click.argument("what", metavar="ACTIVATION|SCENARIO|backprop")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@_reading
def derive(what: str, names: tuple[str, ...], reading: str | None) -> None:
    """Derive an activation, or a scenario's gradients.

    An activation's derivative one rule at a time, the chain rule for each NAMEd weight, or
    backprop: the equations of all networks in index notation, every line checked.
    """
    from tracer.catalog.activations import ACTIVATIONS
    from tracer.pages import gradient_text
    from tracer.shipped import scenario_names

    if what in (*ACTIVATIONS, BACKPROP):
        if names:
            kind = "an activation" if what in ACTIVATIONS else BACKPROP
            raise UsageError(f"derive {what}: {kind} has no {names[0]!r}")
        click.echo(_derived(what), nl=False)
        return
    if not _is_scenario(what):
        known = (*ACTIVATIONS, BACKPROP, *scenario_names())
        hint = nearest(what, known) or f"; there are {', '.join(known)}"
        raise UsageError(f"{what}: no activation or scenario{hint}")
    t = _trace(_load(what), 0, reading)
    for number, cell in enumerate(_parameters(t, names)):
        click.echo(("\n" if number else "") + gradient_text(t, cell), nl=False)


def _derived(what: str) -> str:
    """The derivative of an activation, or the equations of backpropagation."""
    from tracer.catalog.activations import ACTIVATIONS
    from tracer.indexed.check import check
    from tracer.indexed.page import index_page
    from tracer.pages import rule_text

    if what != BACKPROP:
        return rule_text(ACTIVATIONS[what])
    check()
    return index_page("txt")


def _is_scenario(source: str) -> bool:
    """Whether a scenario is meant: shipped, standard input, or a file, there or not."""
    from tracer.shipped import scenario_names

    path = Path(source)
    return source in ("-", *scenario_names()) or bool(path.suffix) or path.exists()


def _parameters(t: Trace, names: tuple[str, ...]) -> list[int]:
    """The trained parameters meant by names: w5, or dE/dw5."""
    if t.scenario and t.scenario.conventions.learning == "perceptron":
        raise UsageError(f"{t.title}: the perceptron's learning rule uses no derivative")
    if t.program.root is None:
        raise UsageError(f"{t.title}: there is no error to differentiate")
    parameters = sorted(t.program.gradients)
    if not names:
        return parameters
    gradients = {gradient: cell for cell, gradient in t.program.gradients.items()}
    found = []
    for name in names:
        cell = t.cell(name)
        if cell not in parameters and cell not in gradients:
            known = ", ".join(t.names[c] for c in parameters)
            raise UsageError(f"{name} is not a trained parameter; there are {known}")
        found.append(gradients.get(cell, cell))
    return found


@main.command(
    epilog="""
\b
Examples:
  tracer schema > scenario.schema.json
"""
)
def schema() -> None:
    """The JSON Schema of scenario files, for editors."""
    import json

    from tracer.scenario import json_schema

    click.echo(json.dumps(json_schema(), indent=1, ensure_ascii=False))


@main.command(
    epilog="""
\b
Examples:
  tracer new mine.toml && tracer render mine.toml
"""
)
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
def new(file: Path) -> None:
    """Write a commented scenario to start from."""
    from tracer.shipped import folder

    named = shlex.quote(str(file))
    text = (folder("templates") / "new.toml").read_text("utf-8").replace("FILE", named)
    if str(file) == "-":
        click.echo(text, nl=False)
        return
    for problem, wrong in (
        ("exists already; choose another name", file.exists()),
        ("cannot be a file's name", not named.isprintable()),
        ("no such folder", not file.parent.is_dir()),
    ):
        if wrong:
            raise UsageError(f"{named}: {problem}")
    write_whole(file, text)
    click.echo(f"{file}: change it, then run `tracer render {named}`")


main.add_command(marking.check)
main.add_command(marking.lint)
main.add_command(marking.mistakes)


if __name__ == "__main__":
    main()
