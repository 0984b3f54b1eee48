"""Text that goes on from given tokens, where there is no conversation. Knows no network and no threads."""

from collections.abc import Sequence

from model.config import SamplingParams
from model.engine.completion import Completion
from model.engine.request import ReplyRequest
from model.tokenizer import Tokenizer


class ContinuationRequest(ReplyRequest):
    """`params.max_tokens` tokens after given ones, special ones too: for networks of plain text."""

    def __init__(self, prompt: Sequence[int], params: SamplingParams, seed: int) -> None:
        super().__init__([], params, seed)
        self._prompt = list(prompt)

    def tokenize(self, tokenizer: Tokenizer, checkpoint: str, *_: object) -> None:
        """Take the prompt as it is. Nothing is guarded or drawn again: nobody but who trains gets such text."""
        self.tokenizer, self.checkpoint = tokenizer, checkpoint
        *self.unread, self.last = self._prompt

    def accept(self, tokens: Sequence[int]) -> int:
        """Append generated tokens; special ones do not end the text."""
        tokens = tokens[: self.params.max_tokens - len(self.generated)]
        self.generated += tokens
        self.last = self.generated[-1]
        if len(self.generated) == self.params.max_tokens:
            text = self.tokenizer.decode(self.generated)
            self.completion = Completion(text, self.seed, len(self.generated), "length", self.checkpoint)
        return len(tokens)
