"""Loading settings: precedence, and one-line errors that name the place and what is allowed."""

import tomllib
from pathlib import Path

import pytest

from bot.discord_bot.config import DiscordConfig
from bot.platforms import settings_class
from bot.telegram_bot.config import TelegramConfig
from model.errors import DannError
from training.config.load import load_settings
from training.config.tables import Settings
from training.lab.preset import ExperimentSettings


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide this repository's config.toml and the developer's environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DANN_TRAIN__MINUTES", raising=False)
    for name in ("BASE", "CALIBRATION_REPLIES"):  # tests/conftest.py sets them
        monkeypatch.delenv(f"DANN_TRAIN__{name}", raising=False)


def test_defaults_hold_where_nothing_is_written() -> None:
    assert load_settings(settings_class(), None, []) == settings_class()()


def test_a_place_wins_over_those_after_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.toml").write_text("[train]\nminutes = 1\nseed = 1\nbatch_size = 1\n")
    monkeypatch.setenv("DANN_TRAIN__MINUTES", "2")
    monkeypatch.setenv("dann_train__seed", "2")
    train = load_settings(settings_class(), None, ["train.minutes=3", "train.minutes=4"]).train
    assert (train.minutes, train.seed, train.batch_size) == (4, 2, 1)
    assert train.bptt_length == Settings().train.bptt_length


def test_a_file_that_is_named_is_read_instead(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[train]\nminutes = 1\nseed = 5\n")
    (tmp_path / "other.toml").write_text("[train]\nminutes = 2\n")
    train = load_settings(settings_class(), Path("other.toml"), []).train
    assert (train.minutes, train.seed) == (2, 0)


def test_the_bots_tables_do_not_disturb_training(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(
        '[persona]\nname = "sam"\n[train]\nminutes = 2\n[bot]\nlinks = true\n[bot.discord]\nowners = [1]\n'
    )
    assert load_settings(Settings, None, []).train.minutes == 2
    assert load_settings(settings_class(), None, []).persona.name == "sam"
    assert load_settings(settings_class(), None, []).bot.links


def test_a_table_within_a_table_is_reached_from_every_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = '[bot]\nwaiting = 1\n[bot.discord]\napi_url = "file"\ngateway_url = "file"\ndeny_users = ["1"]\n'
    (tmp_path / "config.toml").write_text(written)
    (tmp_path / "over.toml").write_text("[bot.discord]\nallow_users = [2]\ndeny_users = [3]\n")
    monkeypatch.setenv("DANN_BOT__DISCORD__GATEWAY_URL", "environment")
    bot = load_settings(settings_class(), None, ["bot.discord.api_url=set"], overlay=tmp_path / "over.toml").bot
    discord = DiscordConfig.of(bot)
    assert (discord.api_url, discord.gateway_url, bot.waiting) == ("set", "environment", 1)
    assert (discord.allow_users, discord.deny_users) == (("2",), ("3",))
    assert TelegramConfig.of(bot) == TelegramConfig()


@pytest.mark.parametrize(
    "given", ["[201234567890123456, '-100']", "201234567890123456,-100", "[ '201234567890123456', -100 ]"]
)
def test_ids_are_text_however_they_are_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    expected = ("201234567890123456", "-100")
    assert (
        TelegramConfig.of(load_settings(settings_class(), None, [f"bot.telegram.owners={given}"]).bot).owners
        == expected
    )
    monkeypatch.setenv("DANN_BOT__TELEGRAM__OWNERS", given)
    assert TelegramConfig.of(load_settings(settings_class(), None, []).bot).owners == expected
    monkeypatch.delenv("DANN_BOT__TELEGRAM__OWNERS")
    (tmp_path / "config.toml").write_text("[bot.telegram]\nowners = [201234567890123456, '-100']\n")
    assert TelegramConfig.of(load_settings(settings_class(), None, []).bot).owners == expected


def test_one_id_or_none_is_a_list_too(monkeypatch: pytest.MonkeyPatch) -> None:
    given = ["bot.discord.owners=7", "bot.discord.deny_users=", "bot.remarks.chats=[]"]
    bot = load_settings(settings_class(), None, given).bot
    discord = DiscordConfig.of(bot)
    assert (discord.owners, discord.deny_users, bot.remarks.chats) == (("7",), (), ())
    assert load_settings(settings_class(), None, ["bot.remarks.chats=-5, 7"]).bot.remarks.chats == ("-5", "7")
    monkeypatch.setenv("DANN_BOT__DISCORD", '{"owners": [8], "links_no": 1}')
    with pytest.raises(DannError, match=r"^DANN_BOT__DISCORD: bot.discord.links_no is no setting"):
        load_settings(settings_class(), None, [])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("data.me=sam", "sam"),
        ('data.me="sam"', "sam"),
        ("data.me=sam=x # y", "sam=x # y"),
        ("data.me=two words", "two words"),
        ("data.me=", ""),
        ("data.me=123456789012345678", "123456789012345678"),
        ("data.me='123'", "123"),
    ],
)
def test_a_value_on_the_command_line_is_toml_or_else_words(given: str, expected: str) -> None:
    assert load_settings(settings_class(), None, [given]).data.me == expected


