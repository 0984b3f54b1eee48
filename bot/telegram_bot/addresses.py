"""The addresses of `[bot.telegram]`, looked at before anything is sent to them."""

import socket
from urllib.parse import urlsplit

from bot.telegram_bot.config import TelegramConfig
from model.errors import DannError

EXAMPLES = {"base_url": "http://127.0.0.1:8081", "webhook_url": "https://example.org/dann"}


def check_addresses(config: TelegramConfig) -> None:
    """Raises DannError for one that is none."""
    for name, example in EXAMPLES.items():
        address = getattr(config, name)
        if address and not _is_address(address):
            raise DannError(f"bot.telegram.{name} = {address!r} is no address, such as {example}")


def check_port(config: TelegramConfig) -> None:
    """Raises DannError where the webhook's port is taken or not ours to listen on."""
    family = socket.AF_INET6 if ":" in config.webhook_listen else socket.AF_INET
    try:
        socket.create_server((config.webhook_listen, config.webhook_port), family=family).close()
    except OSError as error:
        where = f"{config.webhook_listen}:{config.webhook_port}"
        raise DannError(f"bot.telegram.webhook_port: {where} cannot be listened on ({error.strerror})") from error


def _is_address(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)
