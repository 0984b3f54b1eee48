"""The simulated Discord: people, guilds, channels, actions. Knows no sockets or requests.

Tests call these methods, and so does the playground; every change is sent to all listeners as an `Event`.
"""

import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any

from tests.servers.discord.changes import Changes
from tests.servers.discord.gateway.intents import AppFlag
from tests.servers.discord.markup import mentioned
from tests.servers.discord.objects import (
    Channel,
    Event,
    Flag,
    Guild,
    Ids,
    Interaction,
    Kind,
    Member,
    Message,
    User,
)
from tests.servers.discord.rest import app_payloads, payloads
from tests.servers.discord.rest.commands import CommandBook


class SimulatedDiscord(Changes):
    """Discord's people, guilds, channels and messages, including the bot."""

    def __init__(self, bot: str = "dann", token: str = "a-token.of-the.bot") -> None:
        super().__init__()
        self._ids = Ids()
        self.token = token
        self.bot = self.user(bot, bot=True)
        self.owner = self.user("portal")
        self.application_id = self.bot.id
        self.application_flags = AppFlag.MESSAGE_CONTENT_LIMITED
        self.guilds: dict[int, Guild] = {}
        self.channels: dict[int, Channel] = {}
        self.interactions: dict[int, Interaction] = {}
        self.commands = CommandBook(self._ids)
        self.typing: list[Channel] = []
        self.listeners: list[Callable[[Event], None]] = []
        self.skipped = 0.0

    # people and places

    def user(self, name: str, *, bot: bool = False) -> User:
        return User(self._ids.new(), name, bot)

    def guild(self, name: str, *members: User, id_: int | None = None) -> Guild:
        """Create a guild with the bot and these people."""
        guild = Guild(id_ or self._ids.new(), name)
        guild.members = {user.id: Member(user) for user in (self.bot, *members)}
        self.guilds[guild.id] = guild
        self.emit_guild(guild)
        return guild

    def emit_guild(self, guild: Guild) -> None:
        self.emit(Event("GUILD_CREATE", payloads.guild(guild, self.bot), guild))

    def role(self, name: str, *members: Member, guild: Guild) -> int:
        """Create a role for members of a guild; return its id."""
        guild.roles[id_ := self._ids.new()] = name
        for member in members:
            member.roles.append(id_)
        return id_

    def channel(self, guild: Guild, name: str) -> Channel:
        return self._new_channel(Channel(self._ids.new(), Kind.TEXT, name, guild), "CHANNEL_CREATE")

    def thread(self, channel: Channel, name: str) -> Channel:
        thread = Channel(self._ids.new(), Kind.THREAD, name, channel.guild, parent=channel)
        return self._new_channel(thread, "THREAD_CREATE")

    def dm(self, user: User) -> Channel:
        """Return the private channel of a person and the bot; opening it sends no event."""
        for channel in self.channels.values():
            if channel.recipient is user:
                return channel
        return self._new_channel(Channel(self._ids.new(), Kind.DM, recipient=user), "")

    def _new_channel(self, channel: Channel, event: str) -> Channel:
        self.channels[channel.id] = channel
        if channel.guild:
            channel.guild.channels[channel.id] = channel
            self.emit(Event(event, payloads.channel(channel), channel.guild, channel))
        return channel

    # people's actions

    def say(
        self,
        user: User,
        channel: Channel,
        text: str = "",
        *,
        reply_to: Message | None = None,
        ping: bool = True,
        attachments: Sequence[str] = (),
        webhook: bool = False,
        with_member: bool = True,
        type_: int | None = None,
    ) -> Message:
        """Post a message; with `ping` a reply notifies the author it replies to."""
        kind = type_ if type_ is not None else 19 if reply_to else 0
        message = Message(self._ids.new(), channel, user, text, time.time(), type=kind, attachments=tuple(attachments))
        message.webhook, message.with_member = webhook, with_member
        message.pings = mentioned(text)
        if reply_to:
            message.reference = reply_to.id
            message.pings |= {reply_to.author.id} if ping else set()
        return self.post(message)

    def edit(self, message: Message, text: str) -> None:
        message.content, message.edited = text, time.time()
        message.pings = mentioned(text)
        self.emit_message(message, "MESSAGE_UPDATE")

    def delete(self, *messages: Message) -> None:
        """Delete one message, or several of one channel in bulk as moderators do."""
        channel = messages[0].channel
        for message in messages:
            channel.messages.pop(message.id, None)
        payload: dict[str, Any] = {"channel_id": str(channel.id)}
        payload |= {"guild_id": str(channel.guild.id)} if channel.guild else {}
        if len(messages) == 1:
            self.emit(Event("MESSAGE_DELETE", {**payload, "id": str(messages[0].id)}, channel.guild, channel))
        else:
            ids = [str(message.id) for message in messages]
            self.emit(Event("MESSAGE_DELETE_BULK", {**payload, "ids": ids}, channel.guild, channel))

    def use_command(
        self, user: User, channel: Channel, name: str, *, checked: bool = True, **options: object
    ) -> Interaction:
        """Use an application command, such as "dann" or "dann-admin status".

        Raises ValueError for input that the person's own client would refuse; with `checked` False it is sent anyway, as by
        an outdated client.
        """
        member = channel.guild.members[user.id] if channel.guild else None
        data = self.commands.used(name, options, member, checked=checked)
        token = secrets.token_urlsafe(24)
        interaction = Interaction(self._ids.new(), token, user, channel, data, self.now())
        self.interactions[interaction.id] = interaction
        self.emit(
            Event("INTERACTION_CREATE", app_payloads.interaction(interaction, self), channel.guild, channel),
        )
        return interaction

    # events and replies

    def now(self) -> float:
        """Return the simulated clock in seconds; `skipped` advances it."""
        return time.monotonic() + self.skipped

    def new_id(self) -> int:
        return self._ids.new()

    def post(self, message: Message) -> Message:
        message.channel.messages[message.id] = message
        self.emit_message(message, "MESSAGE_CREATE")
        return message

    def emit_message(self, message: Message, event: str) -> None:
        """Send an event about a message, unless it is ephemeral."""
        if not message.flags & Flag.EPHEMERAL:
            self.emit(Event(event, payloads.message(message), message.channel.guild, message.channel))
        self.changed()

    def emit(self, event: Event) -> None:
        for listener in self.listeners:
            listener(event)
        self.changed()

    def replies_to(self, message: Message) -> list[Message]:
        """Return the bot's replies to a message."""
        return [reply for reply in self.bot_messages(message.channel) if reply.reference == message.id]

    def bot_messages(self, channel: Channel) -> list[Message]:
        return [message for message in channel.messages.values() if message.author is self.bot]

    async def first_reply(self, request: Message | Interaction) -> Message:
        """Wait for the bot's reply, and return its first message."""
        if isinstance(request, Interaction):
            await self.until(lambda: bool(request.shown))
            return request.shown[0]
        await self.until(lambda: bool(self.replies_to(request)))
        return self.replies_to(request)[0]
