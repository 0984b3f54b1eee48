"""A simulated Discord on loopback, REST and gateway as documented. Knows nothing of dann.

    async with DiscordServer() as server:
        simulation = server.simulation
        ann = simulation.user("ann")
        room = simulation.channel(simulation.guild("home", ann), "general")
        mention = simulation.say(ann, room, f"<@{simulation.bot.id}> hello")
        reply = await simulation.first_reply(mention)

`simulation.py` has the people, guilds, channels and messages, and what a person can do; `gateway/` sends events to connected
bots; `rest/` handles their requests. A request that Discord would refuse is refused with its status and code. Where the
documentation is silent, the stricter reading is taken. Left out: voice, files, components, reactions, moderation.
"""

from tests.servers.discord.server import DiscordServer
from tests.servers.discord.simulation import SimulatedDiscord

__all__ = ["DiscordServer", "SimulatedDiscord"]