def test_settings_are_frozen_and_of_the_kind_asked_for() -> None:
    settings = load_settings(settings_class(), None, ["train.minutes=3"])
    assert type(settings) is settings_class()
    with pytest.raises(ValueError, match="frozen"):
        settings.train = settings.train  # type: ignore[misc]


def test_the_environment_has_the_same_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DANN_TRAIN__MINUTES", "soon")
    with pytest.raises(DannError, match=r"^DANN_TRAIN__MINUTES: train.minutes = 'soon' is not right.*a number above 0"):
        load_settings(settings_class(), None, [])
    monkeypatch.delenv("DANN_TRAIN__MINUTES")
    monkeypatch.setenv("DANN_TRAIN__MINUTS", "3")
    with pytest.raises(DannError, match=r"^DANN_TRAIN__MINUTS: .*did you mean train.minutes\?"):
        load_settings(settings_class(), None, [])
    monkeypatch.delenv("DANN_TRAIN__MINUTS")
    monkeypatch.setenv("DANN_TRAIN", "{broken")
    with pytest.raises(DannError, match=r"DANN_TRAIN__MINUTES=3"):
        load_settings(settings_class(), None, [])


@pytest.mark.parametrize(
    ("variable", "said"),
    [
        ("DANN_PRIVCY__EMAIL", r"^DANN_PRIVCY__EMAIL: privcy is no setting; did you mean \[privacy\]\?$"),
        ("DANN_TRIAN__MINUTES", r"^DANN_TRIAN__MINUTES: trian is no setting; did you mean \[train\]\?$"),
        ("dann_trian__minutes", r"^dann_trian__minutes: trian is no setting"),
        ("DANN_TRAIN__", r"^DANN_TRAIN__: train. is no setting; did you mean train\.\w+\?$"),
        ("DANN_PRIVACY__SAYS__FONE", r"privacy.says.fone is no setting; did you mean privacy.says.phone\?$"),
        ("DANN_EXPERIMNT__POSTS", r"experimnt is no setting"),
    ],
)
@pytest.mark.parametrize("kind", [Settings, ExperimentSettings, settings_class()])
def test_a_variable_that_no_setting_has_is_refused(
    monkeypatch: pytest.MonkeyPatch, kind: type[Settings], variable: str, said: str
) -> None:
    monkeypatch.setenv(variable, "3")
    with pytest.raises(DannError, match=said):
        load_settings(kind, None, [])


def test_the_bots_tables_are_checked_where_they_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DANN_BOT__DISCORD__OWNER", "1")
    assert load_settings(Settings, None, []) == Settings()
    with pytest.raises(DannError, match=r"^DANN_BOT__DISCORD__OWNER: .*; did you mean bot.discord.owners\?$"):
        load_settings(settings_class(), None, [])


