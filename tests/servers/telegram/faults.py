"""What goes wrong on the way: set by a test, met by the next requests."""

from collections import defaultdict, deque
from dataclasses import dataclass
from typing import Literal

Kind = Literal["error", "too_many", "hang", "garbage", "reset"]


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong with one request.

    "error" answers with status `code` and a gateway's page instead of JSON where it is 502 to 504; "too_many" with 429
    and `seconds`; "hang" never answers; "garbage" is 200 with something that is not JSON; "reset" cuts the connection.
    `after`: the request does its work first, and only the answer is lost.
    """

    kind: Kind
    code: int = 500
    seconds: int = 1
    after: bool = False


class Faults:
    """The faults to come, in order, by method in any case. `repeat` and `reverse` are about the updates of each answer."""

    def __init__(self) -> None:
        self.repeat = False
        """Every update is handed over twice in one answer, and confirmed ones come back once more."""
        self.reverse = False
        """The newest update of an answer comes first."""
        self._coming: dict[str, deque[Fault]] = defaultdict(deque)

    def next(self, method: str, *faults: Fault) -> None:
        """The next requests of `method` meet these, one each."""
        self._coming[method.lower()].extend(faults)

    def take(self, method: str) -> Fault | None:
        """The fault that this request meets."""
        coming = self._coming[method.lower()]
        return coming.popleft() if coming else None

    def left(self, method: str) -> int:
        """How many have not been met yet."""
        return len(self._coming[method.lower()])
