"""The bench's parts run and count right; nothing here is timed. PyTorch is not needed, and not asked for where it is."""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental import rnn

from model.checkpoints import checkpoint
from model.errors import DannError
from tests.bench import __main__ as program
from tests.bench import guard, other_load
from tests.bench.chat import checkpoints, importing, loads
from tests.bench.compute import decode, growing_corpus, same_work, training_speed
from tests.bench.contenders.decoding import decode_ours
from tests.bench.contenders.kernels.layers import by_scan, made, packed
from tests.bench.quality import nearness
from tests.bench.report import Report, spread, table
from tests.bench.rounds import children
from tests.bench.rounds.children import Child, ContenderError, Quartiles, Rounds, alternate, prepare, started
from tests.bench.rounds.job import Job, Shape
from training.posts.importer import scan_exports

TINY = Shape(layers=2, hidden=8, vocab=65, batch=3, window=5)


def test_the_work_of_a_step_is_what_its_products_take() -> None:
    """Every product that the formula names, written out for one shape: [m, k] x [k, n] is 2 m k n."""
    tokens, H, V = 2500, 128, 65
    recurrent, above, output = 2 * (2 * tokens * H * 4 * H), 2 * tokens * H * 4 * H, 2 * tokens * H * V
    assert Shape(2, H, V, 50, 50).flops == 3 * (recurrent + above + output)


def test_all_read_the_same_tokens_and_none_begins_a_conversation() -> None:
    job = Job(TINY, cores=1)
    windows = job.windows()
    assert windows.shape[1:] == (TINY.window + 1, TINY.batch)
    assert windows.min() > 0
    assert (windows[:-1, -1] == windows[1:, 0]).all()  # a window's last target is the next one's first input
    rows = job.stream().reshape(TINY.batch, -1)
    assert (rows[:, : TINY.window + 1] == windows[0].T).all()


def test_a_phase_turns_the_cycle() -> None:
    job = Job(TINY, cores=1, period=5)
    first, second = job.windows()[0], replace(job, phase=1).windows()[0]
    assert (first[1:] == second[:-1]).all()
    assert not (first == second).all()


def test_a_job_travels_as_json() -> None:
    job = Job(TINY, cores=2, weights="w.npz", period=5, phase=3)
    assert Job.from_json(json.loads(json.dumps(job.to_json()))) == job


def test_ratios_are_taken_within_a_round() -> None:
    """The machine slows to a half in the second round: no ratio notices."""
    rounds = Rounds([], [[1.0, 2.0, 1.0], [3.0, 6.0, 3.0]])
    assert rounds.ratio(0, 1) == Quartiles(3.0, 3.0, 3.0)
    assert rounds.ratio(0, 1, work=0.5) == Quartiles(1.5, 1.5, 1.5)
    assert rounds.rate(0, 10.0) == Quartiles(7.5, 10.0, 10.0)


def test_a_busy_machine_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger on one of the cores while everybody waits: the figures carry a warning. A quiet machine's do not."""
    job = Job(TINY, cores=1)
    with started([("sleeper", job)]) as one:
        prepare(one)
        counts = iter([(100, 1000), (105, 1010), (200, 1100), (205, 1110)])
        monkeypatch.setattr(children, "ticks", lambda: next(counts))
        rounds = alternate(one, turn=0.001, budget=0.0, least=2)
    assert rounds.others == 0.5
    assert "Do not quote: other work took up to 50%" in other_load.warning([0.01, rounds.others])
    assert other_load.warning([0.01, 0.05]) == ""


def test_the_system_counts_more_ticks_than_work() -> None:
    busy, every = other_load.ticks()
    assert 0 <= busy <= every


def test_a_table_is_markdown() -> None:
    assert table(["a", "b"], [["x", spread(Quartiles(1, 2, 3), ".0f")]]) == "| a | b |\n| --- | ---: |\n| x | 2 (1–3) |"


