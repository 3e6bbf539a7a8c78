"""pytest plugin: every published number of a scenario file is a test, and a fixture `tracer`.

Loaded in every run of pytest where tracer is installed, so it imports nothing but pytest until
a scenario file is collected or the fixture is asked for. Only glue is here: what a number is
called and why it differs says `guarding`, where it stands `toml_places`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tracer.ledger import Checked, Verification
    from tracer.scenario import Scenario
    from tracer.testing import Api

_INI = "tracer_scenarios"
_MARKER = "tracer: a published number of a tracer scenario (the plugin adds it)"
_WORDS = ((b"published",), (b"network", b"formulas"))  # one of each is in every scenario we want
_MAX_SIZE = 1_000_000  # bytes of a scenario file
_NAMED = pytest.StashKey[tuple[Path, ...]]()
_HANDED_ON = "tracer_named"  # to the workers of pytest-xdist

# Imports inside functions and methods: most runs of pytest have nothing to do with tracer.


# ---- options ---------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("tracer", "published numbers of tracer scenarios")
    group.addoption(
        "--tracer", action="store_true",
        help="Collect the published numbers of all tracer scenarios (*.toml) that are found. "
        "Without it: of scenarios, or folders of them, that the command line names (but not of "
        "the folder pytest is started in), and of those that the ini option tracer_scenarios "
        "matches.",
    )  # fmt: skip
    parser.addini(
        _INI, type="args", default=[],
        help="Scenario files to collect: globs relative to the root folder, as scenarios/*.toml. "
        "If set, folders on the command line collect no others.",
    )  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARKER)
    config.stash[_NAMED] = tuple(_named(config))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist what was named: it is given every path, named or not."""
    node.workerinput[_HANDED_ON] = [str(path) for path in node.config.stash[_NAMED]]


def _named(config: pytest.Config) -> Iterator[Path]:
    """The files and folders on the command line; a whole project is not named."""
    handed_on = getattr(config, "workerinput", {}).get(_HANDED_ON)
    if handed_on is not None:
        yield from map(Path, handed_on)
    elif config.args_source is pytest.Config.ArgsSource.ARGS:
        here = config.invocation_params.dir
        for arg in config.args:
            path = Path(os.path.abspath(here / arg.split("::", 1)[0]))
            if not here.is_relative_to(path):
                yield path


# ---- collecting ------------------------------------------------------------------------


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> ScenarioFile | None:
    if file_path.suffix != ".toml" or not _wanted(file_path, parent.config):
        return None
    text = _text(file_path)
    return ScenarioFile.from_parent(parent, path=file_path, text=text) if text else None


def _wanted(path: Path, config: pytest.Config) -> bool:
    named, globs = config.stash[_NAMED], config.getini(_INI)
    if config.getoption("--tracer") or path in named:
        return True
    if globs:
        return any(_matches(path, glob, config.rootpath) for glob in globs)
    return any(path.is_relative_to(folder) for folder in named)


def _matches(path: Path, glob: str, root: Path) -> bool:
    inside = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()
    return fnmatch(inside, glob.removeprefix("./")) or (
        "/" not in glob and fnmatch(path.name, glob)
    )


def _text(path: Path) -> str | None:
    """The text of a file that looks like a scenario with published numbers; else None."""
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_SIZE + 1)
    except OSError:
        return None
    if len(raw) > _MAX_SIZE or not all(any(word in raw for word in words) for words in _WORDS):
        return None
    from tracer.toml_places import places

    text = raw.decode("utf-8-sig", "replace")
    found = places(text)
    tables = {place[0] for place in found if len(place) > 1}
    computed = tables & {"network", "formulas"} or ("formulas",) in found  # a list, or a text
    return text if "published" in tables and computed else None


class ScenarioFile(pytest.File):
    """A scenario file: a test for each number under [published]."""

    def __init__(self, *, text: str, **others: Any) -> None:
        super().__init__(**others)
        self.text = text

    @property
    def shown(self) -> str:
        """The path as a person would type it."""
        here = self.config.invocation_params.dir
        return str(self.path.relative_to(here) if self.path.is_relative_to(here) else self.path)

    @cached_property
    def scenario(self) -> Scenario:
        from tracer.scenario import read_bytes

        return read_bytes(self.path.read_bytes(), self.shown, self.path.stem)

    @cached_property
    def verification(self) -> Verification:
        """All numbers of the file, once in a process."""
        from tracer import run

        return run.verify(self.scenario)

    def collect(self) -> Iterator[Number]:
        from tracer import guarding
        from tracer.errors import TracerError
        from tracer.toml_places import places

        try:
            guarding.check_names(self.scenario)
        except TracerError as wrong:
            raise self.CollectError(str(wrong)) from None
        for place, entry in enumerate(guarding.entries(self.scenario, places(self.text))):
            yield Number.from_parent(self, name=entry.id, place=place, line=entry.line)


class Differs(Exception):
    """A published number that does not come out; its text is for a person."""


class Number(pytest.Item):
    """A published number; fails where it differs."""

    parent: ScenarioFile

    def __init__(self, *, place: int, line: int, **others: Any) -> None:
        super().__init__(**others)
        self.place, self.line = place, line
        self.add_marker("tracer")

    def runtest(self) -> None:
        from tracer import guarding
        from tracer.ledger import Verdict

        number = self.parent.verification.numbers[self.place]
        self._tell(number)
        if number.verdict is Verdict.DIFFERS:
            account = guarding.account(self.parent.scenario, number)
            raise Differs("\n".join((guarding.headline(number), *account)))

    def _tell(self, n: Checked) -> None:
        """The verdict, for JUnit XML and other reports."""
        found = {"verdict": n.verdict.value, "printed": f"{n.printed:f}", "value": repr(n.value)}
        found |= {"under": n.under} if n.under else {}
        self.user_properties.extend((f"tracer_{key}", text) for key, text in found.items())
        under = f", under: {n.under}" if n.under else ""
        verdict = "" if n.verdict is n.verdict.DIFFERS else f"{n.verdict.value}{under}"
        if told := "\n".join(filter(None, (verdict, n.reason))):
            self.add_report_section("call", "verdict", told)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.line, f"{self.path.name}: {self.name}"

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The reason without a traceback: nobody is helped by our code."""
        from tracer.errors import TracerError

        wrong = excinfo.value
        if not isinstance(wrong, Differs | TracerError):
            return super().repr_failure(excinfo, style)
        headline, *account = str(wrong).splitlines()
        place = f"{self.parent.shown}:{self.line + 1}"
        told = "\n".join(account or [headline])
        text = type(excinfo).from_exception(_raised(Differs(f"{told}\n\n{place}")))
        found: Any = text.getrepr(style="value")
        # A program that reads the report is told the line of the scenario, not of this file.
        crash = replace(
            found.reprcrash, path=str(self.path), lineno=self.line + 1, message=headline
        )
        return type(found)([(found.reprtraceback, crash, None)])


def _raised(wrong: Exception) -> Exception:
    """An exception with a traceback, which pytest asks for."""
    try:
        raise wrong
    except type(wrong):
        return wrong


# ---- the fixture -----------------------------------------------------------------------


@pytest.fixture(scope="session")
def tracer(pytestconfig: pytest.Config) -> Api:
    """tracer's functions: `tracer.trace("mazur")`, `tracer.assert_matches(trace, values)`.

    A path to a scenario may be relative to pytest's root folder.
    """
    from tracer.testing import Api

    return Api(pytestconfig.rootpath)
