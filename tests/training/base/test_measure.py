"""What a base recites: words that only one or two messages have."""

from training.base.measure import rare_share

MESSAGES = [
    "Jonquil said hello there",
    "hello there again",
    "there is nothing",
    "mail a.jonquil@place",
    "hello Maxwell",
]


def test_a_reply_with_a_word_of_one_or_two_messages_counts_and_common_short_and_new_words_do_not() -> None:
    assert rare_share(["it was JONQUIL!"], MESSAGES) == 1.0
    assert rare_share(["hello there", "is it", "elephants everywhere"], MESSAGES) == 0.0
    assert rare_share(["ask maxwell", "hello", "mail a.jonquil@place", "so"], MESSAGES) == 0.5
    assert rare_share(["hello"], [*MESSAGES, "hello"]) == 0.0
