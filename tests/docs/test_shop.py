"""The page from a file of orders to nightly lists: every command runs, in its order, and prints what the page shows."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Shop
from tests.docs.test_commands import ROOT

PAGE = (ROOT / "docs" / "shop.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
SCRIPT = next(text for language, text in BLOCKS if language == "sh")
NIGHT = "nightly.sh"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The folder that the page starts from."""
    for name in ("orders.csv", "products.csv"):
        shutil.copy(ROOT / "examples" / name, tmp_path)
    monkeypatch.setenv("RECCL_CACHE", str(tmp_path / "cache"))
    (tmp_path / NIGHT).write_text(SCRIPT)
    return Shop(tmp_path)


def run(shop: Shop, block: str) -> str:
    """What the commands of a block print, on both channels."""
    printed = ""
    for line in block.splitlines():
        words = shlex.split(line, comments=True)
        match words:
            case ["reccl", *rest]:
                answer = shop(*rest)
                assert answer.code == 0, f"{line}\n{answer.err}"
                printed += answer.err + answer.out
            case ["sh", script]:
                printed += run(shop, (shop.folder / script).read_text())
            case ["head", _, name]:
                printed += (shop.folder / name).read_text()
            case [] | ["set", "-e"]:
                pass
            case _:
                raise AssertionError(f"nobody runs {line!r}")
    return printed


def plain(line: str) -> list[str]:
    """The words of a line, without the rules of tables; figures move with the machine in their last digits."""
    words = re.sub(r"[│┆]", " ", line).replace(",", " , ").split()
    return ["#" if re.fullmatch(r"[-+]?[\d.]+%?|[0-9a-f]{8}", word) else word for word in words]


def require_shown(shown: str, printed: str) -> None:
    """Every line that the page shows was printed, in this order."""
    lines = iter([plain(line) for line in printed.splitlines()])
    for line in shown.splitlines():
        assert line == "..." or any(plain(line) == other for other in lines), f"{line!r} is not in:\n{printed}"


def test_every_command_runs_and_prints_what_is_shown(shop: Shop) -> None:
    printed, ran = "", 0
    for language, text in BLOCKS:
        if language == "bash":
            printed, ran = run(shop, text), ran + 1
        elif language == "text" and printed:
            require_shown(text, printed)
            printed = ""
    assert ran == 6
    assert (shop.folder / "lists.csv").read_text().count("\n") == 2601


def test_the_cron_line_runs_the_script_and_the_same_goes_in_python(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (cron,) = [text for language, text in BLOCKS if language == "text" and NIGHT in text]
    assert re.match(r"\d+ \d+ \* \* \*  cd \S+ && .*sh nightly\.sh >> \S+ 2>&1$", cron.strip())
    assert shop("init", "orders.csv", "--items", "products.csv", "--yes").code == 0
    monkeypatch.chdir(shop.folder)
    (code,) = [text for language, text in BLOCKS if language == "python"]
    exec(code, {})
    require_shown(BLOCKS[-1][1], capsys.readouterr().out)
    assert Path("lists.csv").read_text().count("\n") == 2601
