"""Tests in a real browser: skipped where there is none, unless DANN_BROWSER=required."""

import os
from collections.abc import Iterator

import pytest

from tests.browser.page_harness import BROWSER, chromium
from tests.model.one_width import one_width


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
