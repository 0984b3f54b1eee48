"""Faults in answers to requests, ordered by a test."""

from collections import defaultdict, deque
from dataclasses import dataclass
from typing import Literal

Kind = Literal["error", "too_many", "hang", "garbage", "reset"]


@dataclass(frozen=True)
class Fault:
    """A fault of one request.

    "error" answers with status `code`, and a gateway's page instead of JSON for 502 to 504; "too_many" with 429 and
    `seconds`; "hang" never answers; "garbage" is a 200 that is not JSON; "reset" aborts the connection. With `after` the
    request is carried out first, and only its answer is lost.
    """

    kind: Kind
    code: int = 500
    seconds: int = 1
    after: bool = False


class Faults:
    """Ordered faults by method; `repeat` and `reverse` change the updates of every answer."""

    def __init__(self) -> None:
        self.repeat = False
        """Return every update twice in one answer, and confirmed ones once more."""
        self.reverse = False
        """Return the newest update first."""
        self._ordered: dict[str, deque[Fault]] = defaultdict(deque)

    def next(self, method: str, *faults: Fault) -> None:
        """Order these faults for the next requests of `method`, one each."""
        self._ordered[method.lower()].extend(faults)

    def take(self, method: str) -> Fault | None:
        """Remove and return the fault for this request, if any."""
        faults = self._ordered[method.lower()]
        return faults.popleft() if faults else None

    def left(self, method: str) -> int:
        """Return the number of faults not used yet."""
        return len(self._ordered[method.lower()])
