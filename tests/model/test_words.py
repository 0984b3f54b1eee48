"""A base's words are found again after a way through its file."""

from pathlib import Path

from model.words import WORDS, WordSet


def test_words_are_found_and_others_are_not(tmp_path: Path) -> None:
    words = [f"word{number}" for number in range(5_000)]
    (tmp_path / WORDS).write_bytes(WordSet.of([*words, *words]).encoded())
    loaded = WordSet.load(tmp_path)
    assert len(loaded) == len(words)
    assert all(word in loaded for word in words)
    assert sum(f"other{number}" in loaded for number in range(5_000)) <= 1


def test_a_base_without_words_has_none(tmp_path: Path) -> None:
    assert "word" not in WordSet.load(tmp_path)
    assert "word" not in WordSet.load(tmp_path / "gone")
