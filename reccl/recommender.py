"""Recommender: a trained model in the hands of a user of the library."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
from typing_extensions import Unpack

from reccl.atomic import atomic_path
from reccl.caller_warning import warn
from reccl.config import Experiment, loads
from reccl.data.columns import ITEM, USER
from reccl.data.ingest.frames import to_polars
from reccl.recommend import Catalog, ExtendedModel, Model, extend_model, load, save
from reccl.recommend.ask import ListOptions, ask, resolve_for
from reccl.recommend.embedding_table import to_embedding_table
from reccl.recommend.explain import Explainer, Explanation
from reccl.recommend.id_tables import require_positive, require_rows
from reccl.recommend.item_columns import add_item_columns
from reccl.recommend.new_nodes import Log
from reccl.recommend.pairs import score_pairs
from reccl.recommend.parts import PART_USERS, Engine, Plan, Shard, Written, open_parts, watched, write_parts
from reccl.recommend.record import TrainingRecord, read_record, write_record
from reccl.recommend.request import describe_request, hash_model
from reccl.recommend.rules import ResolvedRules, Rules
from reccl.recommend.similar import find_similar_items, find_similar_users
from reccl.training.device import resolve_device


class Recommender:
    """A trained model with its metrics and history: recommends, scores pairs, gives embeddings, saves itself.

    Made by `reccl.train` and `reccl.load`. It holds nothing but ids, embeddings and known interactions: neither the
    training code nor the raw data is needed to use it.
    """

    def __init__(self, model: Model, record: TrainingRecord, run_id: str = "", trust: bool = False) -> None:
        self.model, self.record, self.trust = model, record, trust
        self.run_id = run_id
        """Id of the MLflow run that holds it; empty where it was not tracked."""

    @property
    def metrics(self) -> Mapping[str, Mapping[str, float]]:
        """Part (validation, test) -> metric -> value, e.g. `metrics["test"]["ndcg_at_10"]`."""
        return self.record.metrics

    @property
    def history(self) -> pl.DataFrame:
        """A row an epoch: losses, validation metrics, learning rate, seconds."""
        return self.record.history

    @property
    def timing(self) -> Mapping[str, float]:
        """Seconds of every part of the run, and the peak memory in GiB."""
        return self.record.timing

    @cached_property
    def experiment(self) -> Experiment:
        """The config that it was trained by, with every default.

        Raises ConfigError where it names code of its own that you have not run; see `reccl.load(trust=True)`.
        """
        return loads(self.record.config, trust=self.trust)

    @property
    def user_ids(self) -> pl.Series:
        """[U] raw ids of the users, in the order of `user_embeddings`."""
        return self.model.user_ids.ids

    @property
    def item_ids(self) -> pl.Series:
        """[I] raw ids of the items, in the order of `item_embeddings`."""
        return self.model.item_ids.ids

    def recommend(
        self,
        users: Any = None,
        k: int = 20,
        *,
        include_seen: bool | None = None,
        new_users: Any = None,
        new_items: Any = None,
        history: Any = None,
        item_columns: Sequence[str] = (),
        rules: Rules | None = None,
    ) -> pl.DataFrame:
        """The k best items of every user, sorted by user and rank.

        Args:
            users: ids (a list, a Series of polars or pandas, or a table with `user`); None: everybody, new users too.
            k: items for each user; fewer where fewer are left.
            include_seen: also list items that the user is known to have; None: as the model was measured, so only
                with `evaluation.hide: none`.
            new_users: a table with `user` and feature columns: users who came after training.
            new_items: a table with `item` and feature columns: items that join everybody's candidates.
            history: a table with `user` and `item`: interactions since training, of new users or known ones.
            item_columns: columns of the item table (and of `new_items`) to add, e.g. ["title"].
            rules: what else may stand in a list, `reccl.Rules(where="price < 50", at_most={"category": 2})`.

        Returns user, item (raw ids), score, rank (1 is best) and source: `model` for trained users and items,
        `fold_in` where `history` places or moves the user, `content` where features do, `popularity` for a user about
        whom nothing is known.

        Tables may call `user` and `item` as the data set of the training does, such as `customer` and `sku`. Ids that
        match nothing are counted in a UserWarning. Raises DataError for ids of another type, unknown columns, or tables
        that lack a needed one.
        """
        options = {"new_users": new_users, "new_items": new_items, "history": history, "item_columns": item_columns}
        tables = list(self.iter_recommendations(users, k, include_seen=include_seen, rules=rules, **options))
        return pl.concat(tables) if tables else self.empty_lists(item_columns)

    def iter_recommendations(
        self, users: Any = None, k: int = 20, **options: Unpack[ListOptions]
    ) -> Iterator[pl.DataFrame]:
        """The same as `recommend`, a chunk of users at a time, in bounded memory."""
        asked = ask(self.model, self.record, warn, users, k, **options)
        short = asked.count_short()
        yield from watched(asked.listing(asked.users), short.count)
        if asked.rules is not None and (line := short.describe(len(asked.all_users))):
            warn(line)

    def write_recommendations(
        self,
        folder: str | Path,
        users: Any = None,
        k: int = 20,
        *,
        part_users: int = PART_USERS,
        resume: bool = False,
        shard: str = "1/1",
        engine: Engine = "local",
        ray_address: str | None = None,
        **options: Unpack[ListOptions],
    ) -> Written:
        """The same as `recommend`, to a folder of Parquet files, each of a block of users, in bounded memory.

        Args:
            folder: where to; a file appears whole or not at all.
            users: as for `recommend`, and so are `k` and `options`.
            k: items for each user.
            part_users: users of one file.
            resume: keep the files of the same request that are there; without it, there must be none.
            shard: "3/16" writes the third of sixteen shares, for as many machines with one file system.
            engine: score in this process ("local"), or by Ray Data ("ray": `pip install 'reccl[ray]'`).
            ray_address: HOST:PORT of a Ray cluster that runs; None: RAY_ADDRESS, else Ray starts here.
            options: include_seen, new_users, new_items, history, item_columns, rules; and memory_limit, such as "4GiB":
                refuse to begin where more would be needed (None: than is available).

        Returns how many rows and parts were written. Columns are those of `recommend`, and `run_id`. Raises ConfigError
        where the folder holds anything else.

        >>> model.write_recommendations("lists/", k=50, engine="ray")  # doctest: +SKIP
        """
        asked, part = ask(self.model, self.record, warn, users, k, **options), Shard.parse(shard)
        everyone, listing, columns = asked.all_users, asked.listing, options.get("item_columns", ())
        tables = {"users": everyone, **asked.tables}
        request = describe_request(listing, columns, asked.rules, self.record.id_names(), tables)
        if not self.run_id:
            request["model"] = hash_model(self.model)
        plan = Plan(self.run_id, len(everyone), part_users, request)
        open_parts(Path(folder), plan, part, resume=resume)
        return write_parts(listing, everyone, Path(folder), plan, part, engine=engine, ray_address=ray_address)

    def resolve(
        self, rules: Rules | None, extended: ExtendedModel, new_items: pl.DataFrame | None, log: Log
    ) -> ResolvedRules:
        """Rules in row numbers of a model that may have further users and items."""
        return resolve_for(self.model, self.record, rules, extended, new_items, log)

    def score(self, pairs: Any, *, user: str = USER, item: str = ITEM) -> pl.DataFrame:
        """The table of pairs with a column `score` (float32, null where user or item is unknown), in its own order.

        Args:
            pairs: a table with a column of user ids and one of item ids.
            user: the column of user ids; where there is no `user`, the one that is called as in the data.
            item: the column of item ids, likewise.

        """
        table = to_polars(pairs)
        user, item = (self.record.find_column(table, name) for name in (user, item))
        return score_pairs(self.model, table, user, item)

    def similar_items(self, items: Any, k: int = 10, *, item_columns: Sequence[str] = ()) -> pl.DataFrame:
        """The k items most similar to each of `items` (a list of ids): item, similar_item, similarity, rank.

        The similarity is the correlation of the two items' scores over users, from -1 to 1: who gets one recommended
        gets the other (`reccl.recommend.similar`). `item_columns` are those of the similar item, such as its title.
        Raises DataError for unknown ids.

        >>> model.similar_items([50], k=3, item_columns=["title"])  # doctest: +SKIP
        """
        rows = require_rows(items, self.model.item_ids, self.record.id_names(), ITEM)
        similar = find_similar_items(extend_model(self.model), rows, require_positive(k))
        return self.with_item_columns(similar, item_columns, on="similar_item") if item_columns else similar

    def similar_users(self, users: Any, k: int = 10) -> pl.DataFrame:
        """The k users most similar to each of `users` (a list of ids): user, similar_user, similarity, rank.

        The similarity is the correlation of the two users' scores over items. Raises DataError for unknown ids.
        """
        rows = require_rows(users, self.model.user_ids, self.record.id_names(), USER)
        return find_similar_users(extend_model(self.model), rows, require_positive(k))

    def explain(
        self,
        user: Any,
        item: Any,
        *,
        history: Any = None,
        new_users: Any = None,
        new_items: Any = None,
        item_columns: Sequence[str] = (),
    ) -> Explanation:
        """Which of the items that a user has carry the score of another item.

        Args:
            user: an id; also of one who is in `history` alone.
            item: an id.
            history: interactions since training, as for `recommend`.
            new_users: users who came after training, likewise.
            new_items: items that came after training, likewise.
            item_columns: columns of the item table to add to the contributions, e.g. ["title"].

        Returns an `Explanation`: `score`, `contributions` (item, contribution, share; the largest first), `exact` and
        `rest`. Where `exact`, the score is a sum over the user's items (EASE, item-kNN, SVD, graph filters), and
        contributions and `rest` add up to it; trained embeddings are split by Shapley values of an estimate
        (`reccl.recommend.explain`). Raises DataError for unknown ids.

        >>> model.explain(42, 204, item_columns=["title"]).contributions.head(3)  # doctest: +SKIP
        """
        names = self.record.id_names()
        users_table, items_table, rows = self.record.read_tables(new_users, new_items, history)
        if users_table is None and items_table is None and rows is None:
            explainer = self.explainer
        else:
            catalog = Catalog.of(self.model, items_table, warn, self.record)
            of_trained = self.explainer if items_table is None else Explainer(catalog.extend())
            explainer = Explainer(catalog.extend(users_table, rows, warn, self.record), of_trained)
        extended = explainer.extended.model
        row, column = (
            int(require_rows([one], ids, names, side)[0])
            for one, ids, side in ((user, extended.user_ids, USER), (item, extended.item_ids, ITEM))
        )
        found = explainer(row, column)
        if not item_columns:
            return found
        return replace(found, contributions=self.with_item_columns(found.contributions, item_columns, items_table))

    @cached_property
    def explainer(self) -> Explainer:
        """Splits scores among the items that a user has; it is fitted when it is first used."""
        return Explainer(extend_model(self.model))

    def user_embeddings(self) -> pl.DataFrame:
        """user, vector (an array of D numbers): scores are inner products with `item_embeddings`.

        Raises RecclError for a model that ranks by item-item matrices alone, and has no such vectors.
        """
        return to_embedding_table(USER, self.user_ids, self.model.scorer.user_embeddings, self.record.name)

    def item_embeddings(self) -> pl.DataFrame:
        """item, vector; see `user_embeddings`. Of a blend with item-item matrices they are the part with vectors."""
        return to_embedding_table(ITEM, self.item_ids, self.model.scorer.item_embeddings, self.record.name)

    def save(self, folder: str | Path) -> None:
        """Write a folder of safetensors, Parquet, YAML and JSON, whole or not at all; `reccl.load` reads it."""
        with atomic_path(Path(folder)) as draft:
            save(self.model, draft)
            write_record(self.record, draft)

    @classmethod
    def read(cls, folder: str | Path, run_id: str = "", device: str = "cpu", *, trust: bool = False) -> "Recommender":
        """Read what `save` wrote. Raises RunError where it is not such a folder."""
        model = load(Path(folder)).to(resolve_device(device))
        return cls(model, read_record(Path(folder)), run_id, trust)

    def with_item_columns(
        self,
        recommendations: pl.DataFrame,
        columns: Sequence[str],
        new_items: pl.DataFrame | None = None,
        on: str = ITEM,
    ) -> pl.DataFrame:
        """A table with columns of the item table beside its items (the column `on`); new items have their own table."""
        return add_item_columns(recommendations, self.record.item_table, self.model.item_ids, columns, new_items, on)

    def empty_lists(self, item_columns: Sequence[str] = ()) -> pl.DataFrame:
        """Recommendations for nobody."""
        ids = {USER: self.user_ids.dtype, ITEM: self.item_ids.dtype}
        empty = pl.DataFrame(schema={**ids, "score": pl.Float32, "rank": pl.Int32, "source": pl.String})
        return self.with_item_columns(empty, item_columns) if item_columns else empty

    def __repr__(self) -> str:
        test = self.metrics.get("test", {})
        shown = ", ".join(f"{name} {test[name]:.4f}" for name in ("ndcg_at_10", "recall_at_20") if name in test)
        sizes = f"{len(self.user_ids):,} users, {len(self.item_ids):,} items"
        return f"<Recommender {self.record.name}: {sizes}{f'; test {shown}' if shown else ''}>"
