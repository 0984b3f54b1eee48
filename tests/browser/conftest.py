"""Tests in a real browser: skipped where there is none, unless DANN_BROWSER=required."""

import os
from collections.abc import Iterator

import pytest

from bot.config import BotSettings
from tests.bot.web.web_harness import FakeBot
from tests.browser.page_harness import BROWSER, Run, chromium, shared_session
from tests.model.one_width import one_width
from tests.model.small_networks import parrot


@pytest.fixture(scope="package", autouse=True)
def _one_browser_and_one_width() -> Iterator[None]:
    with one_width():
        yield
    BROWSER.close()


@pytest.fixture(autouse=True)
def _browser() -> None:
    if chromium() or os.environ.get("DANN_BROWSER") == "required":
        return
    pytest.skip("no Chromium on this machine's PATH; set DANN_BROWSER=required to fail instead")


@pytest.fixture(scope="package")
def run(_one_browser_and_one_width: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Run scenarios on one server that repeats "hey lol ", six tokens at most: only what a visit sees is its own."""
    told = {"data": {"dir": tmp_path_factory.mktemp("data")}, "sample": {"max_tokens": 6}}
    bot = FakeBot(settings=BotSettings.model_validate(told))
    with shared_session(lambda: parrot("hey lol ", forever=True), bot) as run:
        yield run
