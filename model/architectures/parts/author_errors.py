"""Errors in an architecture's own file as one line: the file, the line, and what JAX or Python says of it."""

import inspect
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jax

from model.errors import DannError


@contextmanager
def author_errors(where: type | Path, doing: str = "", method: str = "") -> Iterator[None]:
    """Turn an exception in the block into a DannError with the line of the file of `where`, a class or its file.

    Where none of the file's lines is to blame, the line of the class or of its `method` is named. `doing` is put before what
    was raised.
    """
    try:
        yield
    except DannError:
        raise
    except Exception as error:
        raise DannError(f"{place(where, method, error)}: {doing}{_told(error)}") from error


def place(where: type | Path, method: str = "", error: BaseException | None = None) -> str:
    """`file:line` of the innermost line that `error` went through in the file of `where`, or of a method, or of the class."""
    try:
        file = Path(where if isinstance(where, Path) else inspect.getfile(where))
        defined = vars(where).get(method) if isinstance(where, type) else None
        line = inspect.getsourcelines(defined or where)[1] if isinstance(where, type) else 1
    except (OSError, TypeError):  # typed at a prompt: there is no file
        return str(getattr(where, "__qualname__", where))
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename) == file:
        line = error.lineno or line
    frames = traceback.extract_tb(error.__traceback__) if error else []
    line = next((frame.lineno for frame in reversed(frames) if Path(frame.filename) == file and frame.lineno), line)
    here = Path.cwd()
    return f"{file.relative_to(here) if file.is_relative_to(here) else file}:{line}"


NO_VALUE = "the value of an array that has none while the step is compiled"
REMEDIES: dict[type[Exception], str] = {
    jax.errors.TracerBoolConversionError: f"a condition (if, while, and, or, max) asks for {NO_VALUE}; use jnp.where",
    jax.errors.ConcretizationTypeError: f"float(), int(), bool() or a shape asks for {NO_VALUE}; keep to jnp functions",
    jax.errors.TracerArrayConversionError: f"NumPy asks for {NO_VALUE}; use jnp instead of np",
}
"""What to say of JAX's errors on a value that is only traced: its own words are long, and name no remedy for a cell."""


def _told(error: Exception) -> str:
    """The first paragraph of what was raised, on one line, or what to do where that is known."""
    for kind, remedy in REMEDIES.items():
        if isinstance(error, kind):
            return f"{type(error).__name__}: {remedy}"
    words = " ".join(str(error).strip().split("\n\n")[0].split()).rstrip(".")
    return f"{type(error).__name__}: {words}" if words else type(error).__name__
