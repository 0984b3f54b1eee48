"""A simulated Telegram Bot API server on loopback, as strict as Telegram.

async with TelegramServer() as server:
    world = server.world
    alice, tavern = world.user("alice"), world.group("tavern")
    bot = world.bot("dann_bot")
    world.say(alice, tavern, "@dann_bot hi")   # the bot polls server.base_url with bot.token
"""

from tests.servers.telegram.faults import Fault, Faults
from tests.servers.telegram.objects import Bot, Chat, Message, User
from tests.servers.telegram.server import TelegramServer
from tests.servers.telegram.simulation import World

__all__ = ["Bot", "Chat", "Fault", "Faults", "Message", "TelegramServer", "User", "World"]
