"""The addresses of `[bot.telegram]`, checked before anything is sent to them."""

import socket
from urllib.parse import urlsplit

from bot.telegram_bot.config import TelegramConfig
from model.errors import DannError

EXAMPLES = {"base_url": "http://127.0.0.1:8081", "webhook_url": "https://example.org/dann"}


def check_addresses(config: TelegramConfig) -> None:
    """Raise DannError for an invalid address."""
    for name, example in EXAMPLES.items():
        address = getattr(config, name)
        if address and not _is_url(address):
            raise DannError(f"bot.telegram.{name} = {address!r} is not an address such as {example}")


def check_port(config: TelegramConfig) -> None:
    """Raise DannError where the webhook's port cannot be listened on."""
    family = socket.AF_INET6 if ":" in config.webhook_listen else socket.AF_INET
    try:
        socket.create_server((config.webhook_listen, config.webhook_port), family=family).close()
    except OSError as error:
        endpoint = f"{config.webhook_listen}:{config.webhook_port}"
        raise DannError(f"bot.telegram.webhook_port: {endpoint} cannot be listened on ({error.strerror})") from error


def _is_url(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)
