"""Events as bytes."""

import json

from bot.web.http.sse import encode_event


def test_an_event_is_one_line_also_for_clients_that_end_lines_wherever_unicode_does() -> None:
    text = "".join(map(chr, range(0x3000)))
    event = encode_event(text=text).decode()
    line, empty = event.splitlines()
    assert (json.loads(line.removeprefix("data: ")), empty) == ({"text": text}, "")
