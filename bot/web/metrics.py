"""Metrics in Prometheus's text format. Counts nothing itself: see bot/replies/stats.py."""

import time
from collections.abc import Iterator, Mapping
from itertools import accumulate

from prometheus_client import generate_latest
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
"""Content type of the text that `metrics` returns."""


async def metrics(state: AppState) -> bytes:
    """Build the metrics page."""
    return generate_latest(_KnownMetrics([*_families(state, await state.store_counts())]))


class _KnownMetrics(Collector):
    """Metrics whose values are known."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> list[Metric]:
        return self._families


def _families(state: AppState, counts: StoreCounts | None) -> Iterator[Metric]:
    yield _replies(state.stats)
    yield _latency(state.stats)
    if engine := state.engine():
        yield from _of_engine(engine)
        if engine.snapshot.meta:
            yield from _of_checkpoint(engine.snapshot.meta)
    about = "Attempts to load a new checkpoint, by outcome."
    yield _by_label(CounterMetricFamily("dann_reloads", about, labels=["outcome"]), state.reloads())
    yield from _of_retraining(state.retraining())
    if counts:
        about = "Retraining runs in the store, by verdict."
        yield _by_label(CounterMetricFamily("dann_retrain_runs", about, labels=["verdict"]), counts.runs)
        about = "Posts in the store: the person's own, and others' that they answer."
        yield _by_label(GaugeMetricFamily("dann_posts", about, labels=["kind"]), counts.posts)


def _replies(stats: ReplyStats) -> Metric:
    """Every outcome of each platform in use, also at 0, so that the first one shows as a rise."""
    about = "Mentions by platform and outcome, and messages that dann sent unasked."
    replies = CounterMetricFamily("dann_replies", about, labels=["platform", "outcome"])
    for platform in sorted({platform for platform, _ in stats.outcomes}):
        for outcome in Outcome:
            replies.add_metric([platform, outcome], stats.outcomes[platform, outcome])
    return replies


def _latency(stats: ReplyStats) -> Metric:
    about = "Seconds from a mention's arrival until its reply was handed to the platform."
    latency = HistogramMetricFamily("dann_reply_latency_seconds", about, labels=["platform"])
    for platform, histogram in sorted(stats.latencies.items()):
        names = [*map(str, BOUNDS), "+Inf"]
        latency.add_metric([platform], list(zip(names, accumulate(histogram.counts), strict=True)), histogram.total)
    return latency


def _of_engine(engine: Engine) -> Iterator[Metric]:
    load = engine.load
    yield GaugeMetricFamily("dann_queue_depth", "Replies waiting for a slot.", load.waiting)
    yield GaugeMetricFamily("dann_slots_busy", "Replies being drawn.", load.busy)
    about = "Tokens of replies that ended or were cancelled."
    yield CounterMetricFamily("dann_tokens_drawn", about, engine.tokens_generated)
    about = "Tokens that the guard refused in replies that ended or were cancelled, by way out and by what it found."
    refusals = CounterMetricFamily("dann_guard_refusals", about, labels=["way", "kind"])
    for labels, count in sorted(engine.refusals.items()):
        refusals.add_metric(labels, count)
    yield refusals


def _of_checkpoint(meta: Meta) -> Iterator[Metric]:
    bpb = "Bits per byte of the serving checkpoint on held-out posts."
    yield GaugeMetricFamily("dann_checkpoint_val_bpb", bpb, meta.val_bpb)
    if (created := meta.created_at()) is not None:
        age = time.time() - created
        yield GaugeMetricFamily("dann_checkpoint_age_seconds", "Seconds since the serving checkpoint was made.", age)


def _of_retraining(progress: RetrainProgress | None) -> Iterator[Metric]:
    yield GaugeMetricFamily("dann_retraining", "1 while a retraining runs, else 0.", float(progress is not None))
    if progress:
        about = "Share of the current part that is done, from 0 to 1."
        share = GaugeMetricFamily("dann_retraining_share", about, labels=["part"])
        yield _by_label(share, {progress.part: progress.share})
        if progress.val_bpb is not None:
            bpb = "Bits per byte on held-out posts at the retraining's last evaluation."
            yield GaugeMetricFamily("dann_retraining_val_bpb", bpb, progress.val_bpb)


def _by_label(family: CounterMetricFamily | GaugeMetricFamily, values: Mapping[str, float]) -> Metric:
    for value, count in sorted(values.items()):
        family.add_metric([value], count)
    return family
