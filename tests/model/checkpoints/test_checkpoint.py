"""A checkpoint is complete or it is not there; a damaged one is refused by name; the one that serves survives a full disk."""

import json
import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from flax import nnx

from model.architectures import ARCHITECTURES, LanguageModel, build, decodes
from model.checkpoints import atomic_files, checkpoint
from model.checkpoints.calibration import CALIBRATION, Calibration
from model.checkpoints.checkpoint import Meta
from model.checkpoints.folder import FORMAT_VERSION
from model.config import ModelConfig
from model.errors import DannError
from model.tokenizer import Tokenizer
from model.words import WordSet

TOKENIZER = Tokenizer.train(["the loss goes down"] * 3, 270)
META = Meta(
    created="2026-01-01T00:00:00+00:00", step=3, seconds=1.0, val_bpb=2.0, posts=20, newest_post=None, seed=0,
    code_version="0", settings={},
)  # fmt: skip


@cache
def network(seed: int = 0, **shape: object) -> LanguageModel:
    return build(ModelConfig.model_validate({"vocab_size": TOKENIZER.vocab_size, "hidden_dim": 8, **shape}), seed)


def saved(root: Path, id_: str = "one", seed: int = 0) -> Path:
    checkpoint.save(root, id_, network(seed), TOKENIZER, META)
    checkpoint.publish(root, id_)
    return root / id_


@pytest.mark.parametrize("name", [name for name, kind in ARCHITECTURES.items() if decodes(kind)])
def test_what_is_loaded_computes_what_was_saved(tmp_path: Path, name: str) -> None:
    model = network(1, architecture=name, embed_dim=4, tie_embeddings=True, num_layers=2)
    checkpoint.save(tmp_path, "one", model, TOKENIZER, META)
    checkpoint.publish(tmp_path, "one")
    snapshot = checkpoint.load(tmp_path)
    logits = nnx.jit(lambda model: model(np.arange(10)[None], model.initial_carry(1))[0])
    np.testing.assert_array_equal(logits(model), logits(snapshot.model))
    assert (snapshot.id, snapshot.meta) == ("one", META)
    assert snapshot.tokenizer.encode("the loss") == TOKENIZER.encode("the loss")


def test_a_calibration_is_loaded_as_it_was_saved(tmp_path: Path) -> None:
    words = WordSet.of(["the", "loss"])
    kept = Calibration(np.arange(TOKENIZER.vocab_size, dtype=np.float32), words, 0.25)
    checkpoint.save(tmp_path, "one", network(), TOKENIZER, META, calibration=kept)
    loaded = checkpoint.load(tmp_path, "one").calibration
    assert loaded is not None
    np.testing.assert_array_equal(loaded.bias_V, kept.bias_V)
    assert (loaded.words.encoded(), loaded.keep_unknown) == (words.encoded(), 0.25)
    (tmp_path / "one" / CALIBRATION).write_bytes(b"cut")
    with pytest.raises(DannError, match=CALIBRATION):
        checkpoint.load(tmp_path, "one")


def test_an_architecture_that_does_not_decode_is_no_voice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = saved(tmp_path)
    monkeypatch.setattr(ARCHITECTURES["lstm"], "decodes", False)
    with pytest.raises(DannError) as error:
        checkpoint.load(tmp_path)
    assert str(error.value) == (
        f"{folder}: 'lstm' does not write token by token, so it cannot be a voice; compare it with others by "
        "`dann experiment run`, and train one that does, such as lstm"
    )


@pytest.mark.parametrize(
    ("settings", "guidable"),
    [({"train": {"without_context": 0.1}}, True), ({"train": {"without_context": 0.0}}, False), ({"train": []}, False)],
)
def test_what_learned_to_reply_without_a_conversation_is_guidable(
    tmp_path: Path, settings: dict[str, Any], guidable: bool
) -> None:
    checkpoint.save(tmp_path, "one", network(), TOKENIZER, META.model_copy(update={"settings": settings}))
    assert checkpoint.load(tmp_path, "one").guidable == guidable


def test_saving_is_not_publishing(tmp_path: Path) -> None:
    saved(tmp_path)
    checkpoint.save(tmp_path, "two", network(1), TOKENIZER, META)
    assert checkpoint.current(tmp_path) == "one"
    assert checkpoint.ids(tmp_path) == ["one", "two"]
    checkpoint.publish(tmp_path, "two")
    assert checkpoint.current(tmp_path) == "two"


def test_no_checkpoint_yet_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(DannError, match="run `dann train` first"):
        checkpoint.load(tmp_path / "nothing")


def test_an_unknown_id_lists_those_there_are(tmp_path: Path) -> None:
    saved(tmp_path)
    with pytest.raises(DannError, match=r"no such checkpoint; there are: one$"):
        checkpoint.load(tmp_path, "two")