def test_variables_of_other_kinds_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets, those of tests, whole tables and an experiment's own."""
    for name in ("API_KEY", "WEB_PASSWORD", "BROWSER", "WHOLE", "QUICK_LONGEST", "PRIVCY", "EXPERIMENT__POSTS"):
        monkeypatch.setenv(f"DANN_{name}", "3")
    monkeypatch.setenv("DANN_PRIVACY__SAYS", '{"phone": "a number"}')
    assert load_settings(settings_class(), None, []).privacy.says.phone == "a number"
    assert load_settings(ExperimentSettings, None, []).experiment.posts == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[train]\nminutes = 3\nseed 3\n", r"^config.toml: is not TOML: .*line 3"),
        ("[train]\nminuts = 3\n", r"^config.toml: train.minuts is no setting; did you mean train.minutes\?$"),
        ("[trian]\nminutes = 3\n", r"^config.toml: trian is no setting; did you mean \[train\]\?$"),
        ("minutes = 3\n", r"^config.toml: minutes is no setting; did you mean train.minutes\?$"),
        ("train = 3\n", r"^config.toml: train = 3 is not right: it must be a table, \[train\]$"),
        ("[train]\nminutes = 0\n", r"train.minutes = 0 is not right: it must be a number above 0 and at most 10,080$"),
        ('[train]\nminutes = "long"\n', r"train.minutes = 'long' is not right: it must be a number above 0"),
        ("[train]\nminutes = nan\n", r"train.minutes = nan is not right"),
        ("[model]\nhidden_dim = -1\n", r'model.hidden_dim = -1 .* must be "auto" or a whole number above 0$'),
        ('[model]\nhidden_dim = "big"\n', r'model.hidden_dim = .big. .* must be "auto" or a whole number above 0$'),
        ("[sample]\ntop_p = 1.5\n", r"sample.top_p = 1.5 .* must be a number above 0 and at most 1$"),
        ("[persona]\nname = ''\n", r"persona.name = '' "),
        ("bot = 3\n", r"^config.toml: bot = 3 is not right: it must be a table, \[bot\]$"),
        ("[bot]\ndiscord = 3\n", r"^config.toml: bot.discord = 3 is not right: it must be a table, \[bot.discord\]$"),
        ("[bot.dsicord]\n", r"^config.toml: bot.dsicord is no setting; did you mean \[bot.discord\]\?$"),
        ("[bot]\nowners = [1]\n", r"^config.toml: bot.owners is no setting; did you mean bot.\w+.owners\?$"),
        ("[bot.discord]\nowner = [1]\n", r": bot.discord.owner is no setting; did you mean bot.discord.owners\?$"),
        (
            "[bot.discord]\nowners = [1, true]\n",
            r"bot.discord.owners = true is not right: it must be a list of ids, which",
        ),
        ("[bot.discord]\nowners = true\n", r"bot.discord.owners = true is not right: it must be a list of ids, which"),
        ('[bot.discord]\nowners = ["1", "sam#1234"]\n', r"^config.toml: bot.discord.owners = 'sam#1234' is not right"),
        ("[bot.discord]\ndeny_roles = [-5]\n", r"deny_roles = -5 .* a list of ids, which are numbers, such as \["),
        (
            '[bot.telegram]\nallow_chats = ["@tavern"]\n',
            r"allow_chats = '@tavern' .* \(a group's is below 0\), such as",
        ),
        ("[bot.telegram]\nowners = [1.5]\n", r"bot.telegram.owners = 1.5 is not right: it must be a list of ids"),
        (
            '[bot.web]\nquiz_sources = ["My chats"]\n',
            r"bot.web.quiz_sources = 'My chats' is not right: .*a list of sources as the store names them, such as \[\"jsonl",
        ),
        ('[bot.remarks]\nchats = ["general"]\n', r"^config.toml: bot.remarks.chats = 'general' is not right"),
        ("[bot.remarks]\nchance = 2\n", r"bot.remarks.chance = 2 is not right: .* at least 0 and at most 1$"),
    ],
)
def test_what_is_wrong_in_the_file_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "config.toml").write_text(text)
    with pytest.raises(DannError, match=said) as caught:
        load_settings(settings_class(), None, [])
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_or_not_text_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DannError, match=r"^nowhere.toml: cannot be read \(No such file"):
        load_settings(settings_class(), Path("nowhere.toml"), [])
    with pytest.raises(DannError, match="cannot be read"):
        load_settings(settings_class(), tmp_path, [])
    (tmp_path / "config.toml").write_bytes(b"[data]\nme = '\xff'\n")
    with pytest.raises(DannError, match=r"^config.toml: is not UTF-8 at byte 13"):
        load_settings(settings_class(), None, [])


