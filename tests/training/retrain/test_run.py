"""Retraining, end to end with a tiny network: what is published, what is refused and why, and what stops it half way."""

import json
import logging
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.config import BotSettings
from model.checkpoints import checkpoint
from model.checkpoints.guard_file import GUARD
from model.checkpoints.retention import retire
from model.errors import DannError
from tests.training.small_runs import SMALL, demo
from training.data.corpus import build_corpus, own_texts
from training.data.split import digests_for_meta
from training.lock import training_lock
from training.posts.guarding import guard_checkpoint, load_guarded
from training.retrain.run import retrain
from training.runs.post_run import PostRun
from training.runs.train import resume_last, train
from training.store.post import Post
from training.store.posts import open_store
from training.store.runs import RetrainRun, open_runs

pytestmark = pytest.mark.slow
POSTS = demo(400)
KNOWN = POSTS[: len(POSTS) * 3 // 4]
"""What the incumbent learns; the rest comes later."""
STEPS = 120


class RecordingConsole:
    """A RetrainConsole that remembers."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.parts: list[tuple[str, float]] = []

    def say(self, line: str) -> None:
        self.lines.append(line)

    def part(self, part: str, share: float) -> None:
        self.parts.append((part, share))

    def recorded(self, *_: Any) -> None: ...
    def begin(self, *_: Any) -> None: ...
    def stepped(self, *_: Any) -> None: ...
    def evaluated(self, *_: Any) -> None: ...
    def end(self) -> None: ...


def settings(folder: Path, **tables: dict[str, Any]) -> BotSettings:
    """Small ones, in which chance alone refuses nobody: the network is too small to be as good twice."""
    lenient = {"start": "scratch", "tolerance": 0.05, "samples": 90, "variety": 0.7, "copied": 0.3}
    small = {"data": {"dir": folder}, "train": SMALL["train"] | {"steps": STEPS}, "retrain": lenient}
    return BotSettings.model_validate(
        SMALL | small | {name: {**small.get(name, {}), **table} for name, table in tables.items()}
    )


def never() -> bool:
    return False


def add(folder: Path, posts: list[Post]) -> None:
    with open_store(f"sqlite:///{folder / 'posts.db'}") as store, store.writing() as writer:
        writer.add(posts)


def retrained(
    config: BotSettings,
    *,
    force: bool = False,
    stopping: Callable[[], bool] = never,
    console: RecordingConsole | None = None,
) -> RetrainRun:
    return retrain(config, console or RecordingConsole(), stopping, why="a test", force=force)


def rows(folder: Path) -> list[RetrainRun]:
    with open_runs(f"sqlite:///{folder / 'posts.db'}") as runs:
        return runs.last()


def serving(folder: Path) -> str | None:
    return checkpoint.current(folder / "checkpoints")


@pytest.fixture(scope="module")
def trained_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with an incumbent."""
    folder = tmp_path_factory.mktemp("trained")
    add(folder, KNOWN)
    train(settings(folder), KNOWN, RecordingConsole(), never)
    return folder


@pytest.fixture
def folder(trained_folder: Path, tmp_path: Path) -> Path:
    """A copy of it, for one test alone."""
    return shutil.copytree(trained_folder, tmp_path / "data")


def test_what_came_since_is_learned_and_published(folder: Path) -> None:
    before, console = serving(folder), RecordingConsole()
    add(folder, POSTS)
    run = retrained(settings(folder), console=console)
    assert (run.verdict, run.incumbent) == ("published", before), run.reason
    assert run.candidate == serving(folder) != before
    mine = [post for post in POSTS if post.mine]
    assert (run.posts, run.new_posts) == (len(mine), len(mine) - sum(post.mine for post in KNOWN))
    assert run.newest_post == max(post.time or 0 for post in mine)
    assert run.candidate_bpb is not None
    assert run.incumbent_bpb is not None
    assert run.candidate_bpb <= run.incumbent_bpb * 1.05
    assert f"{run.candidate_bpb:.3f} bits per byte where the incumbent has {run.incumbent_bpb:.3f}" in run.reason
    assert {"bpb", "old_bpb", "new_bpb", "copied", "replies"} <= run.figures["candidate"].keys()
    assert run.figures["candidate"].keys() == run.figures["incumbent"].keys()
    assert rows(folder) == [run]
    assert [part for part, share in console.parts if share == 0.0] == ["reading", "learning", "judging", "publishing"]
    assert console.parts[-1] == ("publishing", 1.0)

    assert (folder / "checkpoints" / str(before) / GUARD).exists()
    assert (folder / "checkpoints" / str(run.candidate) / GUARD).exists()
    saved = checkpoint.load(folder / "checkpoints")
    assert saved.meta is not None
    assert saved.meta.posts == len(mine)
    assert saved.meta.held_out != digests_for_meta(
        build_corpus(POSTS, settings(folder).data).held_out
    )  # half of the old ones too
    with pytest.raises(DannError, match="no unfinished run"):  # what the gate has not passed is not resumed past it
        resume_last(settings(folder), POSTS, RecordingConsole(), never)
    metrics = (folder / "runs" / "retrain" / "metrics.jsonl").parent
    assert (metrics / "settings.json").exists()

    again = retrained(settings(folder))
    assert (again.verdict, again.new_posts, again.candidate, again.incumbent) == ("skipped", 0, None, run.candidate)
    assert "0 new posts, where 50 make it worthwhile (retrain.min_new_posts)" in again.reason


def test_nonsense_is_refused_with_figures_and_not_tried_again(folder: Path) -> None:
    """3,000 lines of it, newer than all else, so that the newest tenth holds nothing else."""
    before, newest = serving(folder), max(post.time or 0 for post in KNOWN)
    add(folder, [Post(f"x{n}", "x", mine=True, time=newest + 60.0 * n, text="asdf") for n in range(1, 3_001)])
    run = retrained(settings(folder))
    assert (run.verdict, run.new_posts, serving(folder)) == ("refused", 3_000, before)
    assert run.candidate_bpb is not None
    assert run.incumbent_bpb is not None
    assert run.candidate_bpb < run.incumbent_bpb  # it knows the nonsense, which is nearly all there is
    candidate, incumbent = run.figures["candidate"], run.figures["incumbent"]
    assert candidate["old_bpb"] > incumbent["old_bpb"] * 1.05
    assert "knows the posts that the incumbent held out worse" in run.reason
    assert f"{candidate['old_bpb']:.3f}" in run.reason
    assert candidate["replies"] < incumbent["replies"] * 0.7
    assert f"of its answers, {candidate['replies']:.1%} are different" in run.reason
    assert run.candidate in checkpoint.ids(folder / "checkpoints")  # to be looked at
    assert retrained(settings(folder)).verdict == "skipped"


def test_nonsense_without_times_is_refused_too(folder: Path) -> None:
    """Plain text stands before all else: the candidate learns it, and holds out far more of the rest."""
    before = serving(folder)
    add(folder, [Post(f"x{n}", "plain", mine=True, time=None, text="asdf") for n in range(3_000)])
    run = retrained(settings(folder))
    assert (run.verdict, run.new_posts, serving(folder)) == ("refused", 3_000, before)
    assert run.figures["candidate"]["new_bpb"] is None
    assert run.figures["candidate"]["commonest"] > 0.3
    assert "one answer is" in run.reason


def test_a_candidate_that_is_worse_is_refused(folder: Path) -> None:
    before = serving(folder)
    add(folder, POSTS)
    run = retrained(settings(folder, train={"steps": 3, "evaluations": 1}))
    assert (run.verdict, serving(folder)) == ("refused", before)
    assert "it knows held-out posts worse: " in run.reason
    assert "retrain.tolerance" in run.reason


def test_a_loss_that_explodes_is_refused(folder: Path) -> None:
    before = serving(folder)
    run = retrained(settings(folder, train={"learning_rate": 1e30}), force=True)
    assert (run.verdict, run.candidate, serving(folder)) == ("refused", None, before)
    assert "not a finite number" in run.reason


def test_what_no_longer_loads_counts_as_none_and_the_row_says_so(folder: Path) -> None:
    weights = next((folder / "checkpoints").glob("*/weights.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x00\x01")
    run = retrained(settings(folder), force=True)
    assert (run.verdict, run.incumbent, run.incumbent_bpb) == ("published", None, None), run.reason
    assert "no longer loads, so nothing was compared with" in run.reason
    assert "damaged" in run.reason
    assert serving(folder) == run.candidate


def test_where_it_no_longer_loads_the_one_before_it_is_the_one_to_beat(folder: Path) -> None:
    before = serving(folder)
    root = folder / "checkpoints"
    shutil.copytree(root / str(before), root / "broken")
    checkpoint.publish(root, "broken")
    (root / "broken" / "config.json").unlink()
    run = retrained(settings(folder, train={"steps": 3, "evaluations": 1}), force=True)
    assert (run.verdict, run.incumbent, serving(folder)) == ("refused", before, "broken"), run.reason
    assert "what served before it is the incumbent" in run.reason
    assert "it knows held-out posts worse" in run.reason


def test_the_first_checkpoint_needs_no_incumbent_and_must_beat_the_alphabet(tmp_path: Path) -> None:
    add(tmp_path, KNOWN)
    worse = retrained(settings(tmp_path, train={"steps": 1, "evaluations": 1}))
    assert (worse.verdict, serving(tmp_path)) == ("refused", None)
    assert "no better than counting single tokens" in worse.reason
    run = retrained(settings(tmp_path), force=True)
    assert (run.verdict, run.incumbent, serving(tmp_path)) == ("published", None, run.candidate)
    assert "nothing to compare with" in run.reason


class StopAfter:
    """Answers yes from the `after`th question on."""

    def __init__(self, after: int) -> None:
        self.left = after

    def __call__(self) -> bool:
        self.left -= 1
        return self.left < 0


def test_stopping_anywhere_publishes_nothing_and_what_was_to_be_learned_still_is(folder: Path) -> None:
    """One question after another, up to a run that was not stopped; the places are all that `retrain` has."""
    before = serving(folder)
    add(folder, POSTS)
    config = settings(
        folder,
        train={"steps": 2, "evaluations": 1},
        retrain={"tolerance": 1.0, "variety": 0.0, "copied": 1.0, "same": 1.0},
    )
    parts = set()
    for after in range(30):
        console = RecordingConsole()
        run = retrained(config, stopping=StopAfter(after), console=console)
        if run.verdict == "published":
            break
        assert (run.verdict, run.reason, serving(folder)) == ("failed", "stopped", before)
        parts.add(console.parts[-1][0] if console.parts else "")
    assert run.verdict == "published", run.reason
    assert parts == {"", "reading", "learning", "judging"}


def test_a_killed_run_is_closed_by_the_next_and_its_leavings_count_for_nothing(folder: Path) -> None:
    """Killed while it judged: its candidate is on the disk, and nobody knows whether it is any good."""
    before = serving(folder)
    add(folder, POSTS)
    config = settings(
        folder,
        train={"steps": 2, "evaluations": 1},
        retrain={"tolerance": 1.0, "variety": 0.0, "copied": 1.0, "same": 1.0},
    )

    class Killed(BaseException):
        pass

    class Killing(RecordingConsole):
        def part(self, part: str, share: float) -> None:
            if (part, share) == ("judging", 0.0):
                raise Killed

    with pytest.raises(Killed):
        retrained(config, console=Killing())
    with open_runs(config.data.store_url) as runs:  # a kill leaves it so
        (killed,) = runs.last()
        runs.update(killed.id, verdict="running", reason="", seconds=None)
    assert killed.candidate in checkpoint.ids(folder / "checkpoints")
    assert serving(folder) == before
    kept = config.model_copy(update={"retrain": config.retrain.model_copy(update={"keep": 1})})
    run = retrained(kept)
    assert run.verdict == "published", run.reason
    assert checkpoint.ids(folder / "checkpoints") == [run.candidate]  # all else went
    assert next((one.verdict, one.reason) for one in rows(folder)) == ("failed", "interrupted")


def test_two_at_once_cannot_be_and_the_second_leaves_no_row(folder: Path) -> None:
    with (
        training_lock(folder / "train.lock"),
        pytest.raises(DannError, match="already running here"),
    ):
        retrained(settings(folder), force=True)
    assert rows(folder) == []


def test_what_goes_wrong_is_recorded(tmp_path: Path) -> None:
    add(tmp_path, KNOWN[:5])
    run = retrained(settings(tmp_path), force=True)
    assert run.verdict == "failed"
    assert "learning a voice takes 20" in run.reason
    assert rows(tmp_path) == [run]
    with pytest.raises(DannError, match=r"train\.hosts: .*one machine"):
        retrained(settings(tmp_path, train={"hosts": 2, "coordinator": "127.0.0.1:1234"}))


def test_what_cannot_be_compared_is_refused(folder: Path) -> None:
    """All that the incumbent has not learned was deleted, and nothing came."""
    with open_store(f"sqlite:///{folder / 'posts.db'}") as store:
        posts = list(store.posts())
    held_out = set(own_texts(build_corpus(posts, settings(folder).data).val))
    shutil.rmtree(folder / "runs")
    for file in folder.glob("posts.db*"):
        file.unlink()
    add(folder, [post for post in posts if not (post.mine and post.text in held_out)])
    before = serving(folder)
    run = retrained(settings(folder, train={"steps": 2, "evaluations": 1}), force=True)
    assert (run.verdict, serving(folder)) == ("refused", before)
    assert checkpoint.ids(folder / "checkpoints") == [before, run.candidate]
    assert "only 0 held-out posts are there that the incumbent has not learned" in run.reason


@pytest.mark.parametrize("start", ["warm", "shrink_perturb"])
def test_a_candidate_can_go_on_from_the_incumbent(folder: Path, start: str, monkeypatch: pytest.MonkeyPatch) -> None:
    add(folder, POSTS)
    warm_starts: list[bool] = []
    set_up = PostRun.__init__

    def noting(self: PostRun, *positional: Any, **named: Any) -> None:
        warm_starts.append(named["weights"] is not None)
        set_up(self, *positional, **named)

    monkeypatch.setattr(PostRun, "__init__", noting)
    gone = "the incumbent alone has read this sentence, which was forgotten since"
    guard_checkpoint(settings(folder), str(serving(folder)), [gone], parent=None)
    run = retrained(settings(folder, retrain={"start": start}, train={"steps": 60}))
    assert run.verdict == "published", run.reason
    assert warm_starts == [True]
    candidate, incumbent = (checkpoint.load(folder / "checkpoints", id_) for id_ in (run.candidate, run.incumbent))
    assert candidate.tokenizer.token_bytes == incumbent.tokenizer.token_bytes
    guarded = load_guarded(settings(folder), folder / "checkpoints", run.candidate).guard
    assert guarded is not None
    assert guarded.guard().refuses(gone)  # what its weights had learned it may recite too


def test_a_warm_start_that_cannot_be_begins_anew_and_says_so(folder: Path) -> None:
    add(folder, POSTS)
    console = RecordingConsole()
    config = settings(folder, retrain={"start": "warm"}, model={**SMALL["model"], "hidden_dim": 24})
    retrained(config, console=console, stopping=lambda: bool(console.lines))
    assert console.lines == [
        "the settings ask for another network, tokenizer or base than the incumbent's: training from scratch"
    ]


def test_what_was_learned_from_forgotten_posts_is_nothing_to_go_on_from(folder: Path) -> None:
    add(folder, POSTS)
    console = RecordingConsole()
    retire(folder / "checkpoints", [str(serving(folder))])
    retrained(settings(folder, retrain={"start": "warm"}), console=console, stopping=lambda: bool(console.lines))
    assert console.lines == ["the incumbent learned posts that were forgotten since: training from scratch"]


def test_no_post_is_in_any_log_row_or_file_of_a_run(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "my very secret sentence about the purple elephant"
    newest = max(post.time or 0 for post in KNOWN)
    add(folder, [Post(f"s{n}", "s", mine=True, time=newest + n, text=f"{secret} {n}") for n in range(1, 60)])
    retrained(settings(folder, train={"steps": 2, "evaluations": 1}))
    assert "secret sentence" not in json.dumps(
        [replace(run, figures={}).__dict__ | run.figures for run in rows(folder)]
    )
    assert "secret sentence" not in caplog.text
    written = [path for kept in ("runs", "checkpoints") for path in (folder / kept).rglob("*") if path.is_file()]
    assert {"weights.safetensors", "tokenizer.json"} <= {file.name for file in written}
    for file in written:
        assert b"secret sentence" not in file.read_bytes(), file