@pytest.mark.parametrize("name", ["weights.safetensors", "config.json", "tokenizer.json", "meta.json"])
def test_a_flipped_byte_is_refused_by_name(tmp_path: Path, name: str) -> None:
    file = saved(tmp_path) / name
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(DannError, match=rf"checkpoint one is damaged: {re.escape(name)} is not what was written"):
        checkpoint.load(tmp_path)


@pytest.mark.parametrize("name", ["weights.safetensors", "config.json", "tokenizer.json", "meta.json", "manifest.json"])
def test_a_missing_file_is_refused_by_name(tmp_path: Path, name: str) -> None:
    (saved(tmp_path) / name).unlink()
    with pytest.raises(DannError, match=rf"checkpoint one is damaged: {re.escape(name)} is missing"):
        checkpoint.load(tmp_path)


def test_a_later_version_is_refused_by_name(tmp_path: Path) -> None:
    manifest = saved(tmp_path) / "manifest.json"
    content = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(content | {"format": FORMAT_VERSION + 1}))
    with pytest.raises(DannError, match=r"one: written by a later dann \(format 2; this one reads up to 1\); upgrade"):
        checkpoint.load(tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": "x", "files": {}}', '{"format": 1}'])
def test_an_unreadable_manifest_is_damage_not_a_traceback(tmp_path: Path, content: str) -> None:
    (saved(tmp_path) / "manifest.json").write_text(content)
    with pytest.raises(DannError, match=r"manifest.json cannot be read"):
        checkpoint.load(tmp_path)


def test_weights_of_another_network_are_refused() -> None:
    with pytest.raises(DannError, match="not those of the lstm"):
        checkpoint.set_weights(network(hidden_dim=8), checkpoint.weights_of(network(hidden_dim=16)))


def test_publishing_a_damaged_one_leaves_the_one_that_serves(tmp_path: Path) -> None:
    saved(tmp_path)
    checkpoint.save(tmp_path, "two", network(1), TOKENIZER, META)
    (tmp_path / "two" / "weights.safetensors").write_bytes(b"")
    with pytest.raises(DannError, match="checkpoint two is damaged"):
        checkpoint.publish(tmp_path, "two")
    assert checkpoint.load(tmp_path).id == "one"


def in_a_child(action: Callable[[], None]) -> int:
    """Run in a forked child, which may limit or kill itself; returns how it ended."""
    pid = os.fork()
    if not pid:
        try:
            action()
            os._exit(0)
        except DannError as error:
            os._exit(3 if "no room left to save it" in str(error) else 4)
        except BaseException:
            os._exit(5)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning", "ignore:This process.*fork:DeprecationWarning")
def test_a_full_disk_while_saving_leaves_the_old_one_serving(tmp_path: Path) -> None:
    """The limit on a file's size makes the system refuse the write, as a full disk does."""
    saved(tmp_path)
    before = sorted(path.name for path in tmp_path.iterdir())
    model = network(1)
    weights = {name: np.array(array) for name, array in checkpoint.weights_of(model).items()}

    def save() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        with atomic_files.new_folder(tmp_path / "two") as folder:
            (folder / "weights.safetensors").write_bytes(b"".join(array.tobytes() for array in weights.values()))

    assert in_a_child(save) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert checkpoint.load(tmp_path).id == "one"


SAVE_FOREVER = """
import sys
from pathlib import Path
from model.words import WordSet
from tests.model.checkpoints.test_checkpoint import META, TOKENIZER, network
from model.checkpoints import checkpoint
root = Path(sys.argv[1])
model = network()
for number in range(10**6):
    checkpoint.save(root, f"n{number:06}", model, TOKENIZER, META)
    checkpoint.publish(root, f"n{number:06}")
    print(number, flush=True)
"""


def test_kill_at_any_moment_leaves_a_checkpoint_that_loads(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", SAVE_FOREVER, str(tmp_path)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    with child.stdout:
        for _ in range(5):
            child.stdout.readline()
        child.kill()
        child.wait()
    for id_ in checkpoint.ids(tmp_path):
        checkpoint.verify(tmp_path / id_)
    checkpoint.load(tmp_path)
    saved(tmp_path, "after")  # the next save removes leftovers
    assert not list(tmp_path.glob(".*"))


def test_only_the_owner_may_read(tmp_path: Path) -> None:
    folder = saved(tmp_path / "checkpoints")
    assert folder.stat().st_mode & 0o077 == 0
    assert folder.parent.stat().st_mode & 0o077 == 0


def test_carries_are_arrays_of_their_own() -> None:
    """Two names for one buffer cannot be donated to a compiled step."""
    leaves = jax.tree.leaves(network(num_layers=2).initial_carry(3))
    assert len({leaf.unsafe_buffer_pointer() for leaf in leaves}) == len(leaves) == 4
