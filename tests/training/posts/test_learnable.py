"""The one way from stored posts to what reads them: masked, without what is dropped or kept out. No reader goes around it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_layers import LAYERS, ROOT
from training.config.privacy import PrivacyConfig
from training.config.tables import DataConfig, Settings
from training.posts.learnable import learnable_posts, learnable_text, mask_phrases, masked_posts
from training.store.post import Post
from training.store.posts import open_store

NUMBER, ADDRESS = "+49 171 3920012", "jo@example.org"
READS = {"posts", "posts_up_to", "text_of"}
"""Methods of PostStore that return the text of posts as it is stored."""
MAY_READ = {"training/posts/learnable.py", "training/cli/private.py", "training/posts/guarding.py"}
"""What masks, what shows the owner at the terminal what is to be masked, and what keeps replies from repeating it."""


def post(id_: str, text: str, channel: str = "telegram:77", *, mine: bool = True) -> Post:
    return Post(id_, channel, mine, 1.0, text, source="telegram")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(data=DataConfig(dir=tmp_path))
    with open_store(settings.data.store_url) as store, store.writing() as writer:
        writer.add(
            [post("1", f"call {NUMBER}"), post("2", f"or {ADDRESS}", "telegram:78:5", mine=False), post("3", "hm")]
        )
    return settings


def read(settings: Settings, **privacy: object) -> list[tuple[str, str]]:
    table = PrivacyConfig.model_validate(privacy)
    return [(one.id, one.text) for one in learnable_posts(settings.model_copy(update={"privacy": table}))]


def test_posts_that_were_stored_before_are_masked_mine_and_others(settings: Settings) -> None:
    assert read(settings) == [("1", "call my number"), ("3", "hm"), ("2", "or my email")]
    with open_store(settings.data.store_url) as store:
        assert store.text_of("1") == f"call {NUMBER}"  # the store keeps it: a false hit can be undone
    assert learnable_text(settings, "1") == "call my number"
    assert learnable_text(settings, "none") is None


def test_policies_words_and_phrases_are_those_of_the_table(settings: Settings) -> None:
    assert read(settings, phone="drop", email="keep") == [("3", "hm"), ("2", f"or {ADDRESS}")]
    assert read(settings, words=["hm"], says={"own": "it"})[1] == ("3", "it")


@pytest.mark.parametrize("pattern", ["telegram:78", "telegram:78:5", "*:78", "telegram:78:*"])
def test_a_channel_is_kept_out_with_its_topics(settings: Settings, pattern: str) -> None:
    assert [id_ for id_, _ in read(settings, except_channels=[pattern])] == ["1", "3"]


def test_a_channel_that_is_not_there_is_told(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    assert len(read(settings, except_channels=["telegram:7"])) == 3
    assert "no channel that is stored is called telegram:7" in caplog.text


def test_a_new_tokenizer_has_the_masks_that_it_reads() -> None:
    posts = list(masked_posts([post("1", f"call {NUMBER}"), post("2", "an email")], PrivacyConfig()))
    assert mask_phrases([one.text for one in posts], PrivacyConfig()) == ["my number"]
    assert mask_phrases(["my number"], PrivacyConfig(phone="keep")) == []


def readers(root: Path) -> Iterator[str]:
    """Calls in the product by which text is read as it is stored."""
    for path in sorted(path for layer in LAYERS for path in (root / layer).rglob("*.py")):
        file = path.relative_to(root).as_posix()
        if file in MAY_READ or file.startswith("training/store/"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in READS:
                of = ast.unparse(node.func.value)
                if of != "self":  # an attribute of its own by the same name
                    yield f"{file}:{node.lineno}: {of}.{node.func.attr}()"
            if isinstance(node, ast.ImportFrom) and node.module == "training.store.tables":
                yield f"{file}:{node.lineno}: imports the store's tables"


def test_nothing_reads_the_store_but_the_one_way() -> None:
    """If this fails: read posts by `learnable_posts`, or what is private is learned, shown or counted there."""
    assert list(readers(ROOT)) == []
    calls = ("store.posts()", "store.posts_up_to(")
    assert {file for file in MAY_READ if any(call in (ROOT / file).read_text() for call in calls)} == MAY_READ


def test_the_walk_catches_a_reader_that_goes_around(tmp_path: Path) -> None:
    for layer in LAYERS:
        (tmp_path / layer).mkdir()
    (tmp_path / "bot" / "sneaky.py").write_text("with open_store(url) as store:\n    print(list(store.posts()))\n")
    (tmp_path / "training" / "raw.py").write_text("from training.store.tables import POSTS\n")
    assert list(readers(tmp_path)) == [
        "bot/sneaky.py:2: store.posts()", "training/raw.py:1: imports the store's tables"
    ]  # fmt: skip
