"""`[bot.telegram]` of config.toml: permissions on Telegram, and how updates arrive."""

from pydantic import Field

from bot.config import ChatIds
from bot.replies.permissions import PlatformConfig, is_allowed
from bot.replies.types import Channel

NAME = "telegram"


class TelegramConfig(PlatformConfig):
    """`[bot.telegram]`. With `webhook_url` "" dann polls; else Telegram calls it."""

    environment_variable = "TELEGRAM_TOKEN"

    owners: ChatIds = ()
    private_chats: bool = True
    allow_chats: ChatIds = ()
    deny_chats: ChatIds = ()
    allow_users: ChatIds = ()
    deny_users: ChatIds = ()
    allow_bots: ChatIds = ()
    base_url: str = ""
    webhook_url: str = ""
    webhook_listen: str = "127.0.0.1"
    webhook_port: int = Field(8443, ge=1, le=65_535)

    def admits_channel(self, channel: Channel) -> bool:
        """Whether dann may answer in this chat."""
        return self.private_chats if channel.private else is_allowed({channel.chat}, self.allow_chats, self.deny_chats)