def test_a_file_that_begins_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[train]\nminutes = 3\n", encoding="utf-8-sig")
    assert load_settings(settings_class(), None, []).train.minutes == 3


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("[" * 3000, "is not TOML that can be read: lists or tables are nested too deeply$"),
        ("9" * 5000, "is not TOML: "),
    ],
)
def test_what_python_cannot_read_is_one_line(tmp_path: Path, value: str, said: str) -> None:
    (tmp_path / "config.toml").write_text(f"[train]\nminutes = {value}\n")
    with pytest.raises(DannError, match=rf"^config.toml: {said}") as caught:
        load_settings(settings_class(), None, [])
    assert "\n" not in str(caught.value)
    (tmp_path / "config.toml").unlink()
    with pytest.raises(DannError, match=r"^--set: train.minutes = "):
        load_settings(settings_class(), None, [f"train.minutes={value}"])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("train.minuts=3", r"^--set: train.minuts is no setting; did you mean train.minutes\?$"),
        ("minutes=3", r"^--set: minutes is no setting; did you mean train.minutes\?$"),
        ("train.minutes.x=3", r"^--set: train.minutes.x is no setting"),
        ("trian.minutes=3", r"^--set: trian is no setting; did you mean \[train\]\?$"),
        ("bot.discord.api=3", r"^--set: bot.discord.api is no setting; did you mean bot.discord.api_url\?$"),
        ("bot.dsicord.api_url=3", r"^--set: bot.dsicord is no setting; did you mean \[bot.discord\]\?$"),
        ("bot.discord=3", r"^--set: bot.discord is no setting; did you mean \[bot.discord\]\?$"),
        ("bot.telegram.webhook_port=0", r"^--set: bot.telegram.webhook_port = 0 .* at least 1 and at most 65,535$"),
        ("train.minutes", r"^--set train.minutes: expected table.key=value"),
        ("train.minutes=-3", r"^--set: train.minutes = -3 is not right: it must be a number above 0"),
        (
            "model.tie_embeddings=maybe",
            r"^--set: model.tie_embeddings = 'maybe' is not right: it must be true or false$",
        ),
        (
            "train.batch_size=false",
            r"^--set: train.batch_size = false is not right: it must be a whole number above 0$",
        ),
    ],
)
def test_what_is_wrong_on_the_command_line_is_one_line(given: str, said: str) -> None:
    with pytest.raises(DannError, match=said) as caught:
        load_settings(settings_class(), None, [given])
    assert "\n" not in str(caught.value)


def test_config_toml_shows_every_setting_with_its_default_and_a_comment() -> None:
    """If this fails: a default or a key changed; write the same into config.toml, in the order of the code."""
    text = (Path(__file__).parents[3] / "config.toml").read_text()
    shown = tomllib.loads(text)
    assert shown == settings_class().model_construct().model_dump(mode="json")
    assert [(table, list(keys)) for table, keys in shown.items()] == [
        (table, list(keys)) for table, keys in settings_class().model_construct().model_dump(mode="json").items()
    ]
    for line in text.splitlines():
        assert not line or line.startswith(("#", "[")) or "  # " in line or '" # ' in line or "0 # " in line, line
