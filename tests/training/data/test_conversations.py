"""How posts become what the network reads: who answered what, where a conversation ends, what is held out."""

from tests.training.small_runs import chat, posts
from training.data.conversations import SOLO_POSTS, Conversation, split_conversations
from training.data.split import newest_tenth
from training.store.post import Post

HOUR = 3600.0


def cut(found: list[Post], gap: float = HOUR, context: int = 8) -> list[Conversation]:
    return list(split_conversations(found, gap, context, newest_tenth(found)))


def said(conversation: Conversation) -> list[str]:
    return [f"{'me' if turn.mine else 'you'}: {turn.text}" for turn in conversation]


def test_turns_of_others_stand_before_ones_own() -> None:
    (only,) = cut(chat([("hi", False), ("hey", True), ("how are you", False), ("fine", True)]))
    assert said(only) == ["you: hi", "me: hey", "you: how are you", "me: fine"]


def test_a_silence_and_a_channel_end_a_conversation() -> None:
    talk = [("a", False), ("b", True)]
    assert len(cut(chat(talk * 2, gap=HOUR + 1))) == 2
    elsewhere = [Post(f"x{p.id}", "elsewhere", p.mine, p.time, p.text) for p in chat(talk)]
    assert [said(c) for c in cut([*chat(talk), *elsewhere])] == [["you: a", "me: b"]] * 2


def test_only_the_nearest_context_stays_and_a_cut_begins_anew() -> None:
    lines = [("hey", True), *[(f"chatter {i}", False) for i in range(20)], ("what", True)]
    first, second = cut(chat(lines), context=3)
    assert said(first) == ["me: hey"]
    assert said(second) == ["you: chatter 17", "you: chatter 18", "you: chatter 19", "me: what"]


def test_no_context_wanted_is_none() -> None:
    assert [said(c) for c in cut(chat([("a", False), ("b", True), ("c", True)]), context=0)] == [["me: b", "me: c"]]


def test_what_nobody_answered_is_left_out() -> None:
    assert cut(chat([("a", True), ("b", False), ("c", False)])) == cut(chat([("a", True)]))[:0] + cut(
        chat([("a", True), ("b", False)])
    )


def test_an_answer_to_an_older_message_has_it_repeated_before_it() -> None:
    talk = chat([("old question", False), ("x", False), ("y", False), ("the answer", True)])
    talk[3] = Post("c3", "chat", True, talk[3].time, "the answer", reply_to="c0")
    (only,) = cut(talk)
    assert said(only)[-2:] == ["you: old question", "me: the answer"]
    assert only[-2].quoted
    talk[3] = Post("c3", "chat", True, talk[3].time, "the answer", reply_to="c2")
    (only,) = cut(talk)
    assert said(only) == ["you: old question", "you: x", "you: y", "me: the answer"]


def test_an_answer_to_a_message_nobody_has_is_only_an_answer() -> None:
    talk = chat([("a", False), ("b", True)])
    talk[1] = Post("c1", "chat", True, talk[1].time, "b", reply_to="gone")
    assert said(cut(talk)[0]) == ["you: a", "me: b"]


def test_the_newest_tenth_of_ones_own_is_held_out_over_all_channels() -> None:
    early, late = posts([f"e{i}" for i in range(50)]), posts([f"l{i}" for i in range(50)], channel="b")
    late = [Post(p.id, p.channel, True, (p.time or 0) + 10**6, p.text) for p in late]
    found = cut([*early, *late])
    held_out = [turn.text for c in found for turn in c if turn.val]
    assert held_out == [f"l{i}" for i in range(40, 50)]
    assert all(len({turn.val for turn in c}) == 1 for c in found)


def test_posts_without_times_are_older_than_all_others_and_keep_their_order() -> None:
    timeless = [Post(f"t{i}", "text", True, None, f"t{i}") for i in range(50)]
    timed = posts([f"p{i}" for i in range(50)])
    assert [turn.text for c in cut([*timed, *timeless]) for turn in c if turn.val] == [f"p{i}" for i in range(40, 50)]
    assert [turn.text for c in cut(timeless) for turn in c if turn.val] == [f"t{i}" for i in range(45, 50)]


def test_where_nobody_else_is_heard_posts_run_together_whatever_the_gaps() -> None:
    found = cut(posts([str(i) for i in range(90)], gap=10 * HOUR))
    train = [c for c in found if not c[-1].val]
    assert [len(c) for c in train] == [SOLO_POSTS] * 10 + [1]
    assert all(turn.alone for c in found for turn in c)
