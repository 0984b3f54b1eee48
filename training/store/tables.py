"""The store's tables. Knows no query."""

import sqlalchemy as sa

SCHEMA_VERSION = 1

METADATA = sa.MetaData()
VERSION = sa.Table("dann_schema", METADATA, sa.Column("version", sa.Integer, nullable=False))
POSTS = sa.Table(
    "posts",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),  # the order in which posts were read
    sa.Column("id", sa.Text, nullable=False, unique=True),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("mine", sa.Boolean, nullable=False),
    sa.Column("time", sa.Float(53)),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("reply_to", sa.Text),
    sa.Column("edited", sa.Float(53)),
    sa.Column("source", sa.Text, nullable=False),
)
