"""Roles of columns are guessed from names, types, times and how often values repeat."""

from typing import Any

import numpy as np
import polars as pl
import pytest

from reccl.errors import ConfigError
from reccl.scaffold import guess_roles, profile

N = 1000
RANDOM = np.random.default_rng(0)
U, I, ROW = RANDOM.integers(0, 80, N), RANDOM.integers(0, 50, N), np.arange(N)  # noqa: E741
STARS, FEW = RANDOM.integers(1, 6, N), RANDOM.integers(1, 9, N)
SECONDS = RANDOM.integers(1_500_000_000, 1_600_000_000, N)
ISO = [str(np.datetime64(int(moment), "s")) for moment in SECONDS]
ORDERS, BROWSING = RANDOM.integers(0, 300, N), RANDOM.integers(0, 400, N)


def words(prefix: str, codes: Any) -> list[str]:
    """Codes as text."""
    return [f"{prefix}{code}" for code in codes]


TABLES: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "UCI online retail": (
        {
            "InvoiceNo": ORDERS,
            "StockCode": I,
            "Description": words("thing ", I),
            "Quantity": FEW,
            "InvoiceDate": ISO,
            "UnitPrice": FEW * 1.5,
            "CustomerID": U,
            "Country": ["UK", "FR"] * (N // 2),
        },
        {"user": "CustomerID", "item": "StockCode", "timestamp": "InvoiceDate", "weight": "Quantity"},
    ),
    "Amazon reviews": (
        {
            "reviewerID": words("A", U),
            "asin": words("B", I),
            "reviewerName": words("name ", U),
            "overall": STARS * 1.0,
            "unixReviewTime": SECONDS,
            "summary": words("good ", ROW),
        },
        {"user": "reviewerID", "item": "asin", "rating": "overall", "timestamp": "unixReviewTime"},
    ),
    "MovieLens": (
        {"userId": U, "movieId": I, "rating": STARS, "timestamp": SECONDS},
        {"user": "userId", "item": "movieId", "rating": "rating", "timestamp": "timestamp"},
    ),
    "RecBole": (
        {"item_id:token": I, "user_id:token": U, "rating:float": STARS * 1.0, "timestamp:float": SECONDS * 1.0},
        {"user": "user_id:token", "item": "item_id:token", "rating": "rating:float", "timestamp": "timestamp:float"},
    ),
    "Retailrocket": (
        {"timestamp": SECONDS * 1000, "visitorid": U, "event": ["view", "add"] * (N // 2), "itemid": I},
        {"user": "visitorid", "item": "itemid", "timestamp": "timestamp", "event": "event"},
    ),
    "eCommerce events": (
        {
            "event_time": ISO,
            "event_type": ["view", "buy"] * (N // 2),
            "product_id": I,
            "category_id": I % 9,
            "category_code": words("c", I % 9),
            "brand": words("b", I % 5),
            "price": FEW * 1.1,
            "user_id": U,
            "user_session": words("s", BROWSING),
        },
        {"user": "user_id", "item": "product_id", "timestamp": "event_time", "event": "event_type"},
    ),
    "Yelp": (
        {"review_id": ROW, "user_id": U, "business_id": I, "stars": STARS, "date": ISO, "useful": FEW},
        {"user": "user_id", "item": "business_id", "rating": "stars", "timestamp": "date"},
    ),
    "H&M": (
        {"t_dat": [day[:10] for day in ISO], "customer_id": words("x", U), "article_id": I, "price": FEW * 0.1},
        {"user": "customer_id", "item": "article_id", "timestamp": "t_dat"},
    ),
    "plays": (
        {"user": U, "track_id": I, "artist_id": I % 20, "playcount": FEW},
        {"user": "user", "item": "track_id", "weight": "playcount"},
    ),
    "German shop": (
        {"Kundennummer": U, "Artikel": words("A", I), "Datum": ISO, "Menge": FEW},
        {"user": "Kundennummer", "item": "Artikel", "timestamp": "Datum", "weight": "Menge"},
    ),
    "ready split": (
        {"user": U, "item": I, "split": (["train"] * 8 + ["validation", "test"]) * (N // 10)},
        {"user": "user", "item": "item", "part": "split"},
    ),
    "order lines": (
        {"order_item_id": ROW, "order_id": ORDERS, "product_id": I, "quantity": FEW, "buyer_id": U},
        {"user": "buyer_id", "item": "product_id", "weight": "quantity"},
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_columns_of_known_tables_are_told_by_name(name: str) -> None:
    table, roles = TABLES[name]
    guesses = guess_roles(profile(pl.DataFrame(table)))
    assert {role: guess.column for role, guess in guesses.items() if guess.column} == roles
    assert all(guesses[role].sure for role in ("user", "item"))


@pytest.mark.parametrize("name", TABLES)
def test_text_of_a_csv_says_the_same(name: str) -> None:
    table, roles = TABLES[name]
    as_text = pl.DataFrame(table).select(pl.all().cast(pl.String))
    assert {role: guess.column for role, guess in guess_roles(profile(as_text)).items() if guess.column} == roles


class TestDoubt:
    def test_names_without_meaning_are_told_by_how_often_values_repeat(self) -> None:
        guesses = guess_roles(profile(pl.DataFrame({"a": U, "b": I, "c": STARS, "d": SECONDS})))
        assert (guesses["user"].column, guesses["item"].column, guesses["timestamp"].column) == ("a", "b", "d")
        assert not any(guesses[role].sure for role in ("user", "item", "timestamp"))

    def test_an_order_stands_for_its_unknown_customer(self) -> None:
        guesses = guess_roles(profile(pl.DataFrame({"order_id": ORDERS, "product_id": I})))
        assert (guesses["user"].column, guesses["user"].sure) == ("order_id", False)

    def test_the_user_of_a_session_is_a_user(self) -> None:
        guess = guess_roles(profile(pl.DataFrame({"session_user": U, "session": BROWSING, "sku": I})))["user"]
        assert (guess.column, guess.sure) == ("session_user", True)

    def test_a_row_number_is_nobody(self) -> None:
        guesses = guess_roles(profile(pl.DataFrame({"order_id": ROW, "client": U, "sku": I})))
        assert guesses["user"].column == "client"

    def test_the_birthday_is_not_the_time_of_the_order(self) -> None:
        born = [str(np.datetime64(int(moment), "s"))[:10] for moment in SECONDS - 900_000_000]
        guesses = guess_roles(profile(pl.DataFrame({"user": U, "item": I, "birth_date": born, "bought_on": ISO})))
        assert guesses["timestamp"].column == "bought_on"

    def test_dates_in_no_known_form_are_pointed_out(self) -> None:
        guess = guess_roles(profile(pl.DataFrame({"user": U, "item": I, "date": ["sometime"] * N})))["timestamp"]
        assert (guess.column, guess.sure) == (None, False)
        assert guess.why == "date is in no form that can be read"


class TestGiven:
    COLUMNS = profile(pl.DataFrame(TABLES["Yelp"][0]))

    def test_a_given_column_is_not_guessed_and_has_no_other_role(self) -> None:
        guesses = guess_roles(self.COLUMNS, {"weight": "stars", "user": "useful"})
        assert guesses["weight"].column == "stars"
        assert guesses["user"].column == "useful"
        assert guesses["rating"].column is None

    def test_none_leaves_a_role_out(self) -> None:
        assert guess_roles(self.COLUMNS, {"timestamp": None})["timestamp"].column is None

    def test_an_unknown_column_gets_the_nearest(self) -> None:
        with pytest.raises(ConfigError, match="--user: no column 'userid'; did you mean 'user_id'"):
            guess_roles(self.COLUMNS, {"user": "userid"})
