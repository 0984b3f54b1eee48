"""A run on posts: train a network and save it as a checkpoint, unpublished. Knows no terminal and no lock.

<folder>/held_out  digests of the posts that are held out, beside what resumable_run.py keeps
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np

from model.base.find import base_words
from model.checkpoints import checkpoint
from model.checkpoints.atomic_files import replace_file
from model.checkpoints.calibration import Calibration
from model.checkpoints.checkpoint import Meta, Snapshot
from model.engine.engine import Engine
from model.tokenizer import Tokenizer
from training.config.load import BOT_TABLES, OWNERS_TABLES
from training.config.privacy import PrivacyConfig
from training.config.private import without_private
from training.config.tables import Settings, TrainConfig
from training.data.corpus import FEW_POSTS, Corpus, own_texts
from training.data.dataset import Dataset, build_dataset, own_bytes
from training.data.split import digests_for_meta, ids_of_digests
from training.evaluation.calibrate import FEWEST_POSTS, calibrate
from training.evaluation.listening import listening
from training.evaluation.memorization import PostIndex, novelty
from training.evaluation.prompts import held_out_prompts
from training.evaluation.recital import begun_posts, recital
from training.loop import multihost
from training.loop.devices import num_devices
from training.loop.scoring import Score, ppmd_bpb, scored
from training.loop.trainer import Ending, Fit, TrainProgress
from training.posts.guarding import guard_checkpoint
from training.posts.learnable import mask_phrases
from training.runs import sizing
from training.runs.callbacks import Console
from training.runs.learning import num_params, set_up
from training.runs.resumable_run import ResumableRun
from training.store.post import Post

LISTENING_SECONDS = 30.0
"""A run that trained for less measures neither listening nor copies, which take seconds."""
LISTENING_REPLIES = 100
COPIES_REPLIES = 100
HELD_OUT_FILE = "held_out"


@dataclass(frozen=True)
class TrainResult:
    """A saved checkpoint with its figures; `score` and `ppmd` are of all held-out posts. `base`: what it started from."""

    checkpoint: str
    ending: Ending
    score: Score
    steps: int
    seconds: float
    tokens_per_second: float
    params: int
    learning_rate: float
    ppmd: float
    listening: float | None
    base: str


class PostText:
    """TrainingText of a corpus of posts."""

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus

    def size(self, config: TrainConfig) -> sizing.Size:
        """TrainingText: few posts count as little text, however long they are."""
        text = own_bytes(self.corpus.train)
        text = min(text, sizing.LITTLE_TEXT) if self.corpus.posts < FEW_POSTS else text
        return sizing.choose(text, config.minutes, num_devices(config))

    def tokenizer_texts(self) -> Sequence[str]:
        """Return the texts to learn a tokenizer from."""
        return own_texts(self.corpus.train)

    def masks(self, privacy: PrivacyConfig) -> Sequence[str]:
        """TrainingText: the phrases of masks in all turns."""
        return mask_phrases([turn.text for conversation in self.corpus.train for turn in conversation], privacy)

    def dataset(self, tokenizer: Tokenizer, config: TrainConfig) -> Dataset:
        """Encode both parts."""
        window = config.bptt_length if config.windows == "conversations" else 0
        return build_dataset(
            self.corpus.train,
            self.corpus.val,
            tokenizer,
            config.other_weight,
            config.seed,
            window,
            config.without_context,
        )


class PostRun(ResumableRun):
    """A run on posts, which saves its checkpoint, its curve and what resuming needs.

    `weights` are initial ones by name, `base` those of the base that they are, or come from; `parent` is the checkpoint that
    they are made of.
    """

    def __init__(
        self,
        folder: Path,
        settings: Settings,
        corpus: Corpus,
        console: Console,
        *,
        tokenizer: Tokenizer | None = None,
        weights: Mapping[str, np.ndarray] | None = None,
        base: Mapping[str, np.ndarray] | None = None,
        parent: Snapshot | None = None,
        resumable: bool = True,
    ) -> None:
        setup = set_up(settings, PostText(corpus), tokenizer=tokenizer, weights=weights, base=base)
        super().__init__(folder, console, setup, corpus.val, resumable=resumable)
        self.corpus = corpus
        self.parent = parent

    def save_setup(self) -> None:
        """Save also what is held out."""
        super().save_setup()
        replace_file(self.folder / HELD_OUT_FILE, digests_for_meta(self.corpus.held_out).encode())

    def describe(self) -> None:
        """Say how many posts there are, what is held out, and the network's shape."""
        corpus = self.corpus
        if corpus.posts < FEW_POSTS:
            so = ": training a smaller network" if self.setup.base is None else ", though fewer do with a base"
            self.console.say(f"only {corpus.posts} posts of yours, and a voice takes {FEW_POSTS:,}{so}")
        self.console.say(
            f"{corpus.posts:,} posts of yours, {len(self.setup.dataset.train):,} tokens with what they answer; the newest "
            f"tenth is held out; {self.setup.shape}"
        )
        if corpus.near_duplicates:
            self.console.say(f"{corpus.near_duplicates} posts dropped: near-duplicates of held-out posts")

    def save(self, result: Fit, id_: str) -> TrainResult:
        """Score the best weights on all of val, calibrate replies, and save all as `id_` with its guard's index, unpublished.

        Raises DannError for lack of room, or where the index cannot be made.
        """
        progress, setup = result.progress, self.setup
        score = scored(setup.model, setup.dataset.val)
        ppmd = ppmd_bpb(own_texts(self.corpus.train), own_texts(self.corpus.val))
        heard = self._listening(progress)
        calibration = self._calibration() if result.ending == "done" else None
        copies = self._copies(progress, calibration)
        root, meta = setup.settings.data.checkpoints, self._meta(progress, score, ppmd, heard, copies)
        checkpoint.save(root, id_, setup.model, setup.tokenizer, meta, self.curve.points, calibration=calibration)
        if multihost.is_first():  # what other hosts save is not kept
            read = (turn.text for part in (self.corpus.train, self.corpus.val) for turns in part for turn in turns)
            guard_checkpoint(setup.settings, id_, read, self.parent.id if self.parent else None)
        if result.ending == "done":
            self.resume_file.unlink(missing_ok=True)
        return TrainResult(
            checkpoint=id_,
            ending=result.ending,
            score=score,
            steps=progress.step,
            seconds=round(progress.seconds, 1),
            tokens_per_second=round(result.tokens_per_second),
            params=num_params(setup.model),
            learning_rate=setup.settings.train.learning_rate,
            ppmd=ppmd,
            listening=heard,
            base=setup.settings.train.base,
        )

    def _listening(self, progress: TrainProgress) -> float | None:
        if progress.seconds < LISTENING_SECONDS:
            return None
        setup = self.setup
        heard = listening(setup.model, setup.tokenizer, self.corpus.val, setup.settings.eval.seed, LISTENING_REPLIES)
        return round(heard.share, 3) if heard else None

    def _snapshot(self, calibration: Calibration | None = None) -> Snapshot:
        """The best weights, to draw from."""
        setup = self.setup
        guidable = setup.settings.train.without_context > 0
        return Snapshot("", setup.model, setup.tokenizer, guidable=guidable, calibration=calibration)

    def _calibration(self) -> Calibration | None:
        """How replies are to be drawn; None where settings ask for none, or there are too few posts to count in."""
        settings = self.setup.settings
        replies = settings.train.calibration_replies
        if not replies or self.corpus.posts < FEWEST_POSTS:
            return None
        self.console.say(f"drawing {replies:,} replies, to count what they have more often than you")
        base = base_words(settings.data.bases, settings.train.base)
        return calibrate(self._snapshot(), self.corpus, settings.sample, base, replies, settings.eval.seed)

    def _copies(self, progress: TrainProgress, calibration: Calibration | None) -> dict[str, float | None] | None:
        """What replies to held-out conversations copy from one's own posts, and what is recited, both without a guard."""
        if progress.seconds < LISTENING_SECONDS:
            return None
        settings, seed = self.setup.settings, self.setup.settings.eval.seed
        engine = Engine(self._snapshot(calibration))
        prompts = [prompt.turns for prompt in held_out_prompts(self.corpus.val)]
        chosen = random.Random(seed).sample(prompts, min(COPIES_REPLIES, len(prompts)))  # noqa: S311
        replies = engine.replies([(turns, settings.sample, seed + number) for number, turns in enumerate(chosen)])
        copied = novelty([reply.text for reply in replies], PostIndex(own_texts(self.corpus.train)))
        recited = recital(engine, begun_posts(self.corpus.train, seed))
        return {"samples": len(chosen), **asdict(copied), **asdict(recited)}

    def _meta(
        self,
        progress: TrainProgress,
        score: Score,
        ppmd: float,
        heard: float | None,
        copies: dict[str, float | None] | None,
    ) -> Meta:
        return Meta(
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            step=progress.step,
            seconds=round(progress.seconds, 1),
            val_bpb=score.bpb,
            posts=self.corpus.posts,
            newest_post=self.corpus.newest_post,
            seed=self.setup.settings.train.seed,
            code_version=version("dann"),
            # Tables that hold ids of people, or the owner's own private words, are not of the run.
            settings=without_private(self.setup.settings).model_dump(
                mode="json", exclude={*BOT_TABLES, *OWNERS_TABLES}
            ),
            held_out=digests_for_meta(self.corpus.held_out),
            baselines={"ppmd": round(ppmd, 4)},
            listening=heard,
            copies=copies,
            highest_seq=self._highest_seq(),
            started_from=self.parent.id if self.parent else "",
        )

    def _highest_seq(self) -> int | None:
        """The highest number of a post read here or by the checkpoint that the weights come from; None if unknown."""
        own, before = self.corpus.highest_seq, self.parent and self.parent.meta and self.parent.meta.highest_seq
        if own is None or (self.parent and before is None):
            return None
        return max(own, before or 0)


def held_out_before(folder: Path, posts: Sequence[Post]) -> frozenset[str] | None:
    """Return the ids of the posts that an unfinished run holds out; None where that is not known, or none is left.

    The newest tenth may be others by now, of which the run has learned some, and its best score so far is not theirs.
    """
    try:
        digests = (folder / HELD_OUT_FILE).read_text()
    except FileNotFoundError:  # a run of an earlier version
        return None
    return ids_of_digests((post for post in posts if post.mine), digests) or None
