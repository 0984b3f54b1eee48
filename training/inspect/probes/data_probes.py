"""Text in, tokens out: tokenizer, split and dataset against what the text says they must be. Compiles nothing."""

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from model.config import MIN_VOCAB_SIZE
from model.engine.prompt import Turn
from model.tokenizer import BOS, ME, NUM_SPECIAL, OTHER, Tokenizer
from training.data import corpus as data_corpus
from training.data import dataset as data_dataset
from training.data import text_file
from training.data.dataset import Dataset, HeldOut
from training.inspect.report import InspectionFinding
from training.inspect.sample_text import ALPHABET, LMAO, marked_posts
from training.inspect.subject import Subject, make_tokenizer
from training.store.post import Post

OTHER_WEIGHT = 0.5
TOKENIZER, DATASET = (
    "model/tokenizer.py: encode_batch, token_bytes",
    "training/data/dataset.py: token_stream, weighted_turns",
)
HARD_TEXT = "A Naïve café, 10 % of £5\n\tend — ok? 🙂"


def probe_tokenizer(subject: Subject) -> Iterator[InspectionFinding]:
    """Text comes back from tokens as it was, for the tokenizer in use and for one of each kind."""
    texts = [*(post.text for post in subject.posts[:60]), LMAO * 3]
    kinds = {f"a new tokenizer of {kind}": make_tokenizer(kind, 300, subject.posts) for kind in ("characters", "bpe")}
    for name, tokenizer in {"the tokenizer": subject.tokenizer, **kinds}.items():
        hard = [HARD_TEXT, ALPHABET] if tokenizer.vocab_size >= MIN_VOCAB_SIZE else []
        found = next(_mismatches(tokenizer, [*texts, *hard]), None)
        if found:
            yield InspectionFinding("tokenizer-mismatch", f"{name}: {found}", TOKENIZER)
            return


def _mismatches(tokenizer: Tokenizer, texts: Sequence[str]) -> Iterator[str]:
    together = tokenizer.encode_batch(texts)
    lost = [text for text, ids in zip(texts, together, strict=True) if tokenizer.decode(ids) != text]
    if lost:
        yield f"{len(lost)} of {len(texts)} texts do not come back as they were"
    if [tokenizer.encode(text) for text in texts] != together:
        yield "encode and encode_batch give different tokens"
    ids = {id_ for one in together for id_ in one}
    if min(ids) < NUM_SPECIAL or max(ids) >= tokenizer.vocab_size:
        yield f"ids of text are from {min(ids)} to {max(ids)}; allowed are {NUM_SPECIAL} to {tokenizer.vocab_size - 1}"
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save(Path(folder) / "tokenizer.json")
        loaded = Tokenizer.load(Path(folder) / "tokenizer.json")
    if loaded.encode_batch(texts) != together or loaded.token_bytes != tokenizer.token_bytes:
        yield "saved and loaded, it gives different tokens"


def probe_prompt(subject: Subject) -> Iterator[InspectionFinding]:
    """A prompt is spelled as the conversations that were learned."""
    from model.engine import prompt as engine_prompt  # noqa: PLC0415 (looked up when it is needed)

    tokenizer = make_tokenizer("characters", 0, subject.posts)
    spelled = [tokenizer.encode(text) for text in ("is it done", "no")]
    found = engine_prompt.prompt_tokens(tokenizer, [Turn(False, "is it done"), Turn(True, "no")])
    if found != [BOS, OTHER, *spelled[0], ME, *spelled[1], ME]:
        yield InspectionFinding(
            "tokenizer-mismatch",
            "a prompt is not spelled as training's conversations are: BOS, OTHER or ME, the text, and ME at the end",
            "model/engine/prompt.py: prompt_tokens",
        )


