"""`reccl recommend`."""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reccl.cli import rules
from reccl.cli.asked_users import user_ids
from reccl.cli.console import Device, MemoryLimit, Quiet, RunName, err, flag, hint, out, say, table
from reccl.cli.similar import print_rows, split_words
from reccl.errors import ConfigError

if TYPE_CHECKING:
    import polars as pl

    from reccl.recommend import Format as WrittenFormat
    from reccl.recommend.parts import Engine as EngineName
    from reccl.recommend.parts import Plan, Written
    from reccl.recommender import Recommender

EXAMPLES = (
    "reccl recommend --out recommendations.parquet",
    "reccl recommend --users 42,7 --k 5 --item-columns title",
    "reccl recommend --users 42 --show --item-columns title --at-most genres=3",
    "reccl recommend --out lists/ --shard 3/16 --resume",
    "reccl recommend --new-items arrivals.csv --history today.csv --out lists.jsonl",
)
PAST = 20
"""Items of a user that --show prints."""
READERS = {
    "arrow": "read_ipc({})",
    "csv": "read_csv({})",
    "json": "read_json({})",
    "jsonl": "read_ndjson({})",
    "parquet": "read_parquet({})",
    "tsv": "read_csv({}, separator='\\t')",
}


class Engine(StrEnum):
    """What scores the parts of a folder."""

    local = "local"
    ray = "ray"


class Format(StrEnum):
    """File formats."""

    parquet = "parquet"
    csv = "csv"
    tsv = "tsv"
    jsonl = "jsonl"
    json = "json"
    arrow = "arrow"


