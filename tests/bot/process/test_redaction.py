"""A secret is in no log record while its redaction is entered, whoever logs it and however."""

import logging

import pytest

from bot.process.redaction import Redaction

logger = logging.getLogger("some.library.deep.inside")
SECRET = "AAF-secret"


def test_it_is_taken_out_of_messages_arguments_and_tracebacks(caplog: pytest.LogCaptureFixture) -> None:
    with Redaction(SECRET):
        logger.error("in the message: %s", f"https://example.org/bot12:{SECRET}/getMe")
        logger.error(f"alone: {SECRET}")
        logger.error({"object": SECRET})
        try:
            raise ValueError(f"the token {SECRET} was rejected")
        except ValueError:
            logger.exception("in the traceback")
    assert SECRET not in caplog.text
    assert "https://example.org/bot12:…/getMe" in caplog.text
    assert "ValueError: the token … was rejected" in caplog.text
    assert not any(SECRET in str(record.__dict__) for record in caplog.records)


def test_everything_else_is_left_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    with Redaction(SECRET):
        try:
            raise ValueError("no secret")
        except ValueError:
            logger.exception("%s of %d", "one", 2)
    (record,) = caplog.records
    assert (record.msg, record.args) == ("%s of %d", ("one", 2))
    assert record.exc_info is not None


def test_a_record_whose_arguments_do_not_fit_does_not_show_it_either(caplog: pytest.LogCaptureFixture) -> None:
    with Redaction(SECRET):
        logger.error("%d and %d", SECRET)  # noqa: PLE1206
    assert caplog.messages == ["%d and %d ('…',)"]


def test_it_ends_in_any_order() -> None:
    before = logging.getLogRecordFactory()
    first, second = Redaction("first-secret"), Redaction("second-secret")
    first.__enter__()
    second.__enter__()
    first.__exit__()
    record = logging.getLogRecordFactory()("n", logging.INFO, "f", 1, "first-secret second-secret", (), None)
    assert record.getMessage() == "first-secret …"
    second.__exit__()
    record = logging.getLogRecordFactory()("n", logging.INFO, "f", 1, "first-secret second-secret", (), None)
    assert record.getMessage() == "first-secret second-secret"
    logging.setLogRecordFactory(before)
