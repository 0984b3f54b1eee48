"""What a candidate begins with: afresh, where the incumbent stands, or in between; each has the loss it should have."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from bot.config import BotSettings
from model.checkpoints import checkpoint
from model.checkpoints.checkpoint import Snapshot, weights_of
from tests.training.small_runs import SMALL, demo, small_settings
from training.data.corpus import build_corpus
from training.loop.clock import Clock
from training.loop.scoring import scored
from training.retrain.warm_start import NOISE, SHRINK, can_warm_start, warm_start_params
from training.runs.post_run import PostRun
from training.runs.train import train

pytestmark = pytest.mark.slow
POSTS = demo(120)


class SilentConsole:
    """A Console that keeps what it is told to itself."""

    def say(self, line: str) -> None: ...
    def begin(self, *_: Any) -> None: ...
    def stepped(self, *_: Any) -> None: ...
    def evaluated(self, *_: Any) -> None: ...
    def end(self) -> None: ...


@pytest.fixture(scope="module")
def incumbent(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    folder = tmp_path_factory.mktemp("incumbent")
    train(small_settings(folder, steps=150), POSTS, SilentConsole(), lambda: False)
    return checkpoint.load(folder / "checkpoints")


def settings(folder: Path, start: str, **tables: Any) -> BotSettings:
    return BotSettings.model_validate(SMALL | {"data": {"dir": folder}, "retrain": {"start": start}} | tables)


STARTS: tuple[Literal["warm", "shrink_perturb", "scratch"], ...] = ("warm", "shrink_perturb", "scratch")


def first_score(folder: Path, incumbent: Snapshot, start: Literal["warm", "shrink_perturb", "scratch"]) -> float:
    """Bits per byte of what a run that starts so holds out, before its first step."""
    config = settings(folder, start, train=SMALL["train"] | {"output_bias": "zero"})  # so that scratch knows nothing
    weights = None if start == "scratch" else warm_start_params(incumbent, start, seed=0)
    corpus = build_corpus(POSTS, config.data)
    run = PostRun(folder, config, corpus, SilentConsole(), tokenizer=incumbent.tokenizer, weights=weights)
    return scored(run.setup.model, run.setup.dataset.val).bpb


def test_a_warm_start_begins_where_the_incumbent_ended_and_the_others_do_not(
    incumbent: Snapshot, tmp_path: Path
) -> None:
    assert incumbent.meta is not None
    incumbent_bpb = incumbent.meta.val_bpb
    warm, between, scratch = (first_score(tmp_path, incumbent, s) for s in STARTS)
    assert warm == pytest.approx(incumbent_bpb, rel=1e-4)
    assert incumbent_bpb * 1.05 < between < scratch * 0.95


def test_a_step_from_a_warm_start_loses_little(incumbent: Snapshot, tmp_path: Path) -> None:
    """That the trainer begins with these weights, too, and not with others of its own."""
    losses: dict[str, float] = {}

    class Noting(SilentConsole):
        def stepped(self, metrics: Any) -> None:
            losses.setdefault(start, metrics.loss)

    for start in STARTS:
        config = settings(tmp_path, start, train=SMALL["train"] | {"steps": 1, "evaluations": 1})
        weights = None if start == "scratch" else warm_start_params(incumbent, start, seed=0)
        corpus = build_corpus(POSTS, config.data)
        run = PostRun(
            tmp_path, config, corpus, Noting(), tokenizer=incumbent.tokenizer, weights=weights, resumable=False
        )
        run.fit(Clock(config.train, 0.0), lambda: False)
    assert losses["warm"] < losses["shrink_perturb"] * 0.95
    assert losses["shrink_perturb"] < losses["scratch"]
    assert not (tmp_path / "resume.safetensors").exists()


def test_shrinking_and_perturbing_is_what_it_says_and_the_seed_decides(incumbent: Snapshot) -> None:
    before = weights_of(incumbent.model)
    one, again, other = (warm_start_params(incumbent, "shrink_perturb", seed) for seed in (0, 0, 1))
    noise = np.concatenate([(one[name] - SHRINK * before[name]).ravel() for name in before])
    assert noise.std() == pytest.approx(NOISE, rel=0.1)
    assert abs(noise.mean()) < NOISE / 10
    assert all((one[name] == again[name]).all() and one[name].dtype == before[name].dtype for name in before)
    assert any((one[name] != other[name]).any() for name in before)
    warm = warm_start_params(incumbent, "warm", seed=0)
    assert all((warm[name] == before[name]).all() for name in before)


def test_only_a_network_of_the_same_kind_is_gone_on_from(incumbent: Snapshot, tmp_path: Path) -> None:
    assert can_warm_start(incumbent, settings(tmp_path, "warm"))
    dropout = SMALL["model"] | {"dropout": 0.3}
    assert can_warm_start(incumbent, settings(tmp_path, "warm", model=dropout))
    for tables in (
        {"model": SMALL["model"] | {"hidden_dim": 33}},
        {"model": SMALL["model"] | {"num_layers": 2}},
        {"model": SMALL["model"] | {"architecture": "gru"}},
        {"tokenizer": {"vocab_size": 301}},
        {"tokenizer": {"kind": "characters", "vocab_size": 300}},
    ):
        assert not can_warm_start(incumbent, settings(tmp_path, "warm", **tables))


def test_with_a_base_the_way_back_leads_to_it(incumbent: Snapshot) -> None:
    learned = weights_of(incumbent.model)
    base = {name: array + 4.0 for name, array in learned.items()}
    back = warm_start_params(incumbent, "shrink_perturb", seed=0, base=base)
    away = np.concatenate([(back[name] - learned[name]).ravel() for name in learned])
    assert away.mean() == pytest.approx(4.0 * (1 - SHRINK), abs=NOISE)
    assert away.std() == pytest.approx(NOISE, rel=0.1)


def test_an_incumbent_from_another_base_is_not_gone_on_from(incumbent: Snapshot, tmp_path: Path) -> None:
    assert incumbent.meta is not None
    of_older_dann = {name: table for name, table in incumbent.meta.settings.items() if name != "train"}
    for settings_then, base_now, can in (
        (incumbent.meta.settings, "off", True),
        (of_older_dann, "off", True),
        (incumbent.meta.settings, "english", False),
        (of_older_dann, "english", False),
        (incumbent.meta.settings | {"train": {"base": "english"}}, "english", True),
        (incumbent.meta.settings | {"train": {"base": "english"}}, "off", False),
    ):
        before = replace(incumbent, meta=incumbent.meta.model_copy(update={"settings": settings_then}))
        now = settings(tmp_path, "warm", train=SMALL["train"] | {"base": base_now})
        assert can_warm_start(before, now) == can
