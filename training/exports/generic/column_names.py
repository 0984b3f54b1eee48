"""What programs call the columns of their tables that say who wrote and when, the surest first. Knows no values."""

from collections.abc import Mapping

Fields = Mapping[str, object]
"""A record of a table or of JSON lines, by plain key."""

_SENDERS = (
    "author author_name authorname sender_name sendername from_name fromname sender from from_user user username"
    " user_name nick nickname handle screen_name display_name displayname name speaker who member participant poster"
    " sender_id senderid from_id fromid author_id authorid user_id userid handle_id contact phone_number address"
)
_FLAGS = (
    "is_from_me isfromme from_me fromme is_mine mine outgoing is_outgoing isoutgoing out is_sender issender sent_by_me"
    " direction type"
)
_TIMES = (
    "time timestamp datetime date_time date message_date messagedate sent_at sentat sent date_sent datesent created_at"
    " createdat created created_utc posted_at posted published published_at ts epoch unix_time unixtime when timestamp_ms"
)
SENDERS, FLAGS, TIMES = (tuple(keys.split()) for keys in (_SENDERS, _FLAGS, _TIMES))
