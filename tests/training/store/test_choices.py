"""What the store remembers of chats: added up, taken back, and never overlooked by an older dann."""

from sqlalchemy import text

from training.store.posts import PostStore, open_store, remembered
from training.store.stored_choices import StoredChoices
from training.store.tables import CHOICES_VERSION, SCHEMA_VERSION

FIRST = StoredChoices(
    frozenset({"a"}), frozenset({"b", "c*"}), frozenset({"1"}), frozenset({"2"}), {"2": frozenset("pq")}
)
SECOND = StoredChoices(
    frozenset({"d"}), frozenset({"b"}), frozenset(), frozenset({"3"}), {"2": frozenset("aq"), "3": frozenset()}
)


def remember(
    store: PostStore, choices: StoredChoices, *, clear: bool = False, clear_only: bool = False
) -> StoredChoices:
    with store.writing() as writer:
        writer.remember_choices(choices, 2, clear=clear, clear_only=clear_only)
    return store.choices()


def version(store: PostStore) -> int:
    with store._engine.connect() as connection:
        return int(connection.execute(text("SELECT version FROM dann_schema")).scalar_one())


def test_choices_add_up_and_the_lowest_digests_of_a_chat_stay(store: PostStore) -> None:
    assert remember(store, FIRST) == FIRST
    assert remember(store, SECOND) == StoredChoices(
        frozenset({"a", "d"}), frozenset({"b", "c*"}), frozenset({"1"}), frozenset({"2", "3"}), {"2": frozenset("ap")}
    )


def test_choices_are_taken_back(store: PostStore) -> None:
    remember(store, FIRST)
    kept_out = StoredChoices(excepted=FIRST.excepted, excepted_chats=FIRST.excepted_chats, messages=FIRST.messages)
    assert remember(store, StoredChoices(), clear_only=True) == kept_out
    assert remember(store, StoredChoices(), clear=True) == StoredChoices()


def test_a_store_with_choices_is_not_for_a_dann_that_knows_none(store: PostStore) -> None:
    assert version(store) == SCHEMA_VERSION
    remember(store, FIRST)
    assert version(store) == CHOICES_VERSION
    with open_store(store._engine.url.render_as_string(hide_password=False)) as again:
        assert (version(again), again.choices()) == (CHOICES_VERSION, FIRST)
        with again._engine.begin() as connection:
            connection.execute(text("DROP TABLE forgotten_channels"))  # as in a store of before it was there
    with open_store(store._engine.url.render_as_string(hide_password=False)) as again:
        assert version(again) == CHOICES_VERSION
    remember(store, StoredChoices(), clear=True)
    assert version(store) == SCHEMA_VERSION


def test_an_import_that_fails_remembers_nothing(store: PostStore) -> None:
    try:
        with store.writing() as writer:
            writer.remember_choices(FIRST, 2, clear=False, clear_only=False)
            raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    assert not store.choices()


def test_where_there_is_no_store_nothing_is_remembered(tmp_path: object) -> None:
    assert not remembered(f"sqlite:///{tmp_path}/none.db").choices
