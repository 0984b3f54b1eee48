"""Tests in a real browser: skipped where there is none, unless DANN_BROWSER=required."""

import os

import pytest

from tests.browser.page_harness import chromium


@pytest.fixture(autouse=True)
def _browser() -> None:
    if chromium() or os.environ.get("DANN_BROWSER") == "required":
        return
    pytest.skip("no Chromium on this machine's PATH; set DANN_BROWSER=required to fail instead")