def probe_split(subject: Subject) -> Iterator[InspectionFinding]:
    """Of posts of words that occur once, the newest tenth is held out and learned nowhere, and all others are learned."""
    posts = marked_posts()
    mine = [post for post in posts if post.mine]
    newest = sorted(mine, key=lambda post: post.time or 0.0)[-(len(mine) // 10) :]
    tokenizer = make_tokenizer("characters", 0, posts)
    corpus = data_corpus.build_corpus(posts, subject.settings.data)
    dataset = data_dataset.build_dataset(corpus.train, corpus.val, tokenizer, OTHER_WEIGHT, seed=0)
    yield from _leaked(dataset, tokenizer, newest, mine)
    for part, name in ((dataset.val, "val"), (dataset.quick, "quick")):
        yield from _held_out(part, name, tokenizer, newest)
    yield from _stream(dataset, tokenizer, posts, newest)


def _leaked(dataset: Dataset, tokenizer: Tokenizer, newest: Sequence[Post], mine: Sequence[Post]) -> Iterator[InspectionFinding]:  # fmt: skip  # noqa: E501
    learned = tokenizer.decode(dataset.train.tokens.tolist())
    held = "".join(tokenizer.decode(row.tolist()) for row in dataset.val.tokens)
    both = [post for post in mine if post.text in learned and post.text in held]
    inside = [post for post in newest if post.text in learned]
    if both or inside:
        yield InspectionFinding(
            "val-is-train",
            f"{len(both) or len(inside)} of {len(mine)} posts, whose words occur in no other, are both learned and held out",
            measured={"leaked": float(len(both) or len(inside))},
        )


def _held_out(part: HeldOut, name: str, tokenizer: Tokenizer, newest: Sequence[Post]) -> Iterator[InspectionFinding]:
    scored = "".join(
        tokenizer.decode(row[counts > 0].tolist()) for row, counts in zip(part.tokens, part.counts, strict=True)
    )
    expected = sorted("".join(post.text for post in newest))
    if sorted(scored) != expected or not all(post.text in scored for post in newest):
        if len(scored) == len(expected):
            also = ("data-differs",)
            yield InspectionFinding(
                "tokenizer-mismatch", f"{name} scores other characters than the posts have", TOKENIZER, also
            )
            return
        yield InspectionFinding(
            "data-differs",
            f"{name} scores {len(scored)} characters, and the newest tenth of the posts has {len(expected)}, or others",
            "training/data/split.py: newest_tenth; training/data/dataset.py: held_out_rows",
            ("val-is-train", "tokenizer-mismatch"),
        )
    elif part.num_bytes != len("".join(post.text for post in newest).encode()):
        yield InspectionFinding("evaluation-differs", f"{name}.num_bytes is {part.num_bytes:,}", DATASET)


def _stream(
    dataset: Dataset, tokenizer: Tokenizer, posts: Sequence[Post], newest: Sequence[Post]
) -> Iterator[InspectionFinding]:
    """Every other own post is in the stream once, with its marker and its weight; each conversation begins with BOS."""
    stream, held = dataset.train, {post.id for post in newest}
    expected = Counter((ME, post.text) for post in posts if post.mine and post.id not in held)
    context = {post.text for post in posts if not post.mine}
    marks = np.isin(stream.tokens, (BOS, OTHER, ME)).nonzero()[0].tolist()
    if not (stream.tokens == BOS).any():
        yield InspectionFinding("bos-ignored", f"no BOS in {len(stream):,} tokens of many conversations", DATASET)
        return
    found: Counter[tuple[int, str]] = Counter()
    wrong_weights = 0
    for start, end in zip(marks, [*marks[1:], len(stream)], strict=True):
        marker, ids = int(stream.tokens[start]), stream.tokens[start + 1 : end].tolist()
        if marker == BOS:
            wrong_weights += bool(ids)
            continue
        text = tokenizer.decode(ids)
        found[marker, text] += 1
        weight = 1.0 if marker == ME else OTHER_WEIGHT
        wrong_weights += not np.allclose(stream.weights[start + 1 : end], weight)
    own = Counter({pair: count for pair, count in found.items() if pair[0] == ME})
    strange = [text for marker, text in found if marker == OTHER and text not in context]
    if own != expected or strange or len(stream.tokens) == 0 or stream.tokens[0] != BOS:
        lost, more = (expected - own).total(), (own - expected).total() + len(strange)
        respelled = own.total() == expected.total() and lost > expected.total() // 2
        yield InspectionFinding(
            "tokenizer-mismatch" if respelled else "data-differs",
            f"the training stream lacks {lost} of {expected.total()} turns as they were written, and has {more} that nobody "
            "wrote",
            DATASET,
            ("data-differs",) if respelled else ("tokenizer-mismatch", "labels-shifted", "val-is-train"),
        )
    elif wrong_weights:
        seen = f"{wrong_weights} turns have another loss weight than theirs"
        yield InspectionFinding("data-differs", seen, DATASET, ("labels-shifted",))


def probe_text(_: Subject) -> Iterator[InspectionFinding]:
    """A text file: the first part is learned, the rest is held out, each token predicted once."""
    posts = marked_posts(240)
    text, fraction = " ".join(post.text for post in posts), 0.8
    tokenizer = make_tokenizer("characters", 0, posts)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "text.txt"
        path.write_text(text)
        parts = text_file.read_text(path, fraction)
    cut = int(len(text) * fraction)
    dataset = text_file.text_dataset(parts, tokenizer)
    learned = tokenizer.decode(dataset.train.tokens.tolist())
    scored = tokenizer.decode(dataset.val.tokens[dataset.val.counts > 0].tolist())
    where = "training/data/text_file.py: read_text, text_dataset, windows"
    leaked = sum(post.text in learned and post.text in scored for post in posts)
    if leaked:
        yield InspectionFinding(
            "val-is-train", f"of a text file, {leaked} of {len(posts)} lines are both learned and held out", where
        )
    elif learned != text[:cut] or scored != text[cut + 1 :]:
        yield InspectionFinding(
            "data-differs",
            f"of a text file of {len(text):,} characters, {len(learned):,} are learned and {len(scored):,} scored; expected "
            f"are the first {cut:,} and the others but one",
            where,
            ("tokenizer-mismatch",),
        )


PROBES = (probe_tokenizer, probe_prompt, probe_split, probe_text)
