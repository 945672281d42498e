"""`reccl bench`."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from reccl.cli.completion import complete_data
from reccl.cli.console import Device, Json, Quiet, flag, hint, out, print_json, say, table
from reccl.errors import join_names

if TYPE_CHECKING:
    from reccl.bench import Line, Result, Task

EXAMPLES = ("reccl bench --quick --data ml-100k", "reccl bench --device cuda --json")


def bench(
    quick: Annotated[bool, flag("--quick", help="Only what is done in minutes on two cores.")] = False,
    data: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only this data set. Repeatable.", autocompletion=complete_data),
    ] = None,
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Run the table of quality and speed: bundled configs on public data, beside published figures.

    Figures are shown where they are of the very split that was measured, by its digest, and no others.

    Every row is a `reccl train` in a process of its own, recorded as a child of one run called bench. A row that fails
    says why, the others go on, and the exit code is 1.
    """
    from reccl import bench as bench_of
    from reccl import tracking

    rows = bench_of.select_rows(data or (), quick)
    tasks = list(dict.fromkeys(task for task, _ in rows))
    with tracking.parent_run(
        "bench", "bench", {"bench.quick": str(quick), "bench.data": join_names(task.data for task in tasks)}
    ) as parent:
        results: list[Result] = []
        for number, (task, row) in enumerate(rows, 1):
            say(f"{number}/{len(rows)}  reccl {' '.join(bench_of.command(task, row, device))}")
            results.append(bench_of.run(task, row, device=device, parent=parent.id))
            say(f"      {describe_result(results[-1])}")
        splits = {task: {each.split for each in results if each.task is task and each.split} for task in tasks}
        boards = {task: bench_of.board(task.data, results, bench_of.unlock(splits[task])) for task in tasks}
        lines = [line for board in boards.values() for line in board]
        parent.text("bench.csv", bench_of.csv(lines))
        parent.text("bench.md", "\n".join(bench_of.markdown(make_title(task), board) for task, board in boards.items()))
        failed = sum(bool(result.error) for result in results)
        parent.metrics({"rows": len(results), "failed": failed})
    if json:
        print_json({"run": parent.id, "failed": failed, "lines": [asdict(line) for line in lines]})
    else:
        for task, board in boards.items():
            show(task, board)
        out.print(f"\n{bench_of.LEGEND}\nrun {parent.id} holds bench.md, bench.csv and these runs")
        hint("reccl ui; reccl compare")
    if failed:
        raise typer.Exit(1)


def describe_result(result: "Result") -> str:
    """A finished row in one line."""
    if result.error:
        return f"failed: {result.error}"
    named = zip(("prepare", "train", "evaluate"), result.seconds(), strict=True)
    seconds = ", ".join(f"{name} {value:.1f} s" for name, value in named)
    measured = ", ".join(f"{metric} {result.test[metric]:.4f}" for metric in result.task.metrics)
    return f"{measured}; {seconds}; peak {result.time['peak_memory_gib']:.2f} GiB"


def make_title(task: "Task") -> str:
    """The title of a data set's table."""
    return f"{task.title}: recall@{task.k} and NDCG@{task.k}"


def show(task: "Task", lines: "list[Line]") -> None:
    """The table of one data set, ours bold, and below it what its notes say."""
    from reccl.bench.board import COLUMNS

    notes: dict[str, int] = {}
    made = table(make_title(task), *COLUMNS, "run", right=COLUMNS[1:])
    for line in lines:
        said = line.note if line.ours else f"{line.note}; {line.source}"
        name, *numbers = line.cells()
        cells = f"{name} [{notes.setdefault(said, len(notes) + 1)}]", *numbers, line.source[:8] if line.ours else ""
        made.add_row(*cells, style="bold" if line.ours else "dim")
    out.print()
    out.print(made)
    for said, number in notes.items():
        out.print(f"[{number}] {said}")
