"""A Discord server on loopback, REST and gateway as the documentation has them. Knows nothing of dann.

    async with DiscordServer() as server:
        world = server.world
        ann = world.user("ann")
        room = world.channel(world.guild("home", ann), "general")
        asked = world.say(ann, room, f"<@{world.bot.id}> hello")
        answer = await world.answer_to(asked)

`simulation.py` is who is where, who says what, and what a person can do; `gateway/` tells connected bots of it; `rest/`
answers their requests. A request that the platform would refuse is refused with its status and code. Where the
documentation is silent, the stricter reading is taken. Left out: voice, files, components, reactions, moderation.
"""

from tests.servers.discord.server import DiscordServer
from tests.servers.discord.simulation import World

__all__ = ["DiscordServer", "World"]
