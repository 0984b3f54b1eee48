"""What version 1 of the page kept in the browser, as it wrote it."""

import json
from typing import Any

PARAMS = {
    "temperature": 1, "guidance": 0, "candidates": 1, "top_p": 1, "top_k": 0, "min_p": 0, "repetition_penalty": 1,
    "max_tokens": 60,
}  # fmt: skip


def reply(text: str, *tokens: str, messages: Any = (), state: str = "stop") -> dict[str, Any]:
    drawn = [
        {"id": 300 + number, "text": token, "logprob": -0.5, "entropy": 1.5, "top": [[300 + number, token, -0.5]]}
        for number, token in enumerate(tokens)
    ]
    return {
        "messages": [*messages], "params": PARAMS, "seed": 7, "checkpoint": "20260101-000000",
        "begun": {"ids": [], "text": ""}, "text": text, "tokens": drawn, "state": state, "note": "",
    }  # fmt: skip


OLD_CONVERSATIONS = json.dumps(
    [
        {
            "id": "17600000000001", "at": 1_760_000_000_000,
            "turns": [
                {"asked": "and you?", "replies": [reply("so so"), reply("fine lol")], "chosen": 1},
                {"asked": "good", "replies": [reply("nice", "ni", "ce")], "chosen": 0},
            ],
        },
        {"id": "17500000000002", "at": 1_750_000_000_000, "turns": [{"asked": "older", "replies": [], "chosen": 0}]},
    ]
)  # fmt: skip
