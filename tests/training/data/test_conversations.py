"""Splitting posts into conversations: replies, ends of conversations, held-out posts."""

from tests.training.small_runs import chat, posts
from training.config.tables import DataConfig
from training.data.conversations import SOLO_POSTS, Conversation, split_conversations
from training.data.split import newest_tenth
from training.store.post import Post

HOUR = 3600.0


def split(stored: list[Post], gap: float = HOUR, context: int = 8) -> list[Conversation]:
    config = DataConfig(conversation_gap_minutes=gap / 60, context_turns=context)
    return list(split_conversations(stored, config, newest_tenth(stored)))


def spoken(conversation: Conversation) -> list[str]:
    return [f"{'me' if turn.mine else 'you'}: {turn.text}" for turn in conversation]


def test_turns_of_others_stand_before_ones_own() -> None:
    (only,) = split(chat([("hi", False), ("hey", True), ("how are you", False), ("fine", True)]))
    assert spoken(only) == ["you: hi", "me: hey", "you: how are you", "me: fine"]


def test_a_silence_and_a_channel_end_a_conversation() -> None:
    talk = [("a", False), ("b", True)]
    assert len(split(chat(talk * 2, gap=HOUR + 1))) == 2
    elsewhere = [Post(f"x{p.id}", "elsewhere", p.mine, p.time, p.text) for p in chat(talk)]
    assert [spoken(c) for c in split([*chat(talk), *elsewhere])] == [["you: a", "me: b"]] * 2


def test_only_the_nearest_context_stays_and_a_cut_begins_anew() -> None:
    lines = [("hey", True), *[(f"chatter {i}", False) for i in range(20)], ("what", True)]
    first, second = split(chat(lines), context=3)
    assert spoken(first) == ["me: hey"]
    assert spoken(second) == ["you: chatter 17", "you: chatter 18", "you: chatter 19", "me: what"]


def test_no_context_wanted_is_none() -> None:
    assert [spoken(c) for c in split(chat([("a", False), ("b", True), ("c", True)]), context=0)] == [["me: b", "me: c"]]


def test_what_nobody_answered_is_left_out() -> None:
    assert split(chat([("a", True), ("b", False), ("c", False)])) == split(chat([("a", True)]))[:0] + split(
        chat([("a", True), ("b", False)])
    )


def test_an_answer_to_an_older_message_has_it_repeated_before_it() -> None:
    talk = chat([("old question", False), ("x", False), ("y", False), ("the answer", True)])
    talk[3] = Post("c3", "chat", True, talk[3].time, "the answer", reply_to="c0")
    (only,) = split(talk)
    assert spoken(only)[-2:] == ["you: old question", "me: the answer"]
    assert only[-2].quoted
    talk[3] = Post("c3", "chat", True, talk[3].time, "the answer", reply_to="c2")
    (only,) = split(talk)
    assert spoken(only) == ["you: old question", "you: x", "you: y", "me: the answer"]


def test_an_answer_to_a_message_nobody_has_is_only_an_answer() -> None:
    talk = chat([("a", False), ("b", True)])
    talk[1] = Post("c1", "chat", True, talk[1].time, "b", reply_to="gone")
    assert spoken(split(talk)[0]) == ["you: a", "me: b"]


def test_the_newest_tenth_of_ones_own_is_held_out_over_all_channels() -> None:
    early, late = posts([f"e{i}" for i in range(50)]), posts([f"l{i}" for i in range(50)], channel="b")
    late = [Post(p.id, p.channel, True, (p.time or 0) + 10**6, p.text) for p in late]
    conversations = split([*early, *late])
    held_out = [turn.text for c in conversations for turn in c if turn.val]
    assert held_out == [f"l{i}" for i in range(40, 50)]
    assert all(len({turn.val for turn in c}) == 1 for c in conversations)


def test_posts_without_times_are_older_than_all_others_and_keep_their_order() -> None:
    timeless = [Post(f"t{i}", "text", True, None, f"t{i}") for i in range(50)]
    timed = posts([f"p{i}" for i in range(50)])
    assert [turn.text for c in split([*timed, *timeless]) for turn in c if turn.val] == [f"p{i}" for i in range(40, 50)]
    assert [turn.text for c in split(timeless) for turn in c if turn.val] == [f"t{i}" for i in range(45, 50)]


def test_where_nobody_else_is_heard_posts_run_together_whatever_the_gaps() -> None:
    conversations = split(posts([str(i) for i in range(90)], gap=10 * HOUR))
    train = [c for c in conversations if not c[-1].val]
    assert [len(c) for c in train] == [SOLO_POSTS] * 10 + [1]
    assert all(turn.alone for c in conversations for turn in c)
