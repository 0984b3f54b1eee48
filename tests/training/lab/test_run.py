"""An experiment from its file to its row: what is kept, what is printed, and what happens when it is stopped."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from model.architectures import ARCHITECTURES
from model.errors import DannError
from tests.training.lab.small_experiment import TEXT
from tests.training.small_runs import demo
from training.cli.main import main
from training.data.corpus import own_texts
from training.lab import results
from training.lab.preset import ExperimentSettings, ExperimentTable, load_preset
from training.lab.run import run_seeds
from training.lab.source import PostSource, TextSource
from training.lock import training_lock
from training.runs.terminal import TrainingConsole
from training.store.posts import open_store

PRESETS = Path(__file__).parents[3] / "experiments"
SMALL = """\
[experiment]
question = "does it run?"
train_fraction = 0.8
[tokenizer]
kind = "characters"
[model]
embed_dim = 0
hidden_dim = 12
dropout = 0.0
[train]
epochs = 3
batch_size = 8
bptt_length = 20
evaluations = 2
devices = 1
"""
OF_POSTS = """\
[experiment]
question = "does it run?"
[model]
embed_dim = 16
hidden_dim = 32
embedding_dropout = 0.0
dropout = 0.0
weight_drop = 0.0
[train]
steps = 20
batch_size = 8
bptt_length = 32
evaluations = 2
devices = 1
"""
"""A network as in small_runs.py, whose programs are compiled already."""
KEPT = {"settings.json", "metrics.jsonl", "samples.txt", "result.json"}

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with one experiment and one text."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "tiny.toml").write_text(SMALL)
    (tmp_path / "secret-name.txt").write_text(TEXT)
    return tmp_path


def test_an_architecture_that_does_not_decode_is_compared_all_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ARCHITECTURES["lstm"], "decodes", False)
    assert (
        main(["experiment", "run", "tiny", "--text", "secret-name.txt", "-q", "--json", "--set", "train.epochs=1"]) == 0
    )
    row = json.loads(capsys.readouterr().out)
    written = results.folder_of(folder / "data" / "runs", row["group"], 0) / "samples.txt"
    assert written.read_text() == "(this architecture does not write token by token)\n"


@pytest.mark.usefixtures("folder")
def test_a_cell_that_does_not_fit_is_one_line_before_training(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ARCHITECTURES["lstm"], "cell", staticmethod(lambda x, r, carry: (carry[0], x + r)))
    assert main(["experiment", "run", "tiny", "--text", "secret-name.txt", "-q"]) == 1
    err = capsys.readouterr().err
    assert "lstm.py:" in err
    assert (
        "returns ([2, 12], [2, 48]); it must return the carry after the step, the tuple ([2, 12], [2, 12]), the output h "
        "last\n" in err
    )
    assert err.count("\n") == 1


def test_a_run_keeps_and_prints_what_it_found(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["experiment", "run", "tiny", "--text", "secret-name.txt", "--seeds", "2", "-q"]
    assert main([*command, "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    seeds = row["seeds"]
    assert [seed["seed"] for seed in seeds] == [0, 1]
    for key in ("val_reset_nats_per_char", "val_stateful_nats_per_char", "val_bpb"):
        first, second = (seed[key] for seed in seeds)
        assert row[key]["mean"] == pytest.approx((first + second) / 2)
        assert row[key]["sd"] == pytest.approx(abs(first - second) / math.sqrt(2))
        assert first != second
    steps_an_epoch = int(0.8 * len(TEXT)) // 8 // 20
    assert row["steps"] == 3 * steps_an_epoch
    assert row.keys() >= {"params", "tokens_per_second", "seconds", "text_sha256", "split"}
    # One byte a character here, so that the two units differ by ln 2 alone.
    assert seeds[0]["val_bpb"] == pytest.approx(seeds[0]["val_stateful_nats_per_char"] / math.log(2))
    runs = folder / "data" / "runs"
    for seed in (0, 1):
        run_folder = results.folder_of(runs, row["group"], seed)
        assert {file.name for file in run_folder.iterdir()} == KEPT
        assert 500 < len((run_folder / "samples.txt").read_text()) < 1500
        assert json.loads((run_folder / "settings.json").read_text())["train"]["seed"] == seed
        assert len(results.curve(run_folder)) >= 2
        assert all(
            "secret-name" not in file.read_text() and str(folder) not in file.read_text()
            for file in run_folder.iterdir()
        )
    assert (folder / "data" / "train.lock").exists()

    assert main(["experiment", "compare", "tiny", "experiments/tiny.toml", "--plot", "curves.svg"]) == 0
    table = capsys.readouterr().out
    assert table.count("| tiny") == 1
    assert table.count("no difference") == 1
    assert "tiny.toml (2 seeds)" in (folder / "curves.svg").read_text()
    assert main(["experiment", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed["experiments"] == [{"name": "tiny", "question": "does it run?"}]
    assert [run["name"] for run in listed["runs"]] == [row["group"]]
    assert main(["experiment", "list"]) == 0
    assert "does it run?" in capsys.readouterr().out


def test_the_command_line_wins_over_the_experiment_and_it_over_config_toml(folder: Path) -> None:
    (folder / "config.toml").write_text("[train]\nbatch_size = 99\nlearning_rate = 0.5\n[persona]\nname = 'sam'\n")
    settings = load_preset("tiny", None, ["train.epochs=1"])
    train = settings.train
    assert (train.epochs, train.batch_size, train.learning_rate, train.bptt_length) == (1, 8, 0.5, 20)
    assert settings.experiment.question == "does it run?"


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("[experiment]\nquestoin = 'x'\n", "tiny.toml: experiment.questoin is no setting; did you mean experiment.question?"),
        ("[train]\nminuts = 3\n", "experiments/tiny.toml: train.minuts is no setting; did you mean train.minutes?"),
        ("[train]\nbatch_size = 0\n", "experiments/tiny.toml: train.batch_size = 0 is not right"),
        ("[experiment]\ntrain_fraction = 1.0\n", "tiny.toml: experiment.train_fraction = 1.0 is not right"),
        ("[train]\nsteps = 3\nepochs = 3\n", "tiny.toml: [train]: steps and epochs both say when the run ends"),
        ("rubbish", "experiments/tiny.toml: is not TOML"),
        ("[experiment]\ntext = 'gone.txt'\n", "gone.txt: cannot be read"),
        ("[data]\ncontext_turns = 1\n", "the store holds 0 posts of yours"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_an_experiment_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], written: str, message: str
) -> None:
    (folder / "experiments" / "tiny.toml").write_text(written)
    assert main(["experiment", "run", "tiny"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("run tinny", "experiments/tinny.toml: there is no such experiment; experiments/ has: tiny; or give a path"),
        ("run other/x.toml", "other/x.toml: there is no such experiment"),
        ("run tiny --seeds 0", "--seeds 0: must be from 1 to 1000"),
        ("compare tiny", "tiny: no finished run under data/runs; there are: none yet; run it with"),
    ],
)
def test_a_wrong_name_is_one_line(capsys: pytest.CaptureFixture[str], arguments: str, message: str) -> None:
    assert main(["experiment", *arguments.split()]) == 1
    err = capsys.readouterr().err
    assert err.startswith(f"dann: {message}")
    assert err.count("\n") == 1


def small(folder: Path, **train: Any) -> ExperimentSettings:
    settings = load_preset("tiny", None, [f"data.dir={folder / 'data'}"])
    return settings.model_copy(update={"train": settings.train.model_copy(update=train)})


def console() -> TrainingConsole:
    return TrainingConsole(Console(stderr=True, quiet=True))


def test_stopping_keeps_the_seeds_that_finished(folder: Path) -> None:
    source = TextSource(folder / "secret-name.txt", 0.8)
    calls = 0

    def stopping() -> bool:
        nonlocal calls
        calls += 1
        return len(list((folder / "data" / "runs").glob("*/result.json"))) == 1 and calls % 2 == 0

    finished = run_seeds(small(folder), "tiny", source, 3, console, stopping)
    assert [result.seed for result in finished] == [0]
    assert [result.seed for result in results.newest(folder / "data" / "runs", "tiny")] == [0]
    assert len(list((folder / "data" / "runs").iterdir())) == 2  # the second was begun, and has no result


@pytest.mark.parametrize("more", [{}, {"epochs": 0, "steps": 1, "schedule": "constant"}])  # its last step alone
def test_a_seed_that_diverges_is_told_and_leaves_no_result(folder: Path, more: dict[str, Any]) -> None:
    source = TextSource(folder / "secret-name.txt", 0.8)
    with pytest.raises(DannError, match=r"not a finite number after step .* seed 0 has no result"):
        run_seeds(small(folder, learning_rate=1e38, warmup=0.0, **more), "tiny", source, 2, console, lambda: False)
    assert results.groups(folder / "data" / "runs") == {}


def test_one_training_at_a_time(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with training_lock(folder / "data" / "train.lock"):
        assert main(["experiment", "run", "tiny", "--text", "secret-name.txt"]) == 1
    assert "a training is already running here" in capsys.readouterr().err


def test_of_posts_one_figure_is_known_and_no_post_is_kept(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with open_store(f"sqlite:///{folder / 'posts.db'}") as store, store.writing() as writer:
        writer.add(demo())
    (folder / "experiments" / "mine.toml").write_text(OF_POSTS)
    url = f"data.url=sqlite:///{folder / 'posts.db'}"
    assert main(["experiment", "run", "mine", "--json", "-q", "--set", url, "--set", "tokenizer.vocab_size=300"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert (row["val_reset_nats_per_char"], row["val_stateful_nats_per_char"]) == (None, None)
    assert 0 < row["val_bpb"]["mean"] < 9
    assert row["val_bpb"]["sd"] is None
    run_folder = results.folder_of(folder / "data" / "runs", row["group"], 0)
    assert "posts.db" not in (run_folder / "settings.json").read_text()
    assert main(["experiment", "compare", "mine"]) == 0
    assert "| – | – |" in capsys.readouterr().out


def test_the_same_posts_have_the_same_digest_and_others_another(folder: Path) -> None:
    data = small(folder).data
    first, same, other = (PostSource(demo(count), data, ExperimentTable()).sha256 for count in (100, 100, 101))
    assert first == same != other


@pytest.mark.parametrize("preset", sorted(path.stem for path in PRESETS.glob("*.toml")))
def test_every_preset_can_be_read_and_asks_something(preset: str) -> None:
    settings = load_preset(str(PRESETS / f"{preset}.toml"), Path("/dev/null"), [])
    assert settings.experiment.question.endswith("?")
    assert settings.experiment.text == ""


def test_char_rnn_is_its_authors_to_the_letter() -> None:
    """The options of char-rnn's train.lua; clip and rate in this project's terms."""
    settings = load_preset(str(PRESETS / "char-rnn.toml"), Path("/dev/null"), [])
    model, train = settings.model, settings.train
    assert settings.experiment.train_fraction == 0.95
    assert settings.tokenizer.kind == "characters"
    assert (model.architecture, model.num_layers, model.hidden_dim, model.embed_dim) == ("lstm", 2, 128, 0)
    assert (train.batch_size, train.bptt_length, train.epochs, train.steps) == (50, 50, 50, 0)
    assert (train.optimizer, train.rms_decay, train.learning_rate, train.rate_scaling) == (
        "rmsprop",
        0.95,
        2e-3,
        "none",
    )
    assert (train.schedule, train.decay_after_epochs, train.decay_per_epoch, train.warmup) == (
        "exponential",
        10,
        0.97,
        0,
    )
    assert (train.clip_norm, train.clip_value * train.bptt_length) == (0.0, 5.0)
    assert (train.init_range, train.weight_decay, train.average, train.random_offsets) == (0.08, 0.0, 0.0, False)
    assert all(value == 0.0 for key, value in model.model_dump().items() if "drop" in key)


def test_a_test_set_is_the_newest_tenth_whatever_is_learned_and_nothing_is_chosen_on_it(folder: Path) -> None:
    data, posts = small(folder).data, demo(100)
    mine = [post for post in posts if post.mine]
    test = {post.text for post in mine[-(len(mine) // 10) :]}
    sources = {count: PostSource(posts, data, ExperimentTable(test=True, posts=count)) for count in (0, 30, 40)}
    for count, source in sources.items():
        own = [*own_texts(source.corpus.train), *own_texts(source.corpus.val)]
        before = [post.text for post in mine[: -len(test)]][-count:]
        assert set(own) <= set(before)
        assert (source.sha256, source.split) == (sources[0].sha256, "the newest tenth is the test set")
        assert any(not turn.mine for conversation in source.corpus.train for turn in conversation)
    assert sources[30].corpus.posts == 30
    alone = PostSource(posts, data, ExperimentTable(test=True, posts=30, others=False))
    assert all(turn.alone for conversation in alone.corpus.train for turn in conversation)
    whole = PostSource(posts, data, ExperimentTable())
    assert whole.split != alone.split
