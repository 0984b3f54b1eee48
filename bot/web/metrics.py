"""What dann counts, in Prometheus's form. Counts nothing itself, and keeps nothing: see bot/replies/stats.py."""

import time
from collections.abc import Iterator, Mapping
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from bot.replies.stats import BOUNDS, Outcome, ReplyStats
from bot.serving.store_counts import StoreCounts
from bot.web.state import AppState
from model.checkpoints.checkpoint import Meta
from model.engine.engine import Engine
from training.store.retrain_outcome import RetrainProgress

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
"""What `metrics` returns, as HTTP names it."""


async def metrics(sources: AppState) -> bytes:
    """All that there is to tell at this moment."""
    registry = CollectorRegistry()
    registry.register(_Told([*_families(sources, await sources.stored())]))
    return generate_latest(registry)


class _Told(Collector):
    """Metrics whose values are known."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> list[Metric]:
        return self._families


def _families(sources: AppState, stored: StoreCounts | None) -> Iterator[Metric]:
    yield _replies(sources.tally)
    yield _latency(sources.tally)
    if engine := sources.engine():
        yield from _of_engine(engine)
        if engine.snapshot.meta:
            yield from _of_checkpoint(engine.snapshot.meta)
    yield _counter("dann_reloads", "Checkpoints that were to serve instead of another.", "outcome", sources.reloads())
    yield from _of_retraining(sources.retraining())
    if stored:
        runs = "Retraining runs in the store, by what was decided."
        yield _counter("dann_retrain_runs", runs, "verdict", stored.runs)
        posts = GaugeMetricFamily(
            "dann_posts", "Posts in the store: one's own, and others' beside them.", labels=["kind"]
        )
        for kind, number in stored.posts.items():
            posts.add_metric([kind], number)
        yield posts


def _replies(tally: ReplyStats) -> Metric:
    """Every outcome of every platform that has had one: what begins at 0 can be seen to rise."""
    about = "Mentions by platform and what became of them, and what dann said unasked."
    replies = CounterMetricFamily("dann_replies", about, labels=["platform", "outcome"])
    for platform in sorted({platform for platform, _ in tally.outcomes}):
        for outcome in Outcome:
            replies.add_metric([platform, outcome], tally.outcomes[platform, outcome])
    return replies


def _latency(tally: ReplyStats) -> Metric:
    about = "From a mention's arrival until its answer was handed to the platform."
    latency = HistogramMetricFamily("dann_reply_latency_seconds", about, labels=["platform"])
    for platform, took in sorted(tally.latencies.items()):
        names = [*map(str, BOUNDS), "+Inf"]
        latency.add_metric([platform], list(zip(names, accumulate(took.counts), strict=True)), took.total)
    return latency


def _of_engine(engine: Engine) -> Iterator[Metric]:
    load = engine.load
    yield GaugeMetricFamily("dann_queue_depth", "Replies that wait for a slot.", load.waiting)
    yield GaugeMetricFamily("dann_slots_busy", "Replies that are being drawn.", load.busy)
    yield CounterMetricFamily(
        "dann_tokens_drawn", "Tokens of replies that ended or were given up.", engine.tokens_generated
    )


def _of_checkpoint(meta: Meta) -> Iterator[Metric]:
    bpb = "Bits per byte of held-out posts, of the checkpoint that serves."
    yield GaugeMetricFamily("dann_checkpoint_val_bpb", bpb, meta.val_bpb)
    if (created := meta.created_at()) is not None:
        age = time.time() - created
        yield GaugeMetricFamily("dann_checkpoint_age_seconds", "Since the checkpoint that serves was made.", age)


def _of_retraining(progress: RetrainProgress | None) -> Iterator[Metric]:
    yield GaugeMetricFamily("dann_retraining", "1 while a retraining runs, else 0.", float(progress is not None))
    if progress:
        share = GaugeMetricFamily("dann_retraining_share", "How much of its present part is done.", labels=["part"])
        share.add_metric([progress.part], progress.share)
        yield share
        if progress.val_bpb is not None:
            bpb = "Bits per byte of held-out posts, at its last evaluation."
            yield GaugeMetricFamily("dann_retraining_val_bpb", bpb, progress.val_bpb)


def _counter(name: str, about: str, label: str, values: Mapping[str, int]) -> Metric:
    counter = CounterMetricFamily(name, about, labels=[label])
    for value, number in sorted(values.items()):
        counter.add_metric([value], number)
    return counter
