"""DannError, the one exception that users see as a line of text instead of a traceback."""


class DannError(Exception):
    """An error that the user can fix: bad input, a missing file, a damaged checkpoint.

    The message is one line: where, what was found, what is allowed, what to do. Entry points print it after `dann: ` and
    exit with `exit_code`; anything else that escapes is a bug and keeps its traceback.
    """

    exit_code = 1
