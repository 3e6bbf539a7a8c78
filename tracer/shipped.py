"""Where the scenarios and templates are: inside an installed package, beside a checkout's."""

from __future__ import annotations

from pathlib import Path

from tracer.errors import ScenarioError, nearest
from tracer.scenario import Scenario, read_file

_PACKAGE = Path(__file__).parent


def folder(name: str) -> Path:
    """The folder `scenarios` or `templates`: in the package first (wheel), beside it second."""
    inside, beside = _PACKAGE / name, _PACKAGE.parent / name
    return inside if inside.is_dir() else beside


def scenario_names() -> list[str]:
    """The shipped scenarios by name."""
    return sorted(path.stem for path in folder("scenarios").glob("*.toml"))


def path_of(source: str | Path) -> Path:
    """The file of a scenario given by shipped name or by path."""
    is_shipped = str(source) in scenario_names()
    return folder("scenarios") / f"{source}.toml" if is_shipped else Path(source)


def load(source: str | Path) -> Scenario:
    """A scenario by shipped name or by path.

    raises    ScenarioError for an unknown name, or with every problem of the file
    """
    shipped = scenario_names()
    if str(source) in shipped:
        found = read_file(path_of(source))
        return found.model_copy(update={"file": f"scenarios/{source}.toml"})
    path = Path(source)
    if not path.exists():
        hint = nearest(path.stem, shipped) or "; `tracer list` names those shipped"
        if (beside := path.with_name(path.name + ".toml")).exists():
            hint = f"; did you mean {str(beside)!r}?"
        raise ScenarioError([f"{source}: no scenario of that name and no such file{hint}"])
    return read_file(path)
