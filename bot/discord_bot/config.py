"""`[bot.discord]` of config.toml: permissions on Discord, and its servers."""

from bot.config import Ids
from bot.replies.permissions import PlatformConfig, is_allowed
from bot.replies.types import Author, Channel

NAME = "discord"


class DiscordConfig(PlatformConfig):
    """`[bot.discord]`. `api_url` and `gateway_url` "" are Discord's own."""

    environment_variable = "DISCORD_TOKEN"

    direct_messages: bool = True
    allow_guilds: Ids = ()
    deny_guilds: Ids = ()
    allow_channels: Ids = ()
    deny_channels: Ids = ()
    allow_roles: Ids = ()
    deny_roles: Ids = ()
    api_url: str = ""
    gateway_url: str = ""

    def admits_channel(self, channel: Channel) -> bool:
        """Whether dann may answer in this channel; a thread is on the lists of its channel too."""
        if channel.private:
            return self.direct_messages
        return is_allowed({channel.guild}, self.allow_guilds, self.deny_guilds) and is_allowed(
            {channel.chat, channel.thread}, self.allow_channels, self.deny_channels
        )

    def admits_author(self, author: Author, *, listed: bool) -> bool:
        """Whether dann may answer this author, by id and by roles."""
        allow_roles = () if listed else self.allow_roles
        return super().admits_author(author, listed=listed) and is_allowed(author.roles, allow_roles, self.deny_roles)
