"""A cached prefix is not read again, and no reply shows whether it was."""

import random

from model.engine.batch import Batch
from model.engine.engine import Engine
from model.engine.prefix_cache import PrefixCache
from model.engine.prompt import Turn
from model.engine.request import ReplyRequest
from model.engine.table_rows import PREFIXES_PER_SLOT
from model.tokenizer import BOS, ME, OTHER
from tests.model.small_networks import WILD, snapshot

SLOTS = 4
"""As in the engine's other tests, so that all compile the same programs."""
HELLO = [BOS, OTHER, 10, 11]
ANSWERED = [*HELLO, ME, 12, OTHER, 13]


def test_the_longest_beginning_that_ends_with_a_turn_is_found() -> None:
    prefixes = PrefixCache([5, 6, 7])
    assert prefixes.find(HELLO) == (0, 0)
    assert prefixes.claim(HELLO) == 7
    assert prefixes.find(HELLO) == prefixes.find(ANSWERED) == (4, 7)
    assert prefixes.claim(ANSWERED) == 6
    assert prefixes.find([*ANSWERED, ME, 20]) == (len(ANSWERED), 6)
    assert prefixes.find([*HELLO, 12]) == (0, 0)  # the turn goes on otherwise
    assert prefixes.find([BOS, OTHER, 10]) == (0, 0)


def test_what_is_there_is_claimed_once_and_the_oldest_makes_room() -> None:
    prefixes = PrefixCache([1, 2])
    first, second, third = ([BOS, OTHER, number] for number in (10, 11, 12))
    rows = prefixes.claim(first), prefixes.claim(second)
    assert sorted(row for row in rows if row) == [1, 2]
    assert prefixes.claim(first) is None
    prefixes.find(first)
    assert prefixes.claim(third) == rows[1]
    assert prefixes.find(second) == (0, 0)
    assert prefixes.find(first) == (3, rows[0])


def test_nothing_is_claimed_where_there_is_nothing() -> None:
    assert PrefixCache([]).claim(HELLO) is None
    assert PrefixCache([1]).claim([]) is None
    assert PrefixCache([1]).find([]) == (0, 0)


def conversations(count: int) -> list[list[Turn]]:
    """Conversations that continue, branch off or repeat earlier ones, each after the one it begins with."""
    rng, found = random.Random(3), [[Turn(mine=False, text="hey")]]
    for _ in range(count - 1):
        before = rng.choice(found)
        words = " ".join(rng.choices(["hey", "the loss", "lol", "😂"], k=rng.randrange(1, 20)))
        more = [Turn(mine=True, text=words), Turn(mine=False, text=words[::-1])]
        found.append([*before, *more[: rng.randrange(3)]])
    return found


def test_a_reply_is_the_same_whether_its_conversation_was_read_before() -> None:
    """Fewer rows than conversations, so that they are reused; each reply against one from a new engine."""
    served = snapshot()
    used = Engine(served, SLOTS)
    assert len(conversations(40)) > PREFIXES_PER_SLOT * SLOTS
    requests = [
        (talk, WILD.model_copy(update={"max_tokens": 9}), number) for number, talk in enumerate(conversations(40))
    ]
    assert used.replies(requests) == [Engine(served, SLOTS).reply(*one) for one in requests]


def test_only_what_is_new_is_read() -> None:
    batch = Batch(snapshot(), SLOTS)
    talk = [Turn(mine=False, text="the loss goes down lol " * 8)]

    def rounds(conversation: list[Turn]) -> int:
        request, count = ReplyRequest(conversation, WILD, 0), 0
        batch.admit(request)
        while not request.generated:
            batch.round()
            count += 1
        request.cancelled = True
        return count

    assert rounds(talk) > 1
    assert rounds(talk) == 1
    assert rounds([*talk, Turn(mine=True, text="lol"), Turn(mine=False, text="hey")]) == 1


def test_replies_that_were_begun_push_no_conversation_out() -> None:
    """What is read of one ends amid the persona's own turn: nobody's conversation goes on from there."""
    batch = Batch(snapshot(), SLOTS)
    talk = [Turn(mine=False, text="the loss goes down lol " * 8)]

    def rounds(conversation: list[Turn], reply_prefix: str = "") -> int:
        request, count = ReplyRequest(conversation, WILD, 0, reply_prefix=reply_prefix), 0
        batch.admit(request)
        while not request.generated:
            batch.round()
            count += 1
        request.cancelled = True
        return count

    assert rounds(talk) > 1
    for number in range(20):
        rounds([Turn(mine=False, text=f"hey {number}")], "the loss goes down")
    assert rounds(talk) == 1


def test_what_was_cancelled_before_it_was_read_is_not_found() -> None:
    batch = Batch(snapshot(), SLOTS)
    talk = [Turn(mine=False, text="the loss goes down lol " * 8)]
    first = ReplyRequest(talk, WILD, 5)
    batch.admit(first)
    batch.round()
    assert not first.generated
    first.cancelled = True
    second = ReplyRequest(talk, WILD, 5)
    batch.admit(second)
    while not second.completion:
        batch.round()
    assert second.completion == Engine(snapshot(), SLOTS).reply(talk, WILD, 5)
