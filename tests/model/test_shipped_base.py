"""The base that ships: whole, small, and with those whose texts it read."""

from model.base.datasheet import lines
from model.base.find import SHIPPED
from model.base.load import load_base
from model.config import SamplingParams
from model.engine.engine import Engine, Turn
from model.words import WordSet

NAME = "english"
FOLDER = SHIPPED / NAME
MOST_BYTES = 12_000_000


def test_it_loads_from_anywhere_and_writes_words() -> None:
    base, sheet = load_base(SHIPPED / "no-folder-of-bases", NAME)
    assert sheet.architecture.startswith(base.model.config.architecture)
    words = WordSet.load(FOLDER)
    reply = Engine(base).reply([Turn(mine=False, text="what did you eat?")], SamplingParams(max_tokens=40), 0).text
    known = [word.strip(".,!?").lower() in words for word in reply.split()]
    assert known.count(True) > known.count(False)


def test_it_is_small() -> None:
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) <= MOST_BYTES


def test_every_text_it_read_is_credited() -> None:
    _, sheet = load_base(SHIPPED, NAME)
    assert sheet.licence == "CC BY 4.0"
    assert len(sheet.sources) == 14
    for source in sheet.sources:
        assert source.licence, source.name
        assert source.origin, source.name
        assert source.attribution, source.name
        assert source.val_bpb, source.name
        assert source.longest_copy is not None, source.name


def test_its_document_is_its_datasheet() -> None:
    """If this fails: dann base info english > model/base/BASE.md."""
    _, sheet = load_base(SHIPPED, NAME)
    size = sum(file.stat().st_size for file in FOLDER.iterdir())
    assert (SHIPPED / "BASE.md").read_text() == "\n".join(lines(sheet, size)) + "\n"
