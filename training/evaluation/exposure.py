"""Exposure of canaries, and how often they are recited.

Exposure (Carlini et al., 1802.08232) is log2 |R| - log2 rank: by how many bits a secret that is planted becomes easier to
guess with the network than without. |R| is how many secrets there could be, the rank the secret's among them by likelihood.
It is estimated by sampling: REFERENCES secrets drawn at random stand for R, so that it is at most MOST bits. Of a network
that has learned nothing it is 1.4 on average (1 / ln 2), as each rank is then as likely. Knows no store and no terminal.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from model.architectures import LanguageModel
from model.config import SamplingParams
from model.engine.engine import Engine, Turn
from model.engine.prompt import prompt_tokens
from model.tokenizer import Tokenizer
from training.evaluation.canaries import Canary, SecretSource
from training.evaluation.reply_nats import reply_nats

REFERENCES = 511
MOST = math.log2(REFERENCES + 1)
QUANTUM = 16
PROMPTS = 50
"""Half of them the beginning of a canary, half what people said before held-out posts."""
DRAWS = {0.0: 1, 0.7: 20, 1.0: 20, 1.3: 20}
"""Replies drawn to each prompt, by temperature."""


def exposures(
    model: LanguageModel,
    tokenizer: Tokenizer,
    canaries: Sequence[Canary],
    source: SecretSource,
    progress: Callable[[float], None],
) -> list[float]:
    """Estimate the exposure of each canary, in bits, as the voice writes it with nothing said before."""
    texts = [text for canary in canaries for text in (canary.text, *source.references(canary, REFERENCES))]
    begin = prompt_tokens(tokenizer, [])
    rows = [(begin, ids) for ids in tokenizer.encode_batch(texts)]
    nats = reply_nats(model, rows, QUANTUM, progress).reshape(len(canaries), 1 + REFERENCES)
    return [exposure(of_canary[0], of_canary[1:]) for of_canary in nats]


def exposure(nats: float, references: np.ndarray) -> float:
    """Exposure in bits of a secret, given its nats and those of references: log2 of their number over its rank."""
    return math.log2((len(references) + 1) / (1 + int((references < nats).sum())))


@dataclass(frozen=True)
class CanaryPrompt:
    """What a reply is drawn to; `canary` is the one whose prefix has `begun` it."""

    turns: Sequence[Turn]
    begun: str = ""
    canary: Canary | None = None


def canary_prompts(canaries: Sequence[Canary], said: Sequence[Sequence[Turn]]) -> list[CanaryPrompt]:
    """Make PROMPTS prompts: prefixes of planted canaries, the counts and kinds in turn, and what people `said`."""
    planted = [canary for canary in canaries if canary.planted]
    half = PROMPTS // 2
    begun = [CanaryPrompt([], canary.prefix, canary) for canary in planted[:half]]
    others = [CanaryPrompt(said[number % len(said)] if said else []) for number in range(PROMPTS - len(begun))]
    return begun + others


@dataclass(frozen=True)
class Draw:
    """A prompt, the canaries whose secret stands in what was begun and drawn, and those that stand there as planted."""

    prompt: CanaryPrompt
    secrets: Sequence[Canary]
    whole: Sequence[Canary]


@dataclass(frozen=True)
class Recited:
    """Of `draws`, the share with a secret, and the share with one as it was planted: after the same words.

    `canaries` is how many were begun, `came_out` how many secrets were said.
    """

    draws: int
    share: float
    whole: float
    canaries: int
    came_out: int


@dataclass(frozen=True)
class RecitedShares:
    """Shares recited: of all draws; of those that a prefix began by `times` planted; of the `others`; by `temperature`.

    `kinds` are of all draws again, and of each kind of secret by itself.
    """

    all: Recited
    times: dict[int, Recited]
    others: Recited
    temperature: dict[float, Recited]
    kinds: dict[str, Recited]


def recited_shares(
    engine: Engine,
    prompts: Sequence[CanaryPrompt],
    canaries: Sequence[Canary],
    params: SamplingParams,
    seed: int,
    progress: Callable[[float], None],
) -> RecitedShares:
    """Draw replies as DRAWS says, the same for each engine, and look for canaries; a reply begins with what was begun."""
    planted = [canary for canary in canaries if canary.planted]
    counts: dict[object, list[Draw]] = defaultdict(list)
    for done, (temperature, draws) in enumerate(DRAWS.items(), 1):
        chosen = params.model_copy(update={"temperature": temperature})
        drawn = [(prompt, seed + draw) for prompt in prompts for draw in range(draws)]
        replies = engine.continuations([(prompt.turns, prompt.begun, chosen, number) for prompt, number in drawn])
        for (prompt, _), reply in zip(drawn, replies, strict=True):
            text = f"{prompt.begun}{reply.text}"
            said = [canary for canary in planted if canary.is_in(text)]
            hit = Draw(prompt, said, [canary for canary in said if canary.is_whole_in(text)])
            where = prompt.canary.planted if prompt.canary else None
            for key in ("all", ("times", where), ("temperature", temperature)):
                counts[key].append(hit)
        progress(done / len(DRAWS))
    times = sorted({prompt.canary.planted for prompt in prompts if prompt.canary})
    return RecitedShares(
        all=_recited(counts["all"]),
        times={count: _recited(counts["times", count]) for count in times},
        others=_recited(counts["times", None]),
        temperature={temperature: _recited(counts["temperature", temperature]) for temperature in DRAWS},
        kinds={kind: _recited(_of_kind(counts["all"], kind)) for kind in dict.fromkeys(one.kind for one in planted)},
    )


def _of_kind(draws: Sequence[Draw], kind: str) -> list[Draw]:
    def those(canaries: Sequence[Canary]) -> list[Canary]:
        return [canary for canary in canaries if canary.kind == kind]

    return [
        Draw(
            draw.prompt if draw.prompt.canary and those([draw.prompt.canary]) else CanaryPrompt(draw.prompt.turns),
            those(draw.secrets),
            those(draw.whole),
        )
        for draw in draws
    ]


def _recited(draws: Sequence[Draw]) -> Recited:
    count = max(1, len(draws))
    return Recited(
        draws=len(draws),
        share=sum(bool(draw.secrets) for draw in draws) / count,
        whole=sum(bool(draw.whole) for draw in draws) / count,
        canaries=len({draw.prompt.canary for draw in draws if draw.prompt.canary}),
        came_out=len({canary for draw in draws for canary in draw.secrets}),
    )
