"""Real clients of OpenAI's API against dann's server: the `openai` package, and `llm`."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import openai
import pytest

from bot.config import BotSettings
from model.checkpoints import checkpoint
from model.engine.engine import Engine, Turn
from model.tokenizer import NUM_SPECIAL
from tests.bot.web.web_harness import FakeBot, Web, serve_http
from tests.model.engine.test_stream import held_up
from tests.model.small_networks import GREEDY, WILD, save
from training.config.tables import DataConfig

SAMPLERS = {"top_k": 0, "min_p": 0.0, "word_min_p": 0.0, "repetition_penalty": 1.0}
ASKED: dict[str, Any] = {"model": "dann", "temperature": 2.0, "top_p": 1.0, "max_tokens": 40, "extra_body": SAMPLERS}
HEY: list[Any] = [{"role": "system", "content": "be nice"}, {"role": "user", "content": "hey"}]


@asynccontextmanager
async def serve_checkpoints(folder: Path) -> AsyncIterator[tuple[openai.AsyncOpenAI, Engine, Web]]:
    """Serve checkpoint "two", with "one" as an older one, and open a client."""
    save(folder / "checkpoints", "one", "two")
    async with Engine(checkpoint.load(folder / "checkpoints"), slots=8, waiting=8) as engine:
        await engine.ready()
        settings = BotSettings(data=DataConfig(dir=folder), sample=WILD)
        async with serve_http(FakeBot(settings=settings, engine=engine).state()) as web:
            own = openai.DefaultAsyncHttpxClient(trust_env=False)
            options: Any = {"api_key": "none", "max_retries": 0, "http_client": own}
            async with openai.AsyncOpenAI(base_url=f"http://127.0.0.1:{web.port}/v1", **options) as client:
                yield client, engine, web


def run_scenario(folder: Path, act: Callable[[openai.AsyncOpenAI, Engine], Awaitable[None]]) -> None:
    async def play() -> None:
        async with serve_checkpoints(folder) as (client, engine, _):
            await act(client, engine)
            assert engine.load.busy + engine.load.waiting == 0

    asyncio.run(play())


def test_it_lists_its_checkpoints(tmp_path: Path) -> None:
    async def act(client: openai.AsyncOpenAI, _: Engine) -> None:
        models = [model async for model in client.models.list()]
        assert [model.id for model in models] == ["dann", "two", "one"]
        assert {model.owned_by for model in models} == {"dann"}
        one = await client.models.retrieve("one")
        assert (one.id, one.object, one.created) == ("one", "model", 1_767_225_600)
        with pytest.raises(openai.NotFoundError) as caught:
            await client.models.retrieve("three")
        assert caught.value.code == "model_not_found"

    run_scenario(tmp_path, act)


def test_a_seed_gives_the_engines_own_text_whole_and_streamed_and_from_an_older_checkpoint(tmp_path: Path) -> None:
    async def act(client: openai.AsyncOpenAI, engine: Engine) -> None:
        turns = [Turn(mine=False, text="hey")]
        for seed in range(3):
            expected = await engine.submit(turns, WILD, seed).completion()
            whole = await client.chat.completions.create(messages=HEY, seed=seed, **ASKED)
            older = await client.chat.completions.create(messages=HEY, seed=seed, **{**ASKED, "model": "one"})
            assert whole.choices[0].message.content == expected.text == older.choices[0].message.content
            assert (whole.choices[0].finish_reason, whole.model, older.model) == (expected.finish_reason, "dann", "one")
            assert whole.usage
            assert whole.usage.completion_tokens == expected.tokens
            assert whole.usage.prompt_tokens == expected.prompt_tokens
            stream = await client.chat.completions.create(
                messages=HEY, seed=seed, stream=True, stream_options={"include_usage": True}, **ASKED
            )
            chunks = [chunk async for chunk in stream]
            assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == expected.text
            assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == expected.finish_reason
            assert chunks[0].choices[0].delta.role == "assistant"
            assert (chunks[-1].choices, chunks[-1].usage) == ([], whole.usage)

    run_scenario(tmp_path, act)


def test_a_prompt_is_the_beginning_of_a_message_and_so_is_an_assistants_last(tmp_path: Path) -> None:
    async def act(client: openai.AsyncOpenAI, engine: Engine) -> None:
        expected = await engine.submit([], WILD, 5, reply_prefix="the loss").completion()
        completion = await client.completions.create(prompt="the loss", seed=5, **ASKED)
        assert completion.choices[0].text == expected.text
        echoed = await client.completions.create(prompt="the loss", seed=5, echo=True, **ASKED)
        assert echoed.choices[0].text == "the loss" + expected.text
        stream = await client.completions.create(prompt="the loss", seed=5, stream=True, **ASKED)
        assert "".join([chunk.choices[0].text async for chunk in stream]) == expected.text
        begun = await engine.submit([Turn(mine=False, text="hey")], WILD, 5, reply_prefix="the loss").completion()
        messages = [*HEY, {"role": "assistant", "content": [{"type": "text", "text": "the loss"}]}]
        chat = await client.chat.completions.create(messages=messages, seed=5, **ASKED)
        assert chat.choices[0].message.content == begun.text

    run_scenario(tmp_path, act)


def test_several_choices_are_different_and_the_same_again(tmp_path: Path) -> None:
    async def act(client: openai.AsyncOpenAI, _: Engine) -> None:
        twice = [await client.completions.create(prompt=["", "hey"], n=3, seed=1, **ASKED) for _ in range(2)]
        texts = [[choice.text for choice in completion.choices] for completion in twice]
        assert texts[0] == texts[1]
        assert len(set(texts[0])) == 6
        assert [choice.index for choice in twice[0].choices] == list(range(6))
        stream = await client.completions.create(prompt=["", "hey"], n=3, seed=1, stream=True, **ASKED)
        streamed = [""] * 6
        async for chunk in stream:
            streamed[chunk.choices[0].index] += chunk.choices[0].text
        assert streamed == texts[0]

    run_scenario(tmp_path, act)


def test_it_ends_before_a_stop_and_greedy_is_greedy(tmp_path: Path) -> None:
    async def act(client: openai.AsyncOpenAI, engine: Engine) -> None:
        asked = {**ASKED, "temperature": 0.0}
        whole = (await engine.submit([], GREEDY, 0).completion()).text
        greedy = await client.completions.create(prompt="", **asked)
        assert greedy.choices[0].text == whole
        stopped = await client.completions.create(prompt="", stop=[whole[2:4], "never"], **asked)
        assert (stopped.choices[0].text, stopped.choices[0].finish_reason) == (
            whole[: whole.index(whole[2:4])].rstrip(),
            "stop",
        )

    run_scenario(tmp_path, act)


def test_log_probabilities_have_both_forms(tmp_path: Path) -> None:
    async def act(client: openai.AsyncOpenAI, engine: Engine) -> None:
        stream = engine.submit([], WILD, 3, logprobs=True)
        text = (await stream.completion()).text
        thoughts = [thought for thought in stream.take_logprobs() if thought.token >= NUM_SPECIAL]
        spelled = engine.snapshot.tokenizer.token_bytes
        for streamed in (False, True):
            old: Any = await client.completions.create(prompt="", seed=3, logprobs=4, stream=streamed, **ASKED)
            parts: list[Any] = [one.choices[0] async for one in old] if streamed else [old.choices[0]]
            told = [part.logprobs for part in parts if part.logprobs]
            assert "".join(part.text for part in parts) == text
            assert [value for one in told for value in one.token_logprobs] == [thought.logprob for thought in thoughts]
            assert {len(best) for one in told for best in one.top_logprobs} <= {1, 2, 3, 4}
            offsets = [offset for one in told for offset in one.text_offset]
            assert offsets == sorted(offsets)
        chat = await client.chat.completions.create(
            messages=[{"role": "user", "content": ""}], seed=3, logprobs=True, top_logprobs=5, **ASKED
        )
        assert chat.choices[0].message.content == text
        assert chat.choices[0].logprobs
        content = chat.choices[0].logprobs.content or []
        assert [one.logprob for one in content] == [thought.logprob for thought in thoughts]
        assert b"".join(bytes(one.bytes or []) for one in content) == b"".join(spelled[t.token] for t in thoughts)
        assert {len(one.top_logprobs) for one in content} == {5}

    run_scenario(tmp_path, act)


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"model": "gpt-9"}, "model"),
        ({"temperature": 2.5}, "temperature"),
        ({"n": -1}, "n"),
        ({"n": 1000}, "n"),
        ({"n": "2"}, "n"),
        ({"max_tokens": 100_000}, "max_tokens"),
        ({"frequency_penalty": 1.0}, "frequency_penalty"),
        ({"stop": ["a"] * 5}, "stop.list[str]"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}, "messages"),
        ({"messages": [{"role": "user", "content": "x" * 20_001}]}, "messages"),
        ({"top_logprobs": 30}, "top_logprobs"),
        ({"stop": [""]}, "stop"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_it(tmp_path: Path, wrong: dict[str, Any], param: str) -> None:
    async def act(client: openai.AsyncOpenAI, _: Engine) -> None:
        with pytest.raises(openai.APIStatusError) as caught:
            await client.chat.completions.create(**{"messages": HEY, **ASKED, **wrong})
        error = caught.value
        assert (error.status_code, error.type) == (
            (404, "not_found_error") if param == "model" else (400, "invalid_request_error")
        )
        assert (error.param or "").startswith(param.split(".", maxsplit=1)[0])
        assert "\n" not in str(error.body["message"])  # type: ignore[index]

    run_scenario(tmp_path, act)


def test_who_goes_away_gives_up_what_is_drawn(tmp_path: Path) -> None:
    async def act(client: openai.AsyncOpenAI, engine: Engine) -> None:
        for streamed in (True, False):
            asked = {**ASKED, "max_tokens": 1000}
            drawing = asyncio.create_task(client.completions.create(prompt="", n=8, stream=streamed, **asked))
            while not engine.load.busy:
                await asyncio.sleep(0.001)
            if streamed:
                await (await drawing).close()  # type: ignore[union-attr]
            else:
                drawing.cancel()
            async with asyncio.timeout(30):
                while engine.load.busy + engine.load.waiting:
                    await asyncio.sleep(0.01)

    run_scenario(tmp_path, act)


def test_a_full_queue_says_when_to_come_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        async with serve_checkpoints(tmp_path) as (client, engine, _):
            with held_up(monkeypatch):
                streams = [engine.submit([], WILD, seed) for seed in range(16)]
                with pytest.raises(openai.RateLimitError) as caught:
                    await client.completions.create(prompt="", **ASKED)
                for stream in streams:
                    stream.cancel()
            assert caught.value.response.headers["retry-after"] == "2"
            assert (caught.value.code, caught.value.type) == ("queue_full", "rate_limit_error")

    asyncio.run(play())


AFTER_EACH = "-- and the next --\n"
LLM = (
    "import json, sys; from llm.cli import cli\n"
    "for words in json.loads(sys.argv[1]):\n"
    f"    cli(words, standalone_mode=False); print({AFTER_EACH!r}, end='', flush=True)"
)
"""Several command lines in one process: to import `llm` takes longer than all of them. One that fails raises."""


def test_llm_lists_prompts_and_streams(tmp_path: Path) -> None:
    """simonw's `llm`, configured as its users do, as a process of its own."""

    async def play() -> None:
        async with serve_checkpoints(tmp_path) as (_, engine, web):
            expected = await engine.submit(
                [Turn(mine=False, text="hey")], WILD.model_copy(update={"max_tokens": 20}), 7
            ).completion()
            folder = tmp_path / "llm"
            folder.mkdir()
            base = f"http://127.0.0.1:{web.port}/v1"
            (folder / "extra-openai-models.yaml").write_text(
                f"- model_id: mine\n  model_name: dann\n  api_base: {base}\n"
            )
            environment = {**os.environ, "LLM_USER_PATH": str(folder), "OPENAI_API_KEY": "none"}
            environment = {name: value for name, value in environment.items() if not name.lower().endswith("_proxy")}
            options = ["-o", "temperature", "2", "-o", "max_tokens", "20", "-o", "seed", "7", "--no-log"]
            lines = [["models"], ["-m", "mine", *options, "hey"], ["-m", "mine", "--no-stream", *options, "hey"]]
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", LLM, json.dumps(lines), env=environment, stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
            out, err = await process.communicate()
            assert process.returncode == 0, err.decode()
            listed, streamed, whole, _ = out.decode().split(AFTER_EACH)
            assert "mine" in listed
            assert expected.text in streamed
            assert expected.text in whole

    asyncio.run(play())
