"""The listening socket of `[bot.web]`, and its errors. Knows no HTTP."""

import errno
import socket

from bot.config import WebConfig
from model.errors import DannError


def open_socket(config: WebConfig) -> socket.socket:
    """Open a listening socket. Raises DannError, one line, where that fails."""
    try:
        return _listener(config)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "this is not a host name"
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            problem = "is taken by another program; choose another bot.web.port, or 0 for no HTTP"
        else:
            problem = f"cannot be listened on ({reason}); bot.web.host must be this machine's, and bot.web.port free"
        raise DannError(f"web: {config.host}:{config.port} {problem}") from error


def free_port_for(config: WebConfig) -> int:
    """The port of `[bot.web]`, or a free one where it is taken or switched off."""
    try:
        if config.port:
            open_socket(config).close()
            return config.port
    except DannError:
        pass
    with open_socket(config.model_copy(update={"port": 0})) as listener:
        return int(listener.getsockname()[1])


def _listener(config: WebConfig) -> socket.socket:
    addresses = socket.getaddrinfo(config.host, config.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, address = addresses[0]
    # Not socket.create_server: it sets no protocol number, and asyncio then leaves TCP_NODELAY off.
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
    """The URL for a browser."""
    return f"http://{f'[{config.host}]' if ':' in config.host else config.host}:{config.port}/"
