"""A whole `dann eval` on a tiny checkpoint: the same figures again, no text in them, one line for what is wrong."""

import json
import math
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from model.checkpoints import checkpoint
from tests.model.made_up_guard import guarded
from tests.training.small_runs import demo, posts, small_settings
from training.cli.main import main
from training.data.corpus import build_corpus, own_texts
from training.evaluation.evaluate import EvaluationReport, evaluate
from training.evaluation.listening import Listening
from training.evaluation.prompts import held_out_prompts
from training.evaluation.table import print_report
from training.runs.terminal import TrainingConsole
from training.runs.train import train
from training.store.post import Post
from training.store.posts import open_store

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
POSTS = demo(200)


def store(folder: Path, given: list[Post]) -> None:
    with open_store(f"sqlite:///{folder / 'posts.db'}") as opened, opened.writing() as writer:
        writer.add(given)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a store, and a checkpoint that learned it for a second."""
    data = tmp_path_factory.mktemp("data")
    store(data, POSTS)
    train(small_settings(data), POSTS, TrainingConsole(Console(quiet=True)), lambda: False)
    return data


@pytest.fixture(scope="module")
def report(folder: Path) -> EvaluationReport:
    stages: list[str] = []
    result = evaluate(checkpoint.load(folder / "checkpoints"), POSTS, small_settings(folder), stages.append)
    assert stages[0] == "reading held-out posts"
    assert f"writing {result.samples} samples" in stages
    return result


def arguments(folder: Path, *more: str) -> list[str]:
    return [f"--set=data.dir={folder}", "--set=sample.max_tokens=20", "eval", *more]


def test_it_scores_what_the_checkpoint_was_scored_on(report: EvaluationReport, folder: Path) -> None:
    meta = checkpoint.load(folder / "checkpoints").meta
    assert meta is not None
    assert report.score.bpb == pytest.approx(meta.val_bpb, rel=1e-6)
    assert report.perplexity == pytest.approx(math.exp(report.score.loss))
    assert report.held_out == report.samples == sum(post.mine for post in POSTS) // 10
    assert (report.posts, report.posts_when_trained) == (meta.posts, meta.posts)


def test_each_voice_is_measured_and_the_chains_copy_more(report: EvaluationReport) -> None:
    assert list(report.voices) == ["dann", "markov_2", "markov_3", "real"]
    for voice in report.voices.values():
        assert 0 <= voice.auc.mean <= 1
        assert voice.traits.length > 0
        assert 0 <= voice.novelty.copied <= 1
    assert report.voices["markov_3"].novelty.whole > report.voices["dann"].novelty.whole
    assert report.voices["markov_2"].traits.unseen_words == 0.0
    assert report.voices["dann"].auc.mean > report.voices["real"].auc.mean  # forty steps make nobody's voice


def test_the_control_is_not_judged_by_itself(report: EvaluationReport) -> None:
    """Its posts are training posts: held against all of these, every one of them would be a copy."""
    assert report.voices["real"].novelty.whole < 0.9


def test_the_command_gives_the_same_object_again_and_no_text(
    report: EvaluationReport, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments(folder, "--json")) == 0
    out, err = capsys.readouterr()
    assert err == ""
    figures = json.loads(out)
    assert figures == json.loads(json.dumps(report.as_json()))
    assert figures.keys() == {
        "checkpoint", "seed", "posts", "samples", "val_bpb", "val_bpb_mixed", "val_loss", "val_perplexity", "val_accuracy",
        "baselines", "listening", "recital", "held_out", "voices",
    }  # fmt: skip
    assert figures["checkpoint"] == checkpoint.current(folder / "checkpoints")
    assert 0 < figures["val_bpb_mixed"] < figures["val_bpb"]
    known = figures["baselines"]
    assert list(known) == ["ppmd", "kneser_ney", "unigram", "context_model"]
    assert 0 < known["context_model"] < known["kneser_ney"] < known["unigram"] < 8
    assert figures["listening"] is None  # fewer than ten held-out conversations: test_listening.py has more
    assert figures["recital"].keys() == {"begun", "recited"}
    assert figures["voices"]["dann"].keys() == {"traits", "distances", "auc", "novelty"}
    assert not [text for text in strings(figures) if text != figures["checkpoint"]]
    assert main(arguments(folder, "--json", "--set=eval.seed=1")) == 0
    assert capsys.readouterr().out != out


def strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for one in value.values() for text in strings(one)]
    return [value] if isinstance(value, str) else []


def test_every_key_of_the_json_is_described_in_the_documents(report: EvaluationReport) -> None:
    def keys(value: Any) -> set[str]:
        return {*value, *(key for one in value.values() for key in keys(one))} if isinstance(value, dict) else set()

    described = set(re.findall(r"`([^`\n]+)`", (ROOT / "docs/using.md").read_text()))
    listened = Listening(300, 0.4, 0.35, 0.45, 1.0)
    assert keys(replace(report, listening=listened).as_json()) <= described | {".", "!", "?"}


def test_the_table_fits_80_columns_and_says_what_its_figures_mean(report: EvaluationReport) -> None:
    console = Console(width=80, record=True, file=open(os.devnull, "w"))  # noqa: PTH123, SIM115
    print_report(report, console)
    console.file.close()
    table = console.export_text()
    assert all(len(line) <= 80 for line in table.splitlines())
    assert "…" not in table
    assert len(table.split("told from:")[1].splitlines()) == 4, "the legend is wrapped"
    for expected in (
        "PPMd, a good compressor",
        "Markov 3",
        "held-out",
        f"{report.samples} samples of each",
        "guessing",
    ):
        assert expected in table
    assert f"{report.score.bpb:.3f}" in table
    assert f"{report.voices['dann'].auc.mean:.2f}±" in table


def test_the_text_before_a_post_is_what_is_answered() -> None:
    corpus = build_corpus(POSTS, small_settings(Path()).data)
    prompts = list(held_out_prompts(corpus.val))
    assert [prompt.answer for prompt in prompts] == own_texts(corpus.val)
    conversation = max(corpus.val, key=len)
    first = own_texts(corpus.val).index(own_texts([conversation])[0])
    texts = [turn.text for turn in prompts[first].turns]
    assert texts == [turn.text for turn in conversation[: len(texts)]]
    assert texts
    assert not prompts[first].turns[0].mine
    assert conversation[len(texts)].mine


def test_where_nobody_else_is_heard_nothing_is_answered() -> None:
    corpus = build_corpus(posts([f"post {i} about nothing" for i in range(200)]), small_settings(Path()).data)
    prompts = list(held_out_prompts(corpus.val))
    assert len(prompts) == 20
    assert not any(prompt.turns for prompt in prompts)


def test_the_split_is_that_of_the_checkpoint_whatever_the_settings_are_now(
    folder: Path, report: EvaluationReport
) -> None:
    settings = small_settings(folder)
    data = settings.data.model_copy(update={"conversation_gap_minutes": 0.1, "context_turns": 0})
    snapshot = guarded(checkpoint.load(folder / "checkpoints"), lambda _begun, _text: True)  # nor what is guarded
    now = evaluate(snapshot, POSTS, settings.model_copy(update={"data": data}), lambda _: None)
    assert now == report


def test_a_store_that_has_changed_since_is_told(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store(tmp_path, POSTS[:-20])
    (tmp_path / "checkpoints").symlink_to(folder / "checkpoints")
    assert main(arguments(tmp_path, "--json")) == 0
    out, err = capsys.readouterr()
    counts = json.loads(out)["posts"]
    assert counts["now"] < counts["when_trained"]
    assert (counts["held_out"], counts["learned"], counts["may_be_learned"]) == (13, 10, False)
    assert err.startswith(
        "10 of the newest tenth of your posts may have been learned by this checkpoint, and are not scored"
    )
    assert err.count("\n") == 1


def test_of_a_checkpoint_without_a_record_it_is_said_that_some_may_be_learned(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store(tmp_path, [*(replace(post, id=f"older {post.id}", channel="a", time=1.0) for post in POSTS), *POSTS[:-20]])
    snapshot = checkpoint.load(folder / "checkpoints")
    assert snapshot.meta is not None
    old = replace(snapshot, meta=snapshot.meta.model_copy(update={"held_out": None}))
    monkeypatch.setattr(checkpoint, "load", lambda *_: old)
    assert main(arguments(tmp_path, "--json")) == 0
    out, err = capsys.readouterr()
    counts = json.loads(out)["posts"]
    assert (counts["held_out"], counts["learned"], counts["may_be_learned"]) == (counts["now"] // 10, 0, True)
    assert "may have been learned (the store held 244 posts of yours then, and holds 477 now)" in err
    assert err.count("\n") == 1


def test_what_is_wrong_is_one_line(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def error_line(where: Path, *more: str) -> str:
        assert main(arguments(where, *more)) == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1
        return err

    assert "there is no checkpoint yet; run `dann train` first" in error_line(tmp_path)
    assert not list(tmp_path.iterdir())
    known = checkpoint.current(folder / "checkpoints")
    assert f"there is no such checkpoint; there are: {known}" in error_line(folder, "--checkpoint", "tuesday")
    assert "eval.samples = 3 is not right: it must be a whole number at least 10" in error_line(
        folder, "--set=eval.samples=3"
    )
    (tmp_path / "checkpoints").symlink_to(folder / "checkpoints")
    assert "the store holds 0 posts of yours" in error_line(tmp_path)
    store(tmp_path, POSTS[:90])
    few = r"of the newest tenth of your \d\d posts this checkpoint may have learned 5, which leaves 0, and .* at least 10; "
    assert re.search(few, error_line(tmp_path))


def test_ctrl_c_ends_at_once(folder: Path) -> None:
    command = [sys.executable, "-m", "training", *arguments(folder, "--set=sample.max_tokens=4000", "--json", "-v")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    heeding = ["env", "--default-signal=INT"]  # a shell's background job would ignore it
    child = subprocess.Popen(
        [*heeding, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    assert child.stderr
    assert any("reading held-out" in line for line in iter(child.stderr.readline, ""))
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=300)
    assert (child.returncode, out) == (130, "")  # who waited for all those tokens has a result to print
    assert "Traceback" not in err
