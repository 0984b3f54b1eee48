"""A simulated Telegram Bot API server on loopback, as strict as Telegram.

async with TelegramServer() as server:
    simulation = server.simulation
    alice, tavern = simulation.user("alice"), simulation.group("tavern")
    bot = simulation.bot("dann_bot")
    simulation.say(alice, tavern, "@dann_bot hi")   # the bot polls server.base_url with bot.token
"""

from tests.servers.telegram.faults import Fault, Faults
from tests.servers.telegram.objects import Bot, Chat, Message, User
from tests.servers.telegram.server import TelegramServer
from tests.servers.telegram.simulation import SimulatedTelegram

__all__ = ["Bot", "Chat", "Fault", "Faults", "Message", "SimulatedTelegram", "TelegramServer", "User"]
