"""The end of `dann demo` at a terminal: the page of what was learned, and nothing else, until Ctrl-C."""

import os
import re
import signal
import socket
import threading
from pathlib import Path

import httpx

from bot.config import BotConfig, BotSettings, WebConfig
from bot.demo import show_page
from tests.bot.test_app import publish
from training.config.tables import DataConfig


def test_it_says_where_the_page_is_also_where_the_port_is_taken(tmp_path: Path) -> None:
    publish(tmp_path)
    told: list[str] = []
    statuses: list[int] = []

    def look() -> None:
        """As somebody does who opens the page, and then has had enough."""
        address = ""
        while not address:
            address = next((found[0] for line in told if (found := re.findall(r"http://[\d.:]+/", line))), "")
        statuses.extend(httpx.get(f"{address}{path}", trust_env=False).status_code for path in ("", "healthz"))
        while not any(line.startswith("dann: checkpoint one") for line in told):
            pass
        os.kill(os.getpid(), signal.SIGINT)

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = BotSettings(data=DataConfig(dir=tmp_path), bot=BotConfig(web=WebConfig(port=port)))
        looking = threading.Thread(target=look)
        looking.start()
        assert show_page(settings, told.append) == 0
        looking.join()
    assert statuses == [200, 200]
    assert not [line for line in told if "TOKEN" in line or f":{port}/" in line]
    assert not (tmp_path / "inbox").exists()