def test_contenders_take_turns_in_processes_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A contender that only sleeps goes through all that a child does."""
    monkeypatch.setattr(children, "PAUSE", 0.0)
    job = Job(TINY, cores=1)
    with started([("sleeper", job), ("sleeper", job)]) as both:
        assert all(seconds > 0 for seconds in prepare(both))
        rounds = alternate(both, turn=0.01, budget=0.0, least=3)
        both[0].take(replace(job, period=5))
    assert [len(seconds) for seconds in rounds.seconds] == [3, 3]
    assert [child.facts for child in both] == [{"tuned": "no"}, {"tuned": "yes"}]  # another job, not yet tuned
    assert all(child.peak_mb > 1 for child in both)


def test_a_contender_that_falls_says_why() -> None:
    with pytest.raises(ContenderError, match="No module named"), Child("nobody", Job(TINY, cores=1)):
        pass


@pytest.mark.slow
def test_ours_and_stock_flax_compute_the_same() -> None:
    """If this fails, `make bench` compares different work: see what changed in a step, and change the others with it."""
    report = same_work.compare(["flax_stock"])
    assert [row["same"] for row in report.figures] == [True, True], report.text


def test_the_check_of_same_work_can_fail() -> None:
    ours = np.array([[2.0, 1.0], [1.9, 1.0]])
    assert same_work.difference("one", ours, ours)["same"]
    assert not same_work.difference("one", ours * 1.001, ours)["same"]
    assert not same_work.difference("one", ours * [1.0, 1.001], ours)["same"]
    assert not same_work.difference("one", ours * np.nan, ours)["same"]


def test_weights_are_packed_as_cudnn_unpacks_them() -> None:
    """No GPU is needed: JAX has a plain LSTM that takes cuDNN's weights apart."""
    layers, inputs = made(TINY)
    H, B = TINY.hidden, TINY.batch
    unpacked = rnn.unpack_lstm_weights(packed(layers), H, H, TINY.layers, False)
    zeros, lengths = jnp.zeros((TINY.layers, B, H)), jnp.full(B, TINY.window, jnp.int32)
    expected, _, _ = rnn.lstm_ref(
        inputs.swapaxes(0, 1), zeros, zeros, *unpacked, lengths, H, H, TINY.layers, 0.0, False
    )
    assert jax.numpy.allclose(expected.swapaxes(0, 1), by_scan(layers, inputs), atol=1e-6)


def test_the_training_table_has_a_line_a_contender(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sleepers stand in for the contenders; without PyTorch, as where there is none."""
    monkeypatch.setattr(children, "PAUSE", 0.0)
    monkeypatch.setattr(
        training_speed, "NAMES", {"ours": "ours", "ours_float32": "ours, float32", "sleeper": "a sleeper"}
    )
    monkeypatch.setattr(training_speed, "has_torch", lambda: False)
    assert training_speed.contenders() == ["ours", "ours_float32", "ours_embedded", "flax_stock"]
    assert training_speed.products() == ["product_numpy", "product_jax"]
    with started([("sleeper", Job(TINY, cores=1)) for _ in range(3)]) as three:
        firsts = prepare(three)
        rounds = alternate(three, turn=0.01, budget=0.0, least=2)
    three[0].name, three[1].name = "ours", "ours_float32"
    found = training_speed.summary(TINY, rounds, firsts[:2])
    text = training_speed.text([found])
    assert text.count(f"| {TINY}") == 1 + 2
    assert "PyTorch is not installed" in text
    assert found["contenders"]["ours"]["of_best_product"].middle > 0


def test_the_decoding_table_has_a_line_for_each_number_of_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sleepers stand in, with and without PyTorch; the ratios are of the seconds that they took."""
    monkeypatch.setattr(children, "PAUSE", 0.0)
    ours = [decode.OURS, decode.EMBEDDED, decode.PRODUCTS, decode.READING]
    for names in (ours, [*ours, decode.PYTORCH]):
        with started([("sleeper", Job(TINY, cores=1)) for _ in names]) as all_of_them:
            prepare(all_of_them)
            for child, name in zip(all_of_them, names, strict=True):
                child.name = name
            found = decode.summary(TINY, alternate(all_of_them, turn=0.002, budget=0.0, least=2))
        assert found["ours_of"][decode.PRODUCTS].middle > 0
        # Above the table stands a warning where other work disturbs, and it speaks of PyTorch too.
        heads = next(line for line in decode.text([found]).splitlines() if line.startswith("|"))
        assert ("PyTorch" in heads) == (decode.PYTORCH in names)
        assert decode.text([found]).count("| 3 |") == 1


def test_our_decoding_contender_draws_for_every_stream() -> None:
    contender = decode_ours.prepare(Job(Shape(1, 8, 40, 3, 8), cores=1))
    contender.steps(2)
    assert [len(request.generated) for request in contender.batch._running.values()] == [16, 16, 16]


def test_an_unknown_name_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["bench", "trian"])
    with pytest.raises(SystemExit) as ended:
        program.main()
    assert ended.value.code == 2
    assert "no benchmark trian; there are same-work, train" in capsys.readouterr().err


