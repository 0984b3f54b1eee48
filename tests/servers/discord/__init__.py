"""A simulated Discord on loopback, REST and gateway as documented. Knows nothing of dann.

    async with DiscordServer() as server:
        world = server.world
        ann = world.user("ann")
        room = world.channel(world.guild("home", ann), "general")
        mention = world.say(ann, room, f"<@{world.bot.id}> hello")
        reply = await world.answer_to(mention)

`simulation.py` has the people, guilds, channels and messages, and what a person can do; `gateway/` sends events to connected
bots; `rest/` handles their requests. A request that Discord would refuse is refused with its status and code. Where the
documentation is silent, the stricter reading is taken. Left out: voice, files, components, reactions, moderation.
"""

from tests.servers.discord.server import DiscordServer
from tests.servers.discord.simulation import World

__all__ = ["DiscordServer", "World"]
