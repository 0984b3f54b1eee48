"""What is remembered of a place, and that it stays bounded and apart from every other place."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bot.replies.context import conversation_to_answer, speaker_names, to_turns
from bot.replies.history import MAX_CHARACTERS, History
from bot.replies.types import Channel, Command
from model.config import SamplingParams
from model.engine.engine import Turn
from tests.bot.scripted_engine import ANN, GROUP, ME, PRIVATE, SAM, mention, said


def ids(memory: History, channel: Channel = GROUP, time: float = 1000.0) -> list[str]:
    return [one.id for one in memory.before(channel, said("now", time=time))]


def test_messages_are_read_oldest_first_whatever_order_they_come_in() -> None:
    memory = History(10, 100, 10)
    for id_, time in (("c", 3.0), ("a", 1.0), ("b", 2.0), ("d", 3.0)):
        memory.add(GROUP, said(id_, time=time))
    assert ids(memory, time=3.0) == ["a", "b", "c", "d"]
    memory.add(GROUP, said("now", time=2.0))
    memory.add(GROUP, said("late", time=2.0))
    assert ids(memory, time=2.0) == ["a", "b"]


def test_a_message_heard_twice_is_there_once() -> None:
    memory = History(10, 100, 10)
    memory.add(GROUP, said("a", "first"))
    memory.edit(GROUP, "a", "better")
    memory.add(GROUP, said("a", "first"))
    assert [one.text for one in memory.before(GROUP, said("now"))] == ["better"]


def test_it_is_bounded_in_number_and_in_age() -> None:
    memory = History(3, 100, 10)
    for number in range(10):
        memory.add(GROUP, said(str(number), time=number * 40.0))
    assert ids(memory, time=360.0) == ["7", "8", "9"]
    assert ids(memory, time=390.0) == ["8", "9"]
    memory.add(GROUP, said("late", time=270.0))
    assert ids(memory, time=360.0) == ["7", "8", "9"]
    memory.add(GROUP, said("x", "y" * 100_000, time=500.0))
    assert ids(memory, time=500.0) == ["x"]
    assert len(memory.before(GROUP, said("now", time=500.0))[0].text) == MAX_CHARACTERS


def test_the_message_that_is_answered_takes_no_other_ones_place() -> None:
    memory = History(3, 100, 10)
    for id_ in ("a", "b", "c", "now"):
        memory.add(GROUP, said(id_))
    assert ids(memory) == ["a", "b", "c"]


def test_the_older_half_is_forgotten_at_once_so_that_a_conversation_begins_alike_for_a_while() -> None:
    memory, begins = History(6, 1e6, 10), []
    for number in range(30):
        memory.add(GROUP, said(str(number), time=float(number)))
        read = [one.id for one in memory.before(GROUP, said(str(number), time=float(number)))]
        assert read == [str(one) for one in range(number - len(read), number)]
        assert min(number, 3) <= len(read) <= 6
        begins += read[:1]
    assert len(set(begins)) <= 30 / 4 + 1


def test_it_is_bounded_in_places() -> None:
    memory = History(3, 100, 2)
    places = [Channel("discord", str(number)) for number in range(3)]
    for channel in (places[0], places[1], places[0], places[2]):
        memory.add(channel, said("a" if channel == places[0] else channel.chat))
    assert [bool(ids(memory, channel)) for channel in places] == [True, False, True]
    memory.add(GROUP, said("much later", time=5000.0))
    assert len(memory) == 1


def test_nothing_is_read_where_config_says_so() -> None:
    memory = History(0, 100, 2)
    memory.add(GROUP, said("a"))
    memory.add(GROUP, said("b"))
    assert ids(memory) == []


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 20), st.floats(0, 1e6)), max_size=60))
def test_it_stays_bounded_whatever_is_heard(events: list[tuple[int, int, float]]) -> None:
    memory = History(4, 100, 3)
    for channel, id_, time in events:
        memory.add(Channel("discord", str(channel)), said(str(id_), time=time))
        assert len(memory) <= 15


def test_a_deleted_message_is_gone_also_where_it_is_heard_only_later() -> None:
    memory = History(10, 100, 10)
    memory.add(GROUP, said("a"))
    memory.delete(GROUP, "a")
    memory.delete(GROUP, "b")
    memory.add(GROUP, said("b"))
    memory.add(PRIVATE, said("b"))
    assert ids(memory) == []
    assert ids(memory, PRIVATE) == ["b"]
    memory.edit(GROUP, "b", "x")
    assert memory.find(GROUP, "b") is None


def test_every_part_of_a_place_keeps_it_apart() -> None:
    memory = History(10, 100, 100)
    here = Channel("discord", "1", "2", "3")
    others = [
        replace(here, **change)
        for change in ({"platform": "telegram"}, {"chat": "9"}, {"thread": "9"}, {"guild": "9"}, {"private": True})
    ]
    memory.add(here, said("secret"))
    for other in others:
        memory.add(other, said("own"))
        assert ids(memory, other) == ["own"]
    assert ids(memory, here) == ["secret"]


def heard(*messages: tuple[str, float]) -> History:
    memory = History(10, 100, 10)
    for id_, time in messages:
        memory.add(GROUP, said(id_, id_, time=time))
    return memory


def read(memory: History, **asking: object) -> list[str]:
    return [one.id for one in conversation_to_answer(memory, mention("m", time=50.0, **asking))]  # type: ignore[arg-type]


def test_the_prompt_is_the_chain_then_what_was_said_lately_then_the_mention() -> None:
    memory = heard(("x", 40.0), ("m", 50.0), ("after", 51.0))
    chain = (said("old", time=-900.0), said("older reply", time=-800.0))
    assert read(memory, chain=chain) == ["old", "older reply", "x", "m"]


def test_no_message_is_read_twice() -> None:
    memory = heard(("x", 40.0), ("y", 45.0))
    assert read(memory, chain=(said("x", time=40.0), said("m", time=50.0))) == ["x", "y", "m"]


def test_what_was_edited_is_read_as_it_is_now() -> None:
    memory = heard(("x", 40.0))
    memory.edit(GROUP, "x", "new words")
    read_now = conversation_to_answer(memory, mention("m", time=50.0, chain=(said("x", "old words", time=40.0),)))
    assert [one.text for one in read_now] == ["new words", "hi"]


def test_a_chain_of_which_the_platform_tells_one_message_is_followed_in_memory() -> None:
    memory = History(10, 1000, 10)
    memory.add(GROUP, said("a", time=1.0, reply_to="c"))  # a circle, which no platform sends
    memory.add(GROUP, said("b", time=2.0, reply_to="a"))
    memory.add(GROUP, said("c", time=3.0, reply_to="b"))
    assert read(memory, chain=(said("c", time=3.0, reply_to="b"),)) == ["a", "b", "c", "m"]
    asking = replace(mention("m", time=50.0), message=said("m", time=50.0, reply_to="b"))
    assert [one.id for one in conversation_to_answer(memory, asking)] == ["a", "b", "c", "m"]


def test_dann_by_command_reads_its_words_and_what_they_answer_and_nothing_else() -> None:
    memory = heard(("x", 40.0))
    asked = Command("what now", SamplingParams(), 7)
    assert read(memory, asked=asked) == ["m"]
    found = conversation_to_answer(memory, mention("m", "/dann", asked=asked, chain=(said("c", "why"),)))
    assert to_turns(found) == [Turn(mine=False, text="why"), Turn(mine=False, text="what now")]


def test_turns_are_as_the_network_was_trained_on() -> None:
    messages = [said("a", " hey "), said("b", "  "), said("c", "@\u200beveryone lol", ME), said("d", "", ANN)]
    assert to_turns(messages) == [Turn(mine=False, text="hey"), Turn(mine=True, text="@everyone lol")]


def test_speakers_are_named_once_the_persona_first() -> None:
    messages = [said("a", author=SAM), said("b", author=ME), said("c", author=ANN), said("d", author=SAM)]
    assert speaker_names("dann", messages) == ["dann", "Sam", "Ann"]
