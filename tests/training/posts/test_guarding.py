"""A checkpoint's index: made of the store when it is trained or loaded, kept as long as it, never served without or half."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from model.checkpoints import checkpoint, guard_file
from model.checkpoints.guard_file import GUARD
from model.checkpoints.rewriting import rewrite_meta
from model.errors import DannError
from tests.model.privacy.test_reply_guard import refused_at
from tests.model.small_networks import META, snapshot
from tests.training.full_disk import full_disk
from training.config.tables import Settings
from training.posts import guarding
from training.posts.guarding import guard_checkpoint, load_guarded
from training.posts.secret_file import author_key
from training.store.post import Post
from training.store.posts import PostStore, open_store
from training.store.selector import Selector

TEXTS = (
    "we never told anybody where the key of the old shed is kept",
    "call 07700 900123",
    "write to jo@example.org",
    "and who fed the cat of our neighbours while they were gone",
)
LATER = "this was imported long after the network was trained, so what"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a data folder whose store has four posts that checkpoint "one" learned, and one that came later."""
    settings = Settings.model_validate({"data": {"dir": tmp_path}})
    with open_store(settings.data.store_url) as store:
        author_key(settings.data, store)
        with store.writing() as writer:
            writer.add([Post(f"p{n}", "c", n % 2 == 0, 86_400.0 * n, text) for n, text in enumerate((*TEXTS, LATER))])
    save(settings, "one")
    return settings


@pytest.fixture
def store(settings: Settings) -> Iterator[PostStore]:
    with open_store(settings.data.store_url) as opened:
        yield opened


def save(settings: Settings, id_: str, highest_seq: int | None = 4, seed: int = 3, started_from: str = "") -> Path:
    held = snapshot(seed=seed)
    meta = META.model_copy(update={"highest_seq": highest_seq, "started_from": started_from})
    checkpoint.save(settings.data.checkpoints, id_, held.model, held.tokenizer, meta)
    return settings.data.checkpoints / id_


def refused(settings: Settings, id_: str = "one") -> list[str]:
    """Which of the texts a checkpoint's guard refuses."""
    guard = load_guarded(settings, settings.data.checkpoints, id_).guard
    assert guard is not None
    return [text for text in (*TEXTS, LATER) if refused_at(guard, text)]


def with_privacy(settings: Settings, **privacy: object) -> Settings:
    return Settings.model_validate({"data": settings.data, "privacy": privacy})


def whats_wrong(settings: Settings, id_: str = "one") -> str:
    with pytest.raises(DannError) as error:
        load_guarded(settings, settings.data.checkpoints, id_)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_checkpoint_without_an_index_gets_that_of_the_posts_it_learned(settings: Settings) -> None:
    folder = settings.data.checkpoints / "one"
    assert not (folder / GUARD).exists()
    assert refused(settings) == list(TEXTS)
    made = (folder / GUARD).read_bytes()
    assert (folder / GUARD).stat().st_mode & 0o777 == 0o600
    assert refused(settings) == list(TEXTS)
    assert (folder / GUARD).read_bytes() == made
    save(settings, "all", highest_seq=None)
    assert refused(settings, "all") == [*TEXTS, LATER]


def test_a_forgotten_post_is_guarded_as_long_as_a_checkpoint_learned_it(settings: Settings, store: PostStore) -> None:
    refused(settings)
    with store.writing() as writer:
        writer.forget(writer.find(Selector(contains="the old shed")).ids)
    save(settings, "warm", seed=4)
    save(settings, "scratch", seed=5)
    guard_checkpoint(settings, "warm", (), parent="one")
    guard_checkpoint(settings, "scratch", (), parent=None)
    assert refused(settings) == refused(settings, "warm") == list(TEXTS)
    assert refused(settings, "scratch") == list(TEXTS[1:])
    save(settings, "killed", seed=6, started_from="warm")
    assert refused(settings, "killed") == list(TEXTS)


def test_what_was_read_of_a_post_that_was_edited_meanwhile_is_guarded_too(settings: Settings) -> None:
    before = "before the edit it said where the key of the shed is kept"
    guard_checkpoint(settings, "one", [TEXTS[0], before], parent=None)
    guard = load_guarded(settings, settings.data.checkpoints, "one").guard
    assert guard is not None
    assert refused_at(guard, before)
    assert guard.tables.posts == len(TEXTS) + 1


def test_words_that_were_added_are_guarded_and_what_was_forgotten_stays(settings: Settings, store: PostStore) -> None:
    refused(settings)
    with store.writing() as writer:
        writer.forget(writer.find(Selector(contains="the old shed")).ids)
    file = settings.data.checkpoints / "one" / GUARD
    before = file.read_bytes()
    changed = with_privacy(settings, words=["cat"])
    guard = load_guarded(changed, settings.data.checkpoints, "one").guard
    assert guard is not None
    assert refused_at(guard, "a cat") == ("own", 5)
    assert refused_at(guard, TEXTS[0])
    assert file.read_bytes() != before
    made = file.stat().st_mtime_ns
    load_guarded(changed, settings.data.checkpoints, "one")
    assert file.stat().st_mtime_ns == made


