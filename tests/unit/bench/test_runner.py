"""The bench: what its runner reads and writes. The figures themselves are measured elsewhere."""

from pathlib import Path
from xml.etree import ElementTree as ET

import orjson
import pytest
from rich.console import Console

from bench.results import rows, show, write
from bench.scenario import Figures, Goal, Place, Result, Scenario, Size
from bench.scenarios import load, names

FIGURES = [{"ours, calls/s": 50.0, "ours / theirs": 0.5}, {"ours, calls/s": 70.0, "ours / theirs": 0.7}]


def no_run(place: Place, number: int) -> Figures:
    raise AssertionError((place, number))


def a_result(*goals: Goal) -> Result:
    scenario = Scenario("calls & answers", "Calls are made.", Size(1, 1), Size(2, 2), no_run, goals)
    return Result("calls", scenario, 1_000, list(FIGURES))


@pytest.mark.parametrize("name", names())
def test_each_file_is_a_scenario_whose_small_size_is_not_above_the_full_one(name: str) -> None:
    scenario = load(name)
    assert scenario.quick.number <= scenario.full.number
    assert scenario.quick.runs <= scenario.full.runs
    assert all((goal.at_least is None) is not (goal.at_most is None) for goal in scenario.goals)


def test_a_figure_has_its_median_its_spread_and_whether_its_goal_holds() -> None:
    rate, ratio = rows(a_result(Goal("ours / theirs", at_least=0.65)))
    assert (rate["median"], rate["min"], rate["max"], rate["goal"], rate["holds"]) == (60.0, 50.0, 70.0, None, None)
    assert (ratio["median"], ratio["goal"], ratio["holds"]) == (pytest.approx(0.6), "≥ 0.65", False)


@pytest.mark.parametrize(("most", "holds"), [(60.0, True), (59.0, False), (0.0, False)])
def test_a_goal_may_be_a_maximum(most: float, *, holds: bool) -> None:
    assert rows(a_result(Goal("ours, calls/s", at_most=most)))[0]["holds"] is holds


def test_the_files_say_what_was_measured_where_and_with_what(tmp_path: Path) -> None:
    path = write(a_result(Goal("ours / theirs", at_least=0.5)), "a stack", tmp_path)
    found = orjson.loads(path.read_bytes())
    assert (found["scenario"], found["number"], found["runs"]) == ("calls", 1_000, FIGURES)
    assert {"cpus", "memory_gib", "system"} <= set(found["machine"])
    assert {"python", "aiokafka", "motor"} <= set(found["versions"])
    picture = ET.parse(tmp_path / "calls.svg")  # we have just written it
    shown = "".join(picture.getroot().itertext())
    assert "calls & answers" in shown
    assert "ours / theirs (goal ≥ 0.5)" in shown


def test_a_missing_peer_is_a_line_and_not_a_failure() -> None:
    result = a_result()
    result.runs, result.missing = [], "redis-server is missing. Get it with: apt-get install redis-server"
    console = Console(record=True, width=120)
    show(result, console)
    assert "calls: redis-server is missing." in console.export_text()
