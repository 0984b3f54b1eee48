"""The world that the server shows: who is where, and what a person can do there. Knows no sockets and no requests.

Everything here may be called from a test or typed by hand; what it does is told to every listener as an `Event`.
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


class World(Changes):
    """People, guilds and channels, the bot among them."""

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

    # what there is

    def user(self, name: str, *, bot: bool = False) -> User:
        return User(self._ids.new(), name, bot)

    def guild(self, name: str, *members: User, id_: int | None = None) -> Guild:
        """A guild with the bot and these people in it."""
        guild = Guild(id_ or self._ids.new(), name)
        guild.members = {user.id: Member(user) for user in (self.bot, *members)}
        self.guilds[guild.id] = guild
        self.tell_of_guild(guild)
        return guild

    def tell_of_guild(self, guild: Guild) -> None:
        self.tell(Event("GUILD_CREATE", payloads.guild(guild, self.bot), guild))

    def role(self, name: str, *members: Member, guild: Guild) -> int:
        """A role of a guild, given to members; returns its id."""
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
        """The private channel of a person and the bot; Discord tells no bot that one was opened."""
        for channel in self.channels.values():
            if channel.recipient is user:
                return channel
        return self._new_channel(Channel(self._ids.new(), Kind.DM, recipient=user), "")

    def _new_channel(self, channel: Channel, event: str) -> Channel:
        self.channels[channel.id] = channel
        if channel.guild:
            channel.guild.channels[channel.id] = channel
            self.tell(Event(event, payloads.channel(channel), channel.guild, channel))
        return channel

    # what people do

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
        """Post a message; `ping`: a reply notifies whom it answers."""
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
        self.tell_of(message, "MESSAGE_UPDATE")

    def delete(self, *messages: Message) -> None:
        """Delete one message, or several of one channel at once, as a moderator does."""
        channel = messages[0].channel
        for message in messages:
            channel.messages.pop(message.id, None)
        payload: dict[str, Any] = {"channel_id": str(channel.id)}
        payload |= {"guild_id": str(channel.guild.id)} if channel.guild else {}
        if len(messages) == 1:
            self.tell(Event("MESSAGE_DELETE", {**payload, "id": str(messages[0].id)}, channel.guild, channel))
        else:
            ids = [str(message.id) for message in messages]
            self.tell(Event("MESSAGE_DELETE_BULK", {**payload, "ids": ids}, channel.guild, channel))

    def use_command(
        self, user: User, channel: Channel, name: str, *, checked: bool = True, **options: object
    ) -> Interaction:
        """Use an application command, "dann" or "dann-admin status".

        Raises ValueError for what the person's own client would not let them send; `checked` False sends it all the same,
        as an old client does.
        """
        member = channel.guild.members[user.id] if channel.guild else None
        data = self.commands.used(name, options, member, checked=checked)
        token = secrets.token_urlsafe(24)
        interaction = Interaction(self._ids.new(), token, user, channel, data, self.now())
        self.interactions[interaction.id] = interaction
        self.tell(
            Event("INTERACTION_CREATE", app_payloads.interaction(interaction, self), channel.guild, channel),
        )
        return interaction

    # what comes of it

    def now(self) -> float:
        """The world's clock in seconds; `skipped` puts it forward."""
        return time.monotonic() + self.skipped

    def new_id(self) -> int:
        return self._ids.new()

    def post(self, message: Message) -> Message:
        message.channel.messages[message.id] = message
        self.tell_of(message, "MESSAGE_CREATE")
        return message

    def tell_of(self, message: Message, event: str) -> None:
        """Tell of a message, unless it is for one person's eyes alone."""
        if not message.flags & Flag.EPHEMERAL:
            self.tell(Event(event, payloads.message(message), message.channel.guild, message.channel))
        self.changed()

    def tell(self, event: Event) -> None:
        for listener in self.listeners:
            listener(event)
        self.changed()

    def answers_to(self, message: Message) -> list[Message]:
        """What the bot posted as a reply to a message."""
        return [one for one in self.of_bot(message.channel) if one.reference == message.id]

    def of_bot(self, channel: Channel) -> list[Message]:
        return [one for one in channel.messages.values() if one.author is self.bot]

    async def answer_to(self, asked: Message | Interaction) -> Message:
        """Wait for the answer, its first message."""
        if isinstance(asked, Interaction):
            await self.until(lambda: bool(asked.shown))
            return asked.shown[0]
        await self.until(lambda: bool(self.answers_to(asked)))
        return self.answers_to(asked)[0]