def test_with_the_guard_off_nothing_is_made_or_needed(settings: Settings) -> None:
    off = with_privacy(settings, guard=False)
    settings.data.store_file.unlink()
    assert load_guarded(off, settings.data.checkpoints, "one").guard is None
    guard_checkpoint(off, "one", TEXTS, parent=None)
    assert not (settings.data.checkpoints / "one" / GUARD).exists()


def test_a_network_that_learned_no_posts_needs_none(settings: Settings) -> None:
    settings.data.store_file.unlink()
    rewrite_meta(settings.data.checkpoints, "one", lambda meta: meta.replace(b'"posts": 4', b'"posts": 0'))
    assert load_guarded(settings, settings.data.checkpoints, "one").guard is None


def test_without_store_and_index_it_does_not_serve(settings: Settings) -> None:
    settings.data.store_file.unlink()
    told = whats_wrong(settings)
    assert "one: has no index of what it may not recite, and there is no store to make one of" in told
    assert "or set [privacy] guard = false" in told
    guard_checkpoint(settings, "one", TEXTS, parent=None)  # a training of posts that are in no store
    assert not (settings.data.checkpoints / "one" / GUARD).exists()


def test_a_store_without_the_posts_is_as_good_as_none(
    settings: Settings, store: PostStore, caplog: pytest.LogCaptureFixture
) -> None:
    """Another's, a new one, or one in which all is forgotten: an index of nothing would let everything pass."""
    folder = settings.data.checkpoints / "one"
    with store.writing() as writer:
        writer.forget(writer.find(Selector(contains=TEXTS[0])).ids)
    assert refused(settings) == list(TEXTS[1:])
    assert "one learned 4 posts, and the store has 3: replies may recite the rest" in caplog.text
    (folder / GUARD).unlink()
    with store.writing() as writer:
        writer.forget(writer.find(Selector(contains=" ")).ids)
    assert "the store has none of the posts that it learned; bring back the store that has them" in whats_wrong(
        settings
    )
    assert not (folder / GUARD).exists()


def test_an_index_of_another_checkpoint_or_installation_is_refused(settings: Settings) -> None:
    refused(settings)
    other = save(settings, "other", seed=4)
    (other / GUARD).write_bytes((settings.data.checkpoints / "one" / GUARD).read_bytes())
    assert f"{other / GUARD}: belongs to another checkpoint; remove it" in whats_wrong(settings, "other")
    secret = settings.data.dir / "secret"
    secret.write_text("0" * 64 + "\n")
    assert "was made with another installation's secret" in whats_wrong(settings)
    secret.unlink()
    assert f"{secret}: is gone, and" in whats_wrong(settings)


@pytest.mark.parametrize("keep", [0, 20, -1])
def test_an_index_that_is_cut_is_refused_and_made_again_once_it_is_removed(settings: Settings, keep: int) -> None:
    refused(settings)
    file = settings.data.checkpoints / "one" / GUARD
    file.write_bytes(file.read_bytes()[:keep])
    assert f"{file}: is damaged" in whats_wrong(settings)
    file.unlink()
    assert refused(settings) == list(TEXTS)


def test_a_full_disk_leaves_none_and_it_does_not_serve(settings: Settings, store: PostStore) -> None:
    assert len(list(store.posts())) == 5  # it is open: nothing of it has to be written
    with full_disk(200):
        assert "no room left to save it" in whats_wrong(settings)
        with pytest.raises(DannError, match="one is saved, and does not serve: it has no index"):
            guard_checkpoint(settings, "one", TEXTS, parent=None)
    folder = settings.data.checkpoints / "one"
    assert {path.name for path in folder.iterdir()} == {
        "weights.safetensors", "config.json", "tokenizer.json", "meta.json", "manifest.json"
    }  # fmt: skip
    assert refused(settings) == list(TEXTS)


def test_what_a_kill_left_is_no_index(settings: Settings) -> None:
    """The file is written beside its place, and appears whole."""
    folder = settings.data.checkpoints / "one"
    (folder / f".aside-{GUARD}").write_bytes(b"dannguar and no more")
    assert refused(settings) == list(TEXTS)
    assert not list(folder.glob(".aside-*"))


def test_two_that_make_it_at_once_both_serve(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have looked before either has written."""
    both = threading.Barrier(2, timeout=30)
    written = guard_file.write_guard

    def write(*given: object) -> None:
        both.wait()
        written(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(guarding, "write_guard", write)
    found: list[list[str]] = []
    threads = [threading.Thread(target=lambda: found.append(refused(settings))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [list(TEXTS)] * 2
    assert refused(settings) == list(TEXTS)


def test_it_goes_with_its_checkpoint_and_stays_when_its_meta_is_rewritten(settings: Settings) -> None:
    refused(settings)
    file = settings.data.checkpoints / "one" / GUARD
    before = file.read_bytes()
    rewrite_meta(settings.data.checkpoints, "one", lambda meta: meta.replace(b'"posts": 4', b'"posts": 5'))
    assert file.read_bytes() == before
    assert refused(settings) == list(TEXTS)