def test_figures_go_to_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["bench", "--quick", "--json", str(tmp_path / "found.json"), "store-speed"])
    program.main()
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["machine"]["cores"] >= 1
    assert "posts" in found["store-speed"]
    assert "## store-speed" in capsys.readouterr().out


@pytest.mark.parametrize("name", program.BENCHES)
def test_every_benchmark_is_there(name: str) -> None:
    assert callable(program.bench(name))


class Echoes:
    """A crowd whose mentions are answered at once, the first one twice and the second never."""

    def __init__(self) -> None:
        self.arrived: dict[tuple[int, int], list[float]] = {}

    def is_connected(self) -> bool:
        return True

    def mention(self, number: int) -> tuple[int, int]:
        key = (0, len(self.arrived))
        self.arrived[key] = [time.perf_counter()] * {0: 2, 1: 0}.get(number, 1)
        return key


@pytest.mark.parametrize("load", ["one by one", "at once", "unbroken", "steady"])
def test_lost_and_doubled_answers_are_counted(load: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loads, "LATEST", 0.05)
    monkeypatch.setattr(loads, "AFTERWARDS", 0.0)

    async def play() -> loads.Asked:
        match load:
            case "one by one":
                return await loads.one_by_one(Echoes(), 4, 0.0)
            case "at once":
                return await loads.at_once(Echoes(), 4)
            case "unbroken":
                return (await loads.unbroken(Echoes(), 2, 0.02))[0]
        return await loads.steady(Echoes(), 1000.0, 0.004)

    asked = asyncio.run(play())
    assert asked.lost == 1
    assert asked.doubled >= 1
    assert len(asked.seconds) == len(asked.at) - 1


def test_a_checkpoint_is_made_or_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "HIDDEN", 8)
    assert checkpoints.make(tmp_path / "made") == "2 x 8, V 1,024, random weights"
    source = tmp_path / "made" / "checkpoints"
    assert checkpoints.take(source, tmp_path / "taken") == "random: 2 x 8, V 1,024"
    assert checkpoint.load(tmp_path / "taken" / "checkpoints").id == "random"


def test_the_guards_replies_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """One reply in fifty is a post: the guard refuses those that are long enough, and few others."""
    monkeypatch.setattr(guard, "POSTS", 400)
    monkeypatch.setattr(guard, "REPLIES", 400)
    report = guard.run(False)
    assert 0 < report.figures["MB"] < 2
    assert report.figures["p50 ms"] > 0
    assert 0.2 <= float(report.text.partition(" characters, ")[2].partition("% refused")[0]) <= 3


def test_what_takes_very_long_runs_only_where_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []

    def noted(name: str) -> Report:
        ran.append(name)
        return Report("", None)

    monkeypatch.setattr(program, "bench", lambda name: lambda _quick: noted(name))
    monkeypatch.setattr("sys.argv", ["bench"])
    program.main()
    assert set(program.BENCHES) - set(ran) == program.APART == {"soak", "nearness", "char-rnn"}


