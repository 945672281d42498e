"""Rules in raw ids, together and in any combination, give the lists of a brute-force search."""

import polars as pl
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reccl.recommend import Model, extend_model, recommend
from reccl.recommend.ask import add_named_users
from reccl.recommend.rules import Rules, resolve_rules

USERS, ITEMS = st.sampled_from(["u001", "u042", "u100", "u199", "nobody"]), st.integers(3, 125).map(lambda i: i * 3 + 1)
PAIRS = st.lists(st.tuples(USERS, ITEMS), min_size=1, max_size=60)
IDS = st.lists(ITEMS, min_size=1, max_size=80)


def table(pairs: list[tuple[str, int]], model: Model) -> pl.DataFrame:
    """Pairs with one that is known, for tables that match nothing are refused."""
    pairs = [*pairs, ("u001", model.item_ids.ids[7])]
    return pl.DataFrame(pairs, schema={"user": pl.String, "item": pl.Int64}, orient="row")


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 30),
    st.booleans(),
    st.one_of(st.none(), st.integers(0, 100)),
    st.one_of(st.none(), IDS),
    st.one_of(st.none(), IDS),
    st.one_of(st.none(), PAIRS),
    st.one_of(st.none(), PAIRS),
    st.one_of(st.none(), st.integers(1, 3)),
)
def test_all_rules_together(
    model: Model,
    k: int,
    include_seen: bool,
    price: int | None,
    allow: list[int] | None,
    deny: list[int] | None,
    exclude: list[tuple[str, int]] | None,
    candidates: list[tuple[str, int]] | None,
    most: int | None,
) -> None:
    ids = model.item_ids.ids
    prices, shelves = dict(zip(ids, ids * 7 % 100, strict=True)), dict(zip(ids, ids % 11, strict=True))
    columns = pl.DataFrame({"price": [prices[item] for item in ids], "shelf": [shelves[item] for item in ids]})
    allow, deny = (None if some is None else [*some, ids[3]] for some in (allow, deny))
    pairs = {"exclude": exclude, "candidates": candidates}
    tables = {name: None if some is None else table(some, model) for name, some in pairs.items()}
    where, caps = None if price is None else f"price < {price} and shelf != 4", {"shelf": most} if most else {}
    rules = Rules(where, allow, deny, **tables, at_most=caps)
    users = pl.Series(["u001", "u042", "u100", "u199", "nobody"])
    extended = add_named_users(extend_model(model), users, rules, {})
    resolved = resolve_rules(rules, extended, columns, {}, lambda _: None)
    lists = pl.concat(recommend(extended, users, k, include_seen=include_seen, rules=resolved))
    scores = model.scorer.scores(torch.arange(len(model.user_ids)))
    for user in users:
        row = model.user_ids.to_rows(pl.Series([user]))[0]
        seen, value = set(), dict(zip(ids, model.popularity.tolist(), strict=True))
        if row is not None:
            value = dict(zip(ids, scores[row].tolist(), strict=True))
            at, end = model.known.start[row : row + 2].tolist()
            seen = {ids[item] for item in model.known.item[at:end].tolist()}
        own = {name: set(some.filter(user=user)["item"]) for name, some in tables.items() if some is not None}
        left = [
            item
            for item in ids
            if (include_seen or item not in seen)
            and (price is None or (prices[item] < price and shelves[item] != 4))
            and (allow is None or item in allow)
            and (deny is None or item not in deny)
            and item not in own.get("exclude", ())
            and (not own.get("candidates") or item in own["candidates"])
        ]
        expected: list[float] = []
        on_shelf: dict[int, int] = {}
        for item in sorted(left, key=lambda item: -value[item]):
            if len(expected) < k and (most is None or on_shelf.get(shelves[item], 0) < most):
                on_shelf[shelves[item]] = on_shelf.get(shelves[item], 0) + 1
                expected.append(value[item])
        found = lists.filter(user=user)
        assert set(found["item"]) <= set(left)
        assert found["item"].n_unique() == found.height == len(expected)
        assert found["rank"].to_list() == list(range(1, len(expected) + 1))
        torch.testing.assert_close(torch.tensor(found["score"].to_list()), torch.tensor(expected), atol=1e-4, rtol=0)
        if most is not None:
            assert found["item"].replace_strict(shelves).value_counts()["count"].max() in (None, *range(1, most + 1))
