"""Rows over seeds: means, spreads, and no difference claimed that is none."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from model.errors import DannError
from training.lab import results
from training.lab.machine import Machine
from training.lab.plot import COLOURS, PlottedAnswer, PlottedCurve, check_picture, draw_answer, draw_curves, half_width
from training.lab.report import Row, Spread, compared, legend, markdown, ranked, row_json
from training.lab.results import Result


def result(name: str, seed: int, figure: float, **more: Any) -> Result:
    fields: dict[str, Any] = {
        "experiment": name, "group": f"{name}-20300101-000000", "question": "?", "seed": seed, "text_sha256": "ab" * 32,
        "split": "the first 90 % train", "val_reset_nats_per_char": figure, "val_stateful_nats_per_char": figure - 0.03,
        "val_bpb": figure / math.log(2), "params": 1_234_567, "steps": 100, "tokens_per_second": 50_000, "seconds": 180.0,
        "code_version": "0",
    }  # fmt: skip
    return Result(**(fields | more))


def row(name: str, *figures: float, **more: Any) -> Row:
    return Row(name, [result(name, seed, figure, **more) for seed, figure in enumerate(figures)])


def test_a_spread_is_the_samples_and_one_seed_has_none() -> None:
    three = Spread.over([1.0, 2.0, 4.0])
    assert three
    assert three.mean == pytest.approx(7 / 3)
    assert three.sd == pytest.approx(math.sqrt(7 / 3))
    assert three.n == 3
    assert Spread.over([1.5]) == Spread(1.5, None, 1)
    assert Spread.over([None, None]) is None
    assert str(Spread.over([1.0, 2.0])) == "1.5000 ± 0.7071 (2)"
    assert str(Spread.over([1.5])) == "1.5000 (1)"


def test_the_mixed_figure_has_a_column_where_it_was_asked_for() -> None:
    with_it, without = row("with", 1.6, val_mixed_nats_per_char=1.4), row("without", 1.7)
    head, _, first, second = markdown(ranked([with_it, without])).splitlines()
    assert head.split("|")[6].strip() == "mixed"
    assert [line.split("|")[6].strip() for line in (first, second)] == ["1.4000 (1)", "–"]
    assert row_json(with_it)["val_mixed_nats_per_char"] == {"mean": 1.4, "sd": None}
    assert row_json(without)["val_mixed_nats_per_char"] is None


def test_the_table_has_the_best_first() -> None:
    table = markdown(ranked([row("slow", 1.70, 1.72), row("best", 1.60, 1.62), row("near", 1.61, 1.63)]))
    lines = table.splitlines()
    assert lines[0].startswith(
        "| name | params | steps | val@256-reset | val-stateful | bits per byte | tokens/s | seconds |"
    )
    assert len({line.count("|") for line in lines}) == 1
    assert [line.split("|")[1].strip() for line in lines[2:]] == ["best", "near", "slow"]
    assert [line.split("|")[-2].strip() for line in lines[2:]] == [
        "best",
        "worse (+0.0100, +0.0100 to +0.0100, 2 paired seeds)",
        "worse (+0.1000, +0.1000 to +0.1000, 2 paired seeds)",
    ]
    assert "mixed" not in table
    assert "| 1,234,567 | 100 | 1.6100 ± 0.0141 (2) | 1.5800 ± 0.0141 (2) |" in lines[2]


def test_runs_on_different_text_are_not_compared() -> None:
    for other in ({"text_sha256": "cd" * 32}, {"split": "the first 95 % train"}):
        with pytest.raises(DannError, match=r"^one and two were run on different text") as caught:
            ranked([row("one", 1.6), row("two", 1.7, **other)])
        assert "abababababab" in str(caught.value)
        mixed = Row("two", [result("two", 0, 1.7), result("two", 1, 1.7, **other)])
        with pytest.raises(DannError, match=r"^one and two were run on different text"):
            ranked([row("one", 1.6), mixed])
        assert "\n" not in str(caught.value)


def test_posts_are_compared_in_bits_per_byte() -> None:
    nothing = {"val_reset_nats_per_char": None, "val_stateful_nats_per_char": None}
    ordered = ranked([row("two", 1.7, **nothing), row("one", 1.6, **nothing)])
    assert [one.row.name for one in ordered] == ["one", "two"]
    assert row_json(ordered[0].row)["val_reset_nats_per_char"] is None


def test_json_has_each_seeds_own_figures() -> None:
    as_json = row_json(row("one", 1.5, 1.7))
    assert as_json["val_reset_nats_per_char"] == {"mean": pytest.approx(1.6), "sd": pytest.approx(0.2 / math.sqrt(2))}
    assert [seed["val_reset_nats_per_char"] for seed in as_json["seeds"]] == [1.5, 1.7]
    assert json.loads(json.dumps(as_json)) == as_json


def stored(runs: Path, *stored_results: Result) -> None:
    for one in stored_results:
        folder = results.folder_of(runs, one.group, one.seed)
        folder.mkdir(parents=True)
        results.save(folder, one)


def test_those_without_finals_stand_behind_those_with_them_and_are_no_reference() -> None:
    def of_sweep(name: str, screened: float, *final: float) -> Row:
        first, *rest = [result(name, seed, figure, sweep="q") for seed, figure in enumerate([screened, *final])]
        return Row(name, rest, [first]) if rest else Row(name, [first])

    rows = [of_sweep("lucky", 1.510), of_sweep("a", 1.500, 1.530, 1.531), of_sweep("b", 1.505, 1.560, 1.562)]
    first, second, third = ranked(rows)
    assert (first.row.name, first.verdict, second.row.name) == ("a", "best", "b")
    assert (third.row.name, third.verdict) == ("lucky", "needs 2 more seeds (+0.0100, one seed); screened")
    assert [one.row.name for one in ranked(rows, "b")] == ["a", "b", "lucky"]
    plain = row("plain", 1.4)  # of no sweep, so nothing was chosen by its seeds
    assert [one.row.name for one in ranked([*rows, plain])] == ["plain", "a", "b", "lucky"]
    assert ranked([rows[0], of_sweep("other", 1.4)])[0].verdict == "best"


def test_groups_are_sorted_by_the_time_in_their_names(tmp_path: Path) -> None:
    names = [
        "speedrun-challenger-20260101-000000", "speedrun-20261130-000000", "q-20261231-000000-2-000",
        "q-20261231-000000-2-001", "speedrun-20261231-000000-10", "speedrun-20270101-000000",
    ]  # fmt: skip
    stored(tmp_path, *(result("speedrun", 0, 1.0, group=name) for name in reversed(names)))
    assert list(results.groups(tmp_path)) == names
    assert results.newest(tmp_path, "speedrun")[0].group == names[-1]
    assert results.started_at(names[0]) == "20260101-000000"


def test_a_name_is_its_newest_group_and_a_group_can_be_named(tmp_path: Path) -> None:
    older, newer = (f"a-2030010{day}-000000" for day in (1, 2))
    stored(tmp_path, *(result("a", seed, 1.0, group=newer) for seed in (1, 0)), result("a", 0, 2.0, group=older))
    stored(tmp_path, result("a-longer", 0, 3.0, group="a-longer-20290101-000000"))
    (tmp_path / "unfinished-seed0").mkdir()
    assert [one.seed for one in results.newest(tmp_path, "a")] == [0, 1]
    assert results.newest(tmp_path, "experiments/a.toml") == results.newest(tmp_path, "a")
    assert [one.val_bpb for one in results.newest(tmp_path, older)] == [result("a", 0, 2.0).val_bpb]
    assert list(results.groups(tmp_path)) == ["a-longer-20290101-000000", older, newer]
    with pytest.raises(DannError, match=r"^b: no finished run .* there are: a, a-longer;"):
        results.newest(tmp_path, "b")


def test_a_damaged_result_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a-seed0").mkdir()
    (tmp_path / "a-seed0" / "result.json").write_text("{")
    with pytest.raises(
        DannError, match=r"result.json: is not a result that dann wrote; remove .*a-seed0 and run it again"
    ):
        results.groups(tmp_path)


CURVES = [
    PlottedCurve("one", [[(0.5, 3.0), (1.0, 2.5), (2.0, 2.0)], [(0.6, 3.2), (1.1, 2.6), (2.1, 2.2)]]),
    PlottedCurve("two & three", [[(0.5, 3.1), (1.0, 2.9), (2.0, 2.8)]]),
]


@pytest.mark.parametrize(("name", "begins"), [("curves.png", b"\x89PNG"), ("curves.SVG", b"<?xml")])
def test_curves_are_drawn_without_a_display(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, begins: bytes
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    draw_curves(tmp_path / name, CURVES)
    assert (tmp_path / name).read_bytes().startswith(begins)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_the_picture_says_what_it_shows(tmp_path: Path) -> None:
    draw_curves(tmp_path / "curves.svg", CURVES)
    drawn = (tmp_path / "curves.svg").read_text()
    for words in (
        "one (2 seeds)",
        "two &amp; three (1 seed)",
        "minutes",
        "bits per byte",
        COLOURS[0].lower(),
        COLOURS[1].lower(),
    ):
        assert words in drawn
    draw_curves(tmp_path / "again.svg", CURVES)
    assert (tmp_path / "again.svg").read_text() == drawn


def test_the_picture_of_an_answer_has_a_row_each_and_what_was_tried(tmp_path: Path) -> None:
    answers = [
        PlottedAnswer("muon", "learning_rate 0.01", [1.50, 1.52], final=True, by_rate=[(0.01, 1.51), (0.03, 1.60)]),
        PlottedAnswer("sgd & more", "", [1.70], final=False, by_rate=[]),
    ]
    draw_answer(tmp_path / "answer.svg", answers, "sgd & more", "nats per character")
    drawn = (tmp_path / "answer.svg").read_text()
    for words in (
        "muon (learning_rate 0.01)",
        "sgd &amp; more",
        "nats per character (less is better)",
        "learning rate",
    ):
        assert words in drawn
    draw_answer(tmp_path / "rows.svg", [replace(one, by_rate=[]) for one in answers], "", "bits per byte")
    assert "learning rate" not in (tmp_path / "rows.svg").read_text()
    assert half_width([1.0, 2.0, 3.0]) == pytest.approx(4.303 / 3**0.5, rel=1e-3)  # Student's t of two degrees


def test_only_pictures_of_two_kinds_are_drawn(tmp_path: Path) -> None:
    with pytest.raises(DannError, match=r"curves.gif: must end in .png or .svg"):
        check_picture(tmp_path / "curves.gif")
    with pytest.raises(DannError, match="there is no folder"):
        check_picture(tmp_path / "nowhere" / "curves.png")


def test_runs_by_minutes_are_not_compared_across_machines_and_by_steps_they_are() -> None:
    here, there = (Machine(cores=2, processor=name, fingerprint=name) for name in ("Xeon", "EPYC"))
    one, two = (row(name, 1.6, by="minutes", machine=machine) for name, machine in (("one", here), ("two", there)))
    with pytest.raises(DannError, match=r"^one and two were run by minutes on different machines") as caught:
        ranked([one, two])
    assert "\n" not in str(caught.value)
    assert len(ranked([one, row("two", 1.7, by="minutes", machine=here)])) == 2
    assert len(ranked([row("one", 1.6, by="steps", machine=here), row("two", 1.7, by="steps", machine=there)])) == 2


def test_against_a_baseline_each_row_is_better_or_worse_than_that() -> None:
    rows = [row("base", 1.60, 1.61, 1.62), row("good", 1.50, 1.51, 1.53), row("bad", 1.70, 1.71, 1.73)]
    verdicts = {one.row.name: one.verdict.split(" (")[0] for one in ranked(rows, "base")}
    assert verdicts == {"good": "better", "base": "baseline", "bad": "worse"}
    assert {one.verdict.split(" (")[0] for one in ranked(rows, "base", matters=0.5)} == {"no difference", "baseline"}
    assert legend(ranked(rows, "base")).startswith("verdict: each against base, by val@256-reset, nats per character")
    assert legend(ranked(rows)).startswith("verdict: each against good, by ")
    with pytest.raises(DannError, match="--baseline x: no such row; there are: base, good, bad"):
        ranked(rows, "x")


def test_seeds_that_something_was_chosen_by_are_left_out_where_there_are_others() -> None:
    def chosen(name: str, screened: float, *final: float) -> Row:
        finals = [result(name, 1 + seed, figure) for seed, figure in enumerate(final)]
        return Row(name, finals, [result(name, 0, screened)], tried=3)

    lucky, steady = chosen("lucky", 1.0, 1.6, 1.7), chosen("steady", 1.5, 1.6, 1.7)
    assert compared(steady, lucky).mean == 0.0
    unfinished = Row("unfinished", [result("unfinished", 0, 1.4)])
    apart = compared(steady, unfinished)
    assert apart.n == 1  # of the screening alone
    assert apart.mean == pytest.approx(-0.1)