def recommend(
    place: Annotated[
        str | None,
        typer.Option(
            "--out",
            "-o",
            help="File to write; an older one is replaced when this one is whole. - is standard output. A folder, "
            "recs/, gets parts of Parquet, in bounded memory whatever the number of users.",
        ),
    ] = None,
    run: RunName = "latest",
    k: Annotated[int, typer.Option("--k", "-k", min=1, help="Items for each user.")] = 20,
    users: Annotated[
        str | None,
        typer.Option(help="Users to score: id,id,... or a file: a column `user`, or one id a line. Default: all."),
    ] = None,
    item_columns: Annotated[
        str | None,
        typer.Option(metavar="COLUMN,...", help="Columns of the item table to add, such as title."),
    ] = None,
    include_seen: Annotated[
        bool | None,
        flag(
            "--include-seen/--hide-seen",
            help="Also list what the user already has, or leave it out. Default: out, unless evaluation.hide=none.",
        ),
    ] = None,
    new_users: Annotated[
        Path | None,
        typer.Option(help="Users to add, without training: a file with a column `user` and columns of features."),
    ] = None,
    new_items: Annotated[
        Path | None,
        typer.Option(help="Items to add to everybody's candidates: a file with `item` and columns of features."),
    ] = None,
    history: Annotated[
        Path | None,
        typer.Option(help="Interactions since the training, of new users or known ones: a file with `user`, `item`."),
    ] = None,
    where: rules.Where = None,
    allow: rules.Allow = None,
    deny: rules.Deny = None,
    exclude: rules.Exclude = None,
    candidates: rules.Candidates = None,
    at_most: rules.AtMost = None,
    mmr: rules.MmrOption = None,
    calibrate: rules.Calibrate = None,
    new_item_share: rules.NewItemShare = None,
    new_item_boost: rules.NewItemBoost = None,
    show: Annotated[bool, flag("--show", help="Print what the --users have, too.")] = False,
    resume: Annotated[bool, flag("--resume", help="Keep the finished parts of a folder that was begun.")] = False,
    shard: Annotated[
        str | None, typer.Option(metavar="I/N", help="Write every Nth part only, for N machines, e.g. 3/16.")
    ] = None,
    part_users: Annotated[int, typer.Option(min=1, max=10_000_000, help="Users of one part of a folder.")] = 100_000,
    engine: Annotated[
        Engine, typer.Option(help="Score the parts in this process, or by Ray on its cores or a cluster's.")
    ] = Engine.local,
    ray_address: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="A Ray cluster that runs. Default: RAY_ADDRESS, else Ray starts here."),
    ] = None,
    form: Annotated[
        Format | None, typer.Option("--format", help="Default: by the file's ending, else parquet.")
    ] = None,
    memory_limit: MemoryLimit = None,
    device: Device = "auto",
    quiet: Quiet = False,
) -> None:
    """Write the best items of every user: user, item, score, rank, source, in raw ids. Or print those of a few users.

    New users, new items and new interactions are taken in without training. The source of a row is model, fold_in
    (the user is placed, or moved, by --history), content (a new user or item is placed by features) or popularity.

    Rules (--where, --allow, --deny, --exclude, --candidates) filter before the best are chosen; --at-most, --mmr and
    --calibrate choose among what is left. Lists that hold fewer items than asked for are counted, with the reason.
    """
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    from reccl.memory import check_room, parse_amount
    from reccl.recommend.parts import Shard
    from reccl.recommend.ray_session import check_ray
    from reccl.recommend.target import check_target, is_special, is_stdout
    from reccl.recommend.write import choose_format

    in_parts = is_folder(place)
    target = None if place is None or in_parts else Path(place)
    share, limit = Shard.parse(shard or "1/1"), None if memory_limit is None else parse_amount(memory_limit)
    on_ray = engine is Engine.ray
    if (resume or shard or on_ray) and not in_parts:
        raise ConfigError("--resume, --shard and --engine ray are for a folder of parts: --out recs/")
    if ray_address is not None and not on_ray:
        raise ConfigError("--ray-address is for --engine ray")
    if on_ray:
        check_ray()
        if device not in ("auto", "cpu"):
            raise ConfigError(f"--device {device}: --engine ray scores on processors; leave one of them out")
    if show and (users is None or place is not None):
        raise ConfigError("--show is for a few users, without a file: name them with --users and leave --out out")
    if place is None and users is None:
        raise ConfigError("where to? Name a file with --out, or a few users with --users to see their lists here")
    form_name: WrittenFormat | None = form.value if form else None
    if target is not None:
        check_target(target)
        choose_format(target, form_name)
    from reccl import recommend as batch
    from reccl import tracking
    from reccl.recommend.ask import add_named_users
    from reccl.recommend.id_tables import count_new, count_unknown, read_id_table
    from reccl.recommend.item_columns import choose_item_columns
    from reccl.recommend.listing import Listing
    from reccl.recommend.new_item_count import NewItemCount
    from reccl.recommend.parts import Plan, list_missing, open_parts, watched, write_parts
    from reccl.recommend.record import read_record
    from reccl.recommend.request import describe_request
    from reccl.recommend.scoring_memory import forecast_loading
    from reccl.recommend.short_lists import ShortLists
    from reccl.recommender import Recommender
    from reccl.training.device import resolve_device

    hardware = resolve_device("cpu" if on_ray else device)
    found = tracking.find(run, say)
    check_room(forecast_loading(tracking.model_folder(found), k), limit, say if users is None else str)
    model = tracking.model_of(found).to(hardware)
    recommender = Recommender(model, read_record(tracking.model_folder(found)))
    names, own = recommender.record.id_names(), recommender.record.table_id_names()
    items, rows = read_id_table(new_items, own, names), read_id_table(history, names)
    people = read_id_table(new_users, own, names)
    extended = batch.extend_model(model, people, items, rows, say, recommender.record)
    if rows is not None:
        count_new(rows, model.user_ids, extended.model.user_ids, say)
    wanted = None if users is None else user_ids(users, names, extended.model.user_ids)
    if wanted is not None:
        count_unknown(wanted, extended.model.user_ids, say)
    of_new = {"new_item_share": new_item_share, "new_item_boost": new_item_boost}
    chosen = rules.read_rules(names, where, allow, deny, exclude, candidates, at_most, mmr, calibrate, **of_new)
    extended = add_named_users(extended, wanted, chosen, names)
    resolved = recommender.resolve(chosen, extended, items, say)
    columns = split_words(item_columns)
    beside = choose_item_columns(recommender.record.item_table, model.item_ids, columns, items) if columns else None
    listing = Listing(extended, k, include_seen, resolved, beside)
    short = ShortLists(k, len(extended.model.item_ids), resolved)
    fresh = NewItemCount.of(extended, resolved)
    everyone = extended.model.user_ids.ids.sort() if wanted is None else wanted.unique().sort()
    total = len(everyone)
    bars = (TextColumn("scoring users"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*bars, console=err, transient=True, disable=err.quiet or not err.is_terminal) as bar:
        task = bar.add_task("", total=total)

        def watch(lists: "pl.DataFrame") -> None:
            short.count(lists)
            fresh.count(lists)
            bar.advance(task, lists["user"].n_unique())

        if in_parts:
            assert place is not None
            tables = {"users": everyone, "new_users": people, "new_items": items, "history": rows}
            request = describe_request(listing, columns, chosen, names, tables)
            plan = Plan(found.info.run_id, total, part_users, request)
            folder = Path(place)
            open_parts(folder, plan, share, resume=resume)
            bar.update(task, total=sum(len(plan.place(part)) for part in list_missing(folder, plan, share)))
            way: EngineName = engine.value
            written = write_parts(
                listing, everyone, folder, plan, share, engine=way, ray_address=ray_address, watch=watch
            )
            say_line(short.describe(written.users))
            say_line(fresh.describe())
            out.print(describe_parts(written, place, plan))
            return
        if target is None:
            if show and wanted is not None:
                print_past(recommender, wanted, columns)
            print_lists(watched(listing(wanted), watch))
            say_line(short.describe(total))
            say_line(fresh.describe())
            return
        chosen_format = choose_format(target, form_name)
        height = batch.write_tables(watched(listing(wanted), watch), target, chosen_format)
    say_line(short.describe(total))
    say_line(fresh.describe())
    to_file = not (is_stdout(target) or is_special(target))
    (out.print if to_file else say)(
        f"{height:,} rows for {total:,} users of run {found.info.run_id} ({found.info.run_name}) -> {target}"
    )
    if to_file:
        how = READERS[chosen_format].format(repr(str(target)))
        hint(f"read it with polars.{how}; reccl evaluate --run {found.info.run_id[:8]}")


def is_folder(place: str | None) -> bool:
    """Whether --out names a folder of parts: with a slash at its end, or one that holds some."""
    from reccl.recommend.parts import read_plan

    if place is None or place.endswith("/"):
        return place is not None
    first = next(Path(place).glob("part-*.parquet"), None) if Path(place).is_dir() else None
    return first is not None and read_plan(first) is not None


def describe_parts(written: "Written", place: str, plan: "Plan") -> str:
    """What was written, in one line."""
    kept = f", {written.kept:,} kept" if written.kept else ""
    rest = f"; {written.missing:,} parts are still to come" if written.missing else ""
    return f"{written.rows:,} rows in {written.parts:,} parts{kept} of run {plan.run_id} -> {place}{rest}"


def say_line(line: str | None) -> None:
    """Why some lists are short, what share new items have: a line where there is something to say."""
    if line:
        say(line)


def print_past(recommender: "Recommender", users: "pl.Series", columns: list[str]) -> None:
    """What the users have, up to 20 items each."""
    import polars as pl

    model = recommender.model
    for user, row in zip(users, model.user_ids.to_rows(users), strict=True):
        if row is None:
            out.print(f"user {user} is not known")
            continue
        start, end = model.known.start[row : row + 2].tolist()
        rows = pl.Series("item", model.known.item[start : min(end, start + PAST)].cpu().numpy())
        items = model.item_ids.to_ids(rows).to_frame()
        out.print(f"user {user} has {end - start:,} items{', such as' if end - start > PAST else ''}")
        print_rows(recommender.with_item_columns(items, columns) if columns else items)
        out.print()


def print_lists(tables: "Iterator[pl.DataFrame]") -> None:
    """Recommendations as a table for the eye."""
    made = None
    for lists in tables:
        made = made or table(None, *lists.columns, right=("score", "rank"))
        for row in lists.iter_rows(named=True):
            made.add_row(*(f"{value:.4g}" if name == "score" else str(value) for name, value in row.items()))
    if made is not None:
        out.print(made)
