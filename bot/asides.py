"""What dann wrote that was not its voice: refusals, footers, answers to owners. The network never reads these again.

They come back from the platforms among dann's own messages, and would be taken for something that it said.
"""

from collections import deque

MOST_ASIDES = 256


class Asides:
    """The last lines of this kind."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=MOST_ASIDES)

    def add(self, text: str) -> str:
        """Remember the lines of what is about to be sent, and return it."""
        self._lines.extend(line for line in text.split("\n") if line not in self._lines)
        return text

    def without(self, text: str) -> str:
        """Return what is left of one of dann's own messages, "" if nothing."""
        kept = [line for line in text.split("\n") if not any(aside in line for aside in self._lines)]
        return "\n".join(kept).strip()
