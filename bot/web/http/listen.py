"""The address of `[bot.web]`, and what to do where it cannot be had. Knows no HTTP."""

import errno
import socket

from bot.config import WebConfig
from model.errors import DannError


def open_socket(config: WebConfig) -> socket.socket:
    """A socket that listens there. Raises DannError, one line, where none can."""
    try:
        return _listener(config)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "that is no name of a machine"
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            what = "is taken by another program; choose another bot.web.port, or 0 for no HTTP"
        else:
            what = f"cannot be listened on ({reason}); bot.web.host must be this machine's, and bot.web.port free"
        raise DannError(f"web: {config.host}:{config.port} {what}") from error


def free_port_for(config: WebConfig) -> int:
    """The port of `[bot.web]`, or one that nobody has where it is taken, or switched off."""
    try:
        if config.port:
            open_socket(config).close()
            return config.port
    except DannError:
        pass
    with open_socket(config.model_copy(update={"port": 0})) as listener:
        return int(listener.getsockname()[1])


def _listener(config: WebConfig) -> socket.socket:
    found = socket.getaddrinfo(config.host, config.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, address = found[0]
    # Not socket.create_server: it names no protocol, and asyncio then lets what it sends wait for more.
    listener = socket.socket(family, kind, protocol)
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
