"""The store's tables. Knows no query."""

import sqlalchemy as sa

from training.store.post import END_OF_DATES, FIRST_SECOND

SCHEMA_VERSION = 2
"""Raised with each change that an older dann must not ignore; so far each only added tables (database.py)."""
CHOICES_VERSION = 3
"""Of a store in which chats were chosen: a dann that knows no choices would import those kept out."""
PEOPLE_VERSION = 4
"""Of a store in which somebody is ignored or was forgotten: a dann that knows neither would learn from them."""

METADATA = sa.MetaData()
VERSION = sa.Table("dann_schema", METADATA, sa.Column("version", sa.Integer, nullable=False))
POSTS = sa.Table(
    "posts",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),  # import order
    sa.Column("id", sa.Text, nullable=False, unique=True),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("mine", sa.Boolean, nullable=False),
    sa.Column("time", sa.Float(53)),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("reply_to", sa.Text),
    sa.Column("edited", sa.Float(53)),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("author", sa.Text),  # keyed digest of the author's id (posts/author_key.py); added later, so the last
)
TIME = sa.case((POSTS.c.time.between(FIRST_SECOND, END_OF_DATES - 1), POSTS.c.time))
"""A post's time; null also where earlier versions stored what no date shows, such as infinity."""
AUTHOR_NAMES = sa.Table(  # keyed digests by which an author is found: of the id, of each name seen, of other authors
    "author_names",
    METADATA,
    sa.Column("author", sa.Text, primary_key=True),
    sa.Column("known_as", sa.Text, primary_key=True),
)
PEOPLE = sa.Table(  # who asked for something, by keyed digest; times in Unix seconds, None: not
    "people",
    METADATA,
    sa.Column("author", sa.Text, primary_key=True),
    sa.Column("platform", sa.Text),
    sa.Column("ignored", sa.Float(53)),
    sa.Column("requested", sa.Float(53)),  # to be forgotten, which the owner has not done yet
    sa.Column("forgotten", sa.Float(53)),  # since then no post of theirs is stored
    sa.Column("finished", sa.Float(53)),  # since then no file has what was stored
    sa.Column("lowest_seq", sa.Integer),  # of the posts that were forgotten
    sa.Column("oldest", sa.Float(53)),  # time of the oldest of them; None: unknown
)
INSTALLATION = sa.Table(  # tells whether a secret is the one that the digests were made with
    "installation", METADATA, sa.Column("fingerprint", sa.Text, primary_key=True)
)
RUNS = sa.Table(
    "runs",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("started", sa.Float(53), nullable=False),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("seconds", sa.Float(53)),
    sa.Column("posts", sa.Integer),
    sa.Column("new_posts", sa.Integer),
    sa.Column("newest_post", sa.Float(53)),
    sa.Column("candidate", sa.Text),
    sa.Column("incumbent", sa.Text),
    sa.Column("candidate_bpb", sa.Float(53)),
    sa.Column("incumbent_bpb", sa.Float(53)),
    sa.Column("figures", sa.Text, nullable=False),  # JSON
    sqlite_autoincrement=True,  # an id is never reused
)
OWNERS = sa.Table(  # digests of the authors named as the owner by --me, keyed where there is a fingerprint; never names
    "owners",
    METADATA,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("digest", sa.Text, primary_key=True),
)
FORGOTTEN = sa.Table("forgotten", METADATA, sa.Column("id", sa.Text, primary_key=True))  # ids of deleted posts; no text
FORGOTTEN_CHANNELS = sa.Table(  # the opaque channels of deleted posts, by which a chat that comes back is recognized
    "forgotten_channels",
    METADATA,
    sa.Column("channel", sa.Text, primary_key=True),
    sa.Column("source", sa.Text, nullable=False),
)
CHAT_PATTERNS = sa.Table(  # names, ids and patterns as given with --only and --except
    "chat_patterns",
    METADATA,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("pattern", sa.Text, primary_key=True),
)
CHOSEN_CHATS = sa.Table(  # digests of the ids of chats that a pattern matched
    "chosen_chats",
    METADATA,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("digest", sa.Text, primary_key=True),
)
EXCEPTED_MESSAGES = sa.Table(  # digests of some messages of chats kept out, by which they are known without an id
    "excepted_messages",
    METADATA,
    sa.Column("chat", sa.Text, primary_key=True),
    sa.Column("digest", sa.Text, primary_key=True),
)
