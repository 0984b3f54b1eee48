"""The address of `[bot.web]`, and what to do where it cannot be had. Knows no HTTP."""

import errno
import socket

from bot.config import WebConfig
from model.errors import DannError


def listening(config: WebConfig) -> socket.socket:
    """A socket that listens there. Raises DannError, one line, where none can."""
    try:
        return _listener(config)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            reason, remedy = "is taken by another program", "choose another bot.web.port, or 0 for no HTTP"
        else:
            reason = f"cannot be listened on ({error.strerror})"
            remedy = "bot.web.host must be an address of this machine, and bot.web.port one that dann may have"
        raise DannError(f"web: {config.host}:{config.port} {reason}; {remedy}") from error
    except UnicodeError as error:
        raise DannError(f"web: bot.web.host = {config.host!r} is no name, such as 127.0.0.1") from error


def _listener(config: WebConfig) -> socket.socket:
    found = socket.getaddrinfo(config.host, config.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, address = found[0]
    listener = socket.socket(
        family, kind, protocol
    )  # create_server names no protocol, and asyncio then delays what it sends
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except BaseException:
        listener.close()
        raise
    return listener


def url_of(config: WebConfig) -> str:
    """The address as a browser takes it."""
    return f"http://{f'[{config.host}]' if ':' in config.host else config.host}:{config.port}/"
