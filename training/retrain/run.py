"""`dann retrain`: train a candidate, compare it with the incumbent, publish or refuse it.

Every run is a row in the store from its start. Nothing serves that has not passed the gate, and whatever stops a run, the
incumbent goes on serving. A refused candidate stays on the disk for inspection until a later publish removes old checkpoints
(retention.py). Knows no terminal.

<data>/runs/retrain/  the files of the last run (post_run.py); it is not resumed
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from model.checkpoints import checkpoint
from model.checkpoints.atomic_files import private_folder
from model.checkpoints.checkpoint import Snapshot
from model.checkpoints.folder import current_or_none
from model.checkpoints.retention import prune, retired
from model.checkpoints.serving import load_incumbent
from model.errors import DannError
from training.config.tables import Settings
from training.data.corpus import Corpus, build_corpus, own_texts
from training.data.split import UnlearnedPosts, held_out_for_candidate, unlearned_posts
from training.lock import training_lock
from training.loop.clock import Clock
from training.posts.learnable import learnable_posts
from training.retrain.compare import compare
from training.retrain.high_water import high_water, mark_of, new_since
from training.retrain.warm_start import can_warm_start, warm_start_params
from training.run_names import unused_name
from training.runs import sizing
from training.runs.callbacks import Part, RetrainConsole
from training.runs.learning import Diverged, Stopped
from training.runs.post_run import PostRun, PostText
from training.runs.start import choose_start
from training.store.post import Post
from training.store.retrain_outcome import Verdict
from training.store.runs import RetrainRun, open_runs


def retrain(
    settings: Settings, console: RetrainConsole, stopping: Callable[[], bool], *, why: str, force: bool = False
) -> RetrainRun:
    """Train, compare, and publish or refuse; returns the row that was recorded.

    Without `force`, fewer than `retrain.min_new_posts` new posts are skipped. Raises DannError for a training already
    running, several hosts, or a store that cannot be opened; anything else that goes wrong is recorded as "failed".
    """
    if settings.train.hosts > 1:
        raise DannError("train.hosts: retraining works on one machine; set it to 1 for this command")
    root, url = settings.data.checkpoints, settings.data.store_url
    started = time.monotonic()
    with training_lock(settings.data.dir / "train.lock"):
        with open_runs(url) as runs:
            runs.close_abandoned(current_or_none(root))
            id_ = runs.begin(why)
        console.recorded(id_)
        train = settings.train.model_copy(update={"minutes": settings.retrain.minutes})
        attempt = _Attempt(settings.model_copy(update={"train": train}), console, stopping, id_)
        verdict: Verdict = "failed"
        reason = "interrupted by an error; see the log"
        try:
            verdict, reason = attempt.run(started, force=force)
        except (Stopped, KeyboardInterrupt):
            reason = "stopped"
        except DannError as error:
            reason = "stopped" if stopping() else str(error)
        finally:
            with open_runs(url) as runs:
                runs.finish(id_, verdict, reason, time.monotonic() - started, **attempt.known)
                (run,) = runs.last(1)
        return run


@dataclass
class _Attempt:
    """One run in progress; `known` is what is to be recorded of it."""

    settings: Settings
    console: RetrainConsole
    stopping: Callable[[], bool]
    id: int
    known: dict[str, Any] = field(default_factory=dict)
    incumbent: Snapshot | None = None

    def run(self, started: float, *, force: bool) -> tuple[Verdict, str]:
        """Do every part in turn; returns the verdict and its reason."""
        self._report("reading", 0.0)
        posts = self._posts()
        new, needed = self.known["new_posts"], self.settings.retrain.min_new_posts
        if new < needed and not force:
            return "skipped", f"{new:,} new posts, where {needed:,} make it worthwhile (retrain.min_new_posts)"
        remarks = self._load_incumbent()
        unlearned = unlearned_posts(posts, self.incumbent.meta) if self.incumbent and self.incumbent.meta else None
        held_out = held_out_for_candidate(posts, unlearned) if unlearned else None
        corpus = build_corpus(posts, self.settings.data, held_out)
        try:
            self._learn(corpus, started)
        except Diverged as error:
            return "refused", str(error)
        incumbent = (self.incumbent, unlearned) if self.incumbent and unlearned else None
        if reasons := self._compare(posts, corpus, incumbent):
            return "refused", "; ".join([*remarks, *reasons])
        self._publish()
        bpb, bar = self.known["candidate_bpb"], self.known["incumbent_bpb"]
        beside = ", and nothing to compare with" if bar is None else f" where the incumbent has {bar:.3f}"
        return "published", "; ".join([*remarks, f"{bpb:.3f} bits per byte{beside}"])

    def _report(self, part: Part, share: float) -> None:
        """Report progress. Every call is a point where the run can be stopped."""
        if self.stopping():
            raise Stopped("stopped; nothing changed")
        self.console.part(part, share)

    def _note(self) -> None:
        with open_runs(self.settings.data.store_url) as runs:
            runs.update(self.id, **self.known)

    def _posts(self) -> list[Post]:
        """Read the store's posts, and count the new ones."""
        posts = list(learnable_posts(self.settings))
        with open_runs(self.settings.data.store_url) as runs:
            before = high_water(self.settings.data.checkpoints, runs.last())
        mark = mark_of(posts)
        self.known |= {"posts": mark.posts, "newest_post": mark.newest_post, "new_posts": new_since(posts, before)}
        self.known["incumbent"] = current_or_none(self.settings.data.checkpoints)
        return posts

    def _load_incumbent(self) -> list[str]:
        """Load the incumbent. Returns remarks for the reason, where CURRENT itself does not load."""
        self.known["incumbent"] = None
        try:
            loaded = load_incumbent(self.settings.data.checkpoints)
        except DannError as error:
            return [f"what served no longer loads, so nothing was compared with ({error})"]
        if loaded is None:
            return []
        self.incumbent, self.known["incumbent"] = loaded.snapshot, loaded.snapshot.id
        trouble = f"what served no longer loads, and what served before it is the incumbent ({loaded.trouble})"
        return [trouble] if loaded.trouble else []

    def _learn(self, corpus: Corpus, started: float) -> None:
        """Train the candidate and save it."""
        run = self._set_up(corpus)
        self._report("learning", 0.0)
        result = run.fit(Clock(run.setup.settings.train, started), self.stopping, partial=False)
        self.known["candidate"] = unused_name(self.settings.data.checkpoints)
        self._note()  # before it is saved: a candidate that was not compared must not look trained by hand
        try:
            run.save(result, self.known["candidate"])
        except DannError:
            self.known["candidate"] = None
            raise

    def _set_up(self, corpus: Corpus) -> PostRun:
        """Set up the run as `retrain.start` says."""
        folder = self.settings.data.runs / "retrain"
        shutil.rmtree(folder, ignore_errors=True)
        private_folder(folder)
        chosen = choose_start(self.settings, own_texts(corpus.train), self.console.say)
        settings = sizing.settled(chosen.settings, PostText(corpus).size(self.settings.train))
        tokenizer, weights, start = chosen.tokenizer, chosen.weights, settings.retrain.start
        parent = None
        if start != "scratch" and self.incumbent is not None:
            if reason := self._why_from_scratch(settings):
                self.console.say(f"{reason}: training from {'scratch' if weights is None else settings.train.base}")
            else:
                tokenizer, parent = self.incumbent.tokenizer, self.incumbent
                weights = warm_start_params(self.incumbent, start, settings.train.seed, weights)
        run = PostRun(
            folder,
            settings,
            corpus,
            self.console,
            tokenizer=tokenizer,
            weights=weights,
            base=chosen.weights,
            parent=parent,
            resumable=False,
        )
        run.save_setup()
        return run

    def _why_from_scratch(self, settings: Settings) -> str:
        """The reason why a warm start is not possible, "" if it is."""
        assert self.incumbent is not None
        if self.incumbent.id in retired(settings.data.checkpoints):  # its weights would pass them on
            return "the incumbent learned posts that were forgotten since"
        if not can_warm_start(self.incumbent, settings):
            return "the settings ask for another network, tokenizer or base than the incumbent's"
        return ""

    def _compare(
        self, posts: list[Post], corpus: Corpus, incumbent: tuple[Snapshot, UnlearnedPosts] | None
    ) -> list[str]:
        """Compare the candidate and record the measurements. Returns reasons against publishing it."""
        self._report("judging", 0.0)
        root, id_ = self.settings.data.checkpoints, self.known["candidate"]
        comparison = compare(root, id_, incumbent, posts, corpus, self.settings, partial(self._report, "judging"))
        self.known |= {
            "candidate_bpb": comparison.candidate_bpb,
            "incumbent_bpb": comparison.incumbent_bpb,
            "figures": comparison.figures,
        }
        return comparison.reasons

    def _publish(self) -> None:
        self._report("publishing", 0.0)
        self._note()  # a kill between here and the end of the run leaves a row that can be closed rightly
        root = self.settings.data.checkpoints
        checkpoint.publish(root, self.known["candidate"])
        prune(root, self.settings.retrain.keep)
        self.console.part("publishing", 1.0)
