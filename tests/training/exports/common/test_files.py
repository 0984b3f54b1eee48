"""Opening files, folders and zips, and the one-line error for each way to break them."""

import io
import logging
import os
import zipfile
from pathlib import Path

import pytest

from model.errors import DannError
from training.exports.common.encodings import decode_head
from training.exports.common.files import ExportFile, open_text, open_tree, read_lines

TREE = {
    "readme.txt": b"hello",
    "messages/Index.json": b"{}",
    "messages/c1/channel.json": b'{"id": "1"}',
    "messages/c1/messages.csv": b"ID,Contents\r\n",
    ".hidden/x.txt": b"no",
    "messages/.DS_Store": b"no",
}
SEEN = ["messages/Index.json", "messages/c1/channel.json", "messages/c1/messages.csv", "readme.txt"]


def folder(root: Path) -> Path:
    for name, content in TREE.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def zipped(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def content(file: ExportFile | None) -> bytes:
    assert file is not None
    with file.open() as stream:
        return stream.read()


def contents(path: Path) -> list[bytes]:
    return [content(file) for file in open_tree(path)]


def refusal(path: Path) -> str:
    with pytest.raises(DannError) as caught:
        contents(path)
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message
    return message


@pytest.mark.parametrize("form", ["folder", "zip"])
def test_a_folder_and_a_zip_of_it_are_the_same_tree(tmp_path: Path, form: str) -> None:
    path = folder(tmp_path / "export") if form == "folder" else zipped(tmp_path / "export.data", TREE)
    files = open_tree(path)
    assert [file.path for file in files] == SEEN
    assert contents(path) == [TREE[name] for name in SEEN]
    messages = files[2]
    assert messages.label == f"{path}/messages/c1/messages.csv"
    assert content(messages.sibling("CHANNEL.json")) == TREE["messages/c1/channel.json"]
    assert content(messages.sibling("../index.json")) == b"{}"
    assert content(messages.sibling("../../README.txt")) == b"hello"
    assert messages.sibling("absent.json") is None
    assert messages.sibling("../c1") is None


def test_a_file_alone_still_finds_the_rest_of_its_export(tmp_path: Path) -> None:
    [file] = open_tree(folder(tmp_path) / "messages/c1/messages.csv")
    assert file.path == "messages.csv"
    assert content(file.sibling("../index.json")) == b"{}"


def test_every_opening_begins_at_the_start(tmp_path: Path) -> None:
    [file] = open_tree(zipped(tmp_path / "a.zip", {"a.txt": b"abcdef"}))
    with file.open() as one, file.open() as other:
        assert (one.read(4), other.read(2), one.read()) == (b"abcd", b"ab", b"ef")


def test_links_in_circles_and_to_nowhere_end(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "round").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "self").symlink_to(tmp_path / "self")
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    os.mkfifo(tmp_path / "pipe")
    assert [file.path for file in open_tree(tmp_path)] == ["a.txt"]
    assert "neither a file nor a folder" in refusal(tmp_path / "pipe")


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    assert "no such file or folder" in refusal(tmp_path / "gone.json")


def test_a_file_that_vanishes_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("a")
    [file] = open_tree(path)
    path.unlink()
    with pytest.raises(DannError, match=r"a\.txt: cannot be read \(No such file"):
        file.open()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("name", ["a.txt", "shut"])
def test_what_may_not_be_read_is_said(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "shut").mkdir()
    (tmp_path / name).chmod(0)
    try:
        assert "Permission denied" in refusal(tmp_path / name)
    finally:
        (tmp_path / name).chmod(0o700)


def test_a_name_with_a_line_break_stays_on_one_line(tmp_path: Path) -> None:
    (tmp_path / "a\nb.txt").write_text("a")
    assert [file.label for file in open_tree(tmp_path)] == [f"{tmp_path}/a\ufffdb.txt"]


@pytest.mark.parametrize("kept", [10, 100, 0.5, 0.99])
def test_a_zip_cut_short_is_named_with_the_place(tmp_path: Path, kept: float) -> None:
    whole = zipped(tmp_path / "a.zip", TREE).read_bytes()
    path = tmp_path / "cut.zip"
    path.write_bytes(whole[: int(kept * len(whole) if kept < 1 else kept)])
    assert f"byte {path.stat().st_size}" in refusal(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_no_flipped_byte_in_a_zip_is_read_in_silence_or_ends_in_another_error(tmp_path: Path, method: int) -> None:
    text = os.urandom(400).hex().encode()
    whole = zipped(tmp_path / "a.zip", {"a.txt": text}, method).read_bytes()
    path = tmp_path / "bad.zip"
    told = 0
    for at in range(4, len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        try:
            assert contents(path) in ([text], [])
        except DannError:
            told += 1
    assert told > 300


def test_damage_within_a_zip_says_where_it_was_met(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"long.txt": os.urandom(300_000)}, zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[200_000] ^= 1
    path.write_bytes(data)
    message = refusal(path)
    assert "a.zip/long.txt: damaged" in message
    assert "after byte 2" in message


@pytest.mark.parametrize(
    "name",
    [
        "../evil.txt",
        "a/../../evil.txt",
        "/etc/evil.txt",
        "C:/evil.txt",
        "c:evil.txt",
        "..\\evil.txt",
        "a\\..\\..\\evil.txt",
        "\\evil.txt",
        "C:\\evil.txt",
        "a/..",
    ],
)
def test_a_zip_that_climbs_out_is_refused_whole(tmp_path: Path, name: str) -> None:
    path = zipped(tmp_path / "a.zip", {"good.txt": b"good", name: b"evil"})
    with pytest.raises(DannError, match="outside its own folder"):
        open_tree(path)


@pytest.mark.parametrize("name", ["a..b.txt", "...txt/..c.txt", "chat: one.txt", "a/b..txt"])
def test_dots_and_colons_within_names_climb_nowhere(tmp_path: Path, name: str) -> None:
    open_tree(zipped(tmp_path / "a.zip", {name: b"good"}))


def test_a_zip_that_swells_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"zeros.txt": bytes(10_000_000)})
    assert "10000000, over 100 times" in refusal(path)