def test_a_corpus_is_cut_into_periods_of_equal_length_and_nothing_is_lost(tmp_path: Path) -> None:
    days = [1, 1, 2, 9, 10, 19, 20, 21, 31]
    said = [{"id": str(n), "time": f"2026-01-{day:02}T00:00:00Z"} for n, day in enumerate(days)] + [{"id": "timeless"}]
    export = tmp_path / "export.jsonl"
    export.write_text("\n".join(map(json.dumps, said)))
    parts = [
        [json.loads(line)["id"] for line in part.read_text().splitlines()]
        for part in growing_corpus.cut(export, 3, tmp_path)
    ]
    assert parts == [["0", "1", "2", "3", "4", "timeless"], ["5", "6"], ["7", "8"]]


def test_beginnings_are_compared_period_by_period(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All have the first period in common, which is learned once, and go on from what it left."""
    bpb = {"scratch": [2.0, 2.0], "warm": [1.0, 4.0]}

    def grown(parts: list[Path], _me: str, data: Path, start: str, *_: object) -> list[dict[str, float]]:
        if data.name == "common":
            assert len(parts) == 1
            data.mkdir()
            (data / "posts.db").touch()
            return [{"posts": 10, "bpb": 3.0}]
        assert (len(parts), data.name) == (2, start)
        assert (data / "posts.db").exists()
        return [{"posts": 10 * n, "bpb": found} for n, found in enumerate(bpb[start], start=2)]

    monkeypatch.setattr(growing_corpus, "grown", grown)
    export = tmp_path / "export.jsonl"
    export.write_text("\n".join(json.dumps({"time": f"2026-01-{day:02}"}) for day in range(1, 32)))
    report = growing_corpus.measure(export, "me", 3, 1.0, starts=["scratch", "warm"])
    assert {start: [period["bpb"] for period in found] for start, found in report.figures.items()} == {
        start: [3.0, *found] for start, found in bpb.items()
    }
    rows = report.text.splitlines()
    assert rows[0] == "| period | posts | scratch, bits per byte | warm / scratch |"
    assert rows[2:5] == [
        "| 1 | 10 | 3.000 | 1.000 |",
        "| 2 | 20 | 2.000 | 0.500 |",
        "| 3 | 30 | 2.000 | 2.000 |",
    ]
    assert rows[-1] == (
        "| warm / scratch, geometric mean (and range) of the periods from 2 on | 1.01 | 0.98 | 1.000 (0.500–2.000) |"
    )


def _letters(texts: Sequence[str]) -> np.ndarray:
    """Vectors of letters alone."""
    counts = np.array([[text.count(letter) for letter in "abcd"] for text in texts], float)
    return np.asarray(counts / np.linalg.norm(counts, axis=1, keepdims=True))


def test_replies_are_near_to_the_message_that_they_answer() -> None:
    asked = _letters(["aaa", "bb", "ccc", "d"])
    echo, deaf = (nearness.nearness(replies, asked, _letters) for replies in ("abcd", "dddd"))
    assert (echo.mean, echo.nearest_tenth) == (1.0, 1.0)
    assert deaf.mean == 0.0


def test_nearness_asks_for_a_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BENCH_CHECKPOINT_DIR", raising=False)
    assert "--checkpoint-dir" in nearness.run(quick=True).text


def test_the_hostile_export_is_read_to_its_end_and_refused_there(tmp_path: Path) -> None:
    export = tmp_path / "hostile.json"
    with export.open("w", encoding="utf-8") as file:
        importing.write_hostile(file, 50_000)
    size = export.stat().st_size
    assert 50_000 <= size < 60_000
    with pytest.raises(DannError, match=rf"hostile\.json: breaks off at byte {size};"):
        scan_exports([export], "a0")


def test_the_table_of_an_import_has_its_figures() -> None:
    found = {"requests": 3_600, "failed": 1, "doubled": 2, "seconds": 31.4, "before_p95": 0.025, "after_p95": 0.027,
             "import_p95": 0.032, "ratio": 1.234, "stored": 0}  # fmt: skip
    rows = importing.text(found).splitlines()
    assert rows[2] == "| failed, doubled; of 3,600 | 0, 0 | 1, 2 |"
    assert rows[4].endswith("for 31 s, of that | 1.5 | 1.23 (32 ms) |")
