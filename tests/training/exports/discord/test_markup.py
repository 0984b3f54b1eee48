"""Rendering Discord's markup, and hiding mentioned names."""

import pytest

from training.exports.discord import markup


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("<@12> and <@!12> and <@&9>", "@someone and @someone and @someone"),
        ("<:hedge_hog:12><a:spin:13>", ":hedge_hog::spin:"),
        ("see <#44>", "see #channel"),
        ("</weather today:77> works", "/weather today works"),
        ("from <t:1700000000:R> on, or <t:-5>", "from on, or"),
        ("a < b, <b>, <@fox>, <3", "a < b, <b>, <@fox>, <3"),
    ],
)
def test_markup_becomes_what_people_see_and_everything_else_stays(raw: str, shown: str) -> None:
    assert markup.render(raw) == shown


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("@Fox hi", "@someone hi"),
        ("hi @FOX, and @red panda!", "hi @someone, and @someone!"),
        ("@red pandas", "@someone pandas"),
        ("@foxes fox @ fox", "@someone fox @ fox"),
        ("@@fox@fox", "@@someone@someone"),
        ("@Lurking Lou, @o'hara-9: hi", "@someone Lou, @someone: hi"),
        ("@everyone, @here: to me@example.org @ six, @6pm", "@everyone, @here: to me@example.org @ six, @6pm"),
        ("nobody", "nobody"),
    ],
)
def test_the_longest_whole_name_after_an_at_sign_is_hidden(text: str, hidden: str) -> None:
    assert markup.hide_names(text, {"fox", "red", "red panda"}) == hidden


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("> how are you\nfine thanks @someone!", "fine thanks @someone!"),
        ("> one\n> two\n>\n> three\n@someone yes\n> no", "@someone yes\n> no"),
        ("> how are you", ""),
        ("> be me\n> 23", ""),
        (">>> all of\nthis @someone", ""),
        ("> how are you\nfine", "> how are you\nfine"),
        ("as you say\n> how are you\n@someone", "as you say\n> how are you\n@someone"),
        (">_> hm\n@someone", ">_> hm\n@someone"),
        (">", ">"),
        ("a > b", "a > b"),
        ("", ""),
    ],
)
def test_a_quote_is_nobodys_own_words(text: str, own: str) -> None:
    assert markup.without_quote(text) == own