def test_an_encrypted_zip_is_refused_with_the_way_out(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.txt": b"secret"})
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    assert "is encrypted; unpack it with its password" in refusal(path)


def test_a_link_in_a_zip_is_no_post(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link.txt")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(link, "/etc/hostname")
    assert open_tree(tmp_path / "a.zip") == []


def test_an_empty_zip_holds_nothing(tmp_path: Path) -> None:
    assert open_tree(zipped(tmp_path / "a.zip", {})) == []


@pytest.mark.parametrize(
    ("encoding", "noted"), [("utf-8", False), ("utf-8-sig", False), ("utf-16", False), ("cp1252", True)]
)
def test_text_is_read_in_the_encoding_it_was_written_in(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, encoding: str, noted: bool
) -> None:
    text = "a" * (1 << 20) + "plain\nnaïve “café”\n"
    (tmp_path / "a.txt").write_bytes(text.encode(encoding))
    [file] = open_tree(tmp_path / "a.txt")
    with caplog.at_level(logging.WARNING, "dann"):
        for _ in range(2):
            with open_text(file) as stream:
                assert stream.read() == text
    assert [record.getMessage().endswith("read as Windows-1252") for record in caplog.records] == [True] * noted
    assert decode_head(text.encode(encoding)[-20:]).endswith("café”\n") or encoding == "utf-16"


@pytest.mark.parametrize("cut", range(1, 4))
def test_a_character_across_two_reads_or_cut_at_the_end_is_still_utf_8(tmp_path: Path, cut: int) -> None:
    (tmp_path / "a.txt").write_bytes(b"a" * ((1 << 20) - cut) + "😂é😂".encode()[:-cut])
    [file] = open_tree(tmp_path / "a.txt")
    with open_text(file) as stream:
        assert stream.read().lstrip("a") == "😂é\ufffd"


def test_the_head_of_a_file_decodes_wherever_it_is_cut() -> None:
    head = "naïve 😂".encode()
    assert [decode_head(head[:end]) for end in (2, 3, 4, 7, 8, 10)] == ["na", "na", "naï", "naïve ", "naïve ", "naïve "]
    assert decode_head("na\xefve".encode("cp1252")) == "naïve"
    assert decode_head("naïve".encode("utf-16")) == decode_head("naïve".encode("utf-8-sig")) == "naïve"


def test_line_ends_are_told_apart_from_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"one\r\ntwo\rthree\n")
    [file] = open_tree(tmp_path / "a.txt")
    with open_text(file) as stream:
        assert list(stream) == ["one\n", "two\n", "three\n"]
        assert isinstance(stream, io.TextIOBase)


def test_backslashes_in_a_zip_made_on_windows_are_slashes(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"in\\deep\\a.txt": b"one", "in\\b.txt": b"two", "in\\empty\\": b""})
    files = open_tree(path)
    assert {file.path: content(file) for file in files} == {"in/deep/a.txt": b"one", "in/b.txt": b"two"}
    assert content(files[1].sibling("../b.txt")) == b"two"


@pytest.mark.parametrize("keep_returns", [True, False])
def test_lines_are_the_same_wherever_a_block_ends(tmp_path: Path, *, keep_returns: bool) -> None:
    for size in (0, 3, 32_766, 32_767, 32_768):
        written = ["x" * size, "", "zwei \u2028 drei", "ü" * size]
        path = tmp_path / "a.txt"
        path.write_bytes("\r\n".join(written).encode())
        (file,) = open_tree(path)
        end = "\r" if keep_returns else ""
        assert list(read_lines(file, keep_returns=keep_returns)) == [line + end for line in written[:-1]] + [
            line for line in written[-1:] if line
        ]


def test_a_line_without_end_is_refused_with_its_number(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\n" + "x" * 1_200_000)
    with pytest.raises(DannError, match=r"a\.txt: line 2 has over 1,000,000 characters"):
        list(read_lines(open_tree(tmp_path / "a.txt")[0]))
