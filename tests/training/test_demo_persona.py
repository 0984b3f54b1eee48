"""The grammar's probabilities, and a network's score near its entropy but not below."""

import json
import math
import random
from collections import Counter, defaultdict
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from tests.training.small_runs import small_settings
from training.demo_persona import NAME, RULES, TOPICS, demo_posts, draw, write_export
from training.posts.importer import scan_exports, store_exports
from training.runs.terminal import TrainingConsole
from training.runs.train import train
from training.store.posts import open_store


def test_every_slot_has_a_rule_and_every_topic_an_answer() -> None:
    for options in RULES.values():
        for option in options:
            for part in option.split("{")[1:]:
                assert part.split("}")[0] in RULES
    assert all(f"say-{topic}" in RULES for topic in TOPICS)


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.startswith(("say-", "ask-")) or rule == "more"])
def test_a_text_has_one_probability_and_is_drawn_that_often(rule: str) -> None:
    """If a text could be drawn in two ways, its probability would not be the product of one way's choices."""
    chance, size = random.Random(0), 10_000
    drawn = [draw(rule, chance) for _ in range(size)]
    bits = defaultdict(set)
    for text, cost in drawn:
        bits[text].add(round(cost, 9))
    assert all(len(costs) == 1 for costs in bits.values())
    assert sum(2.0**-cost for (cost,) in bits.values()) <= 1 + 1e-9
    for text, count in Counter(text for text, _ in drawn).most_common(5):
        expected = 2.0 ** -next(iter(bits[text]))
        assert count / size == pytest.approx(expected, abs=5 * math.sqrt(expected / size))


def test_the_export_is_repeatable_and_in_order() -> None:
    first, second = StringIO(), StringIO()
    write_export(first, 50, seed=3)
    write_export(second, 50, seed=3)
    assert first.getvalue() == second.getvalue()
    times = [json.loads(line)["time"] for line in first.getvalue().splitlines()]
    assert times == sorted(times)


@pytest.mark.slow
def test_the_network_comes_near_the_true_entropy_but_not_below_it(tmp_path: Path) -> None:
    """Below would mean that held-out posts leak into training; far above, that the network does not learn."""
    export = tmp_path / "export.jsonl"
    with export.open("w") as file:
        write_export(file, 2000, seed=1)
    with open_store(f"sqlite:///{tmp_path / 'posts.db'}") as store:
        report = store_exports(store, scan_exports([export], NAME))
        posts = list(store.posts())
    own = [post for post in demo_posts(2000, seed=1) if post.record["author"] == NAME]
    assert (report.mine, report.context) == (len(own), 2000)
    newest = own[len(own) - len(own) // 10 :]
    truth = sum(post.bits for post in newest) / sum(len(post.record["text"].encode()) for post in newest)
    small = small_settings(tmp_path, steps=300, batch_size=8, bptt_length=64, learning_rate=0.03)
    model = small.model.model_copy(update={"hidden_dim": 96, "embed_dim": 48})
    tokenizer = small.tokenizer.model_copy(update={"vocab_size": 512})
    settings = small.model_copy(update={"model": model, "tokenizer": tokenizer})
    result = train(settings, posts, TrainingConsole(Console(quiet=True)), lambda: False)
    # The end of a post costs bits too, and is in the grammar's figure only: hence a little room below.
    assert 0.9 * truth < result.score.bpb < 1.35 * truth
