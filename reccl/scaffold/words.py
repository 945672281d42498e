"""Words: what the name of a column says about its role."""

import re
from collections.abc import Sequence
from typing import Literal

Role = Literal["user", "item", "timestamp", "rating", "weight", "event", "part"]
ROLES: tuple[Role, ...] = ("user", "item", "timestamp", "rating", "weight", "event", "part")

WORDS: dict[Role, tuple[str, ...]] = {
    "user": (
        *("user", "uid", "customer", "client", "member", "visitor", "account", "shopper", "buyer", "reviewer"),
        *("reader", "listener", "viewer", "subscriber", "person", "player", "student", "guest", "household"),
        *("kunde", "kunden", "nutzer", "cliente", "utilisateur", "usuario", "session", "basket", "invoice", "order"),
    ),
    "item": (
        *("item", "iid", "product", "sku", "asin", "article", "movie", "film", "book", "isbn", "track", "song"),
        *("video", "recipe", "game", "course", "listing", "offer", "stock", "ean", "upc", "gtin", "business", "poi"),
        *("venue", "hotel", "restaurant", "place", "location", "anime", "beer", "app", "podcast", "news", "document"),
        *("doc", "page", "url", "job", "artist", "album", "show", "content", "artikel", "produkt", "produit"),
        *("producto", "articulo", "prodotto"),
    ),
    "timestamp": (
        "timestamp",
        "time",
        "datetime",
        "ts",
        "date",
        "at",
        "when",
        "unix",
        "epoch",
        "day",
        "datum",
        "fecha",
    ),
    "rating": ("rating", "stars", "star", "score", "overall", "rate", "grade", "vote", "bewertung", "note", "liked"),
    "weight": (
        *("weight", "quantity", "qty", "count", "plays", "playcount", "listens", "views", "clicks", "hours", "menge"),
        *("units", "times", "frequency", "amount"),
    ),
    "event": ("event", "action", "behavior", "behaviour", "activity", "interaction"),
    "part": ("part", "split", "fold", "subset", "set"),
}
"""Words that name a role, the likeliest first."""

GROUPS = ("session", "basket", "invoice", "order")
"""Words of `user` for what groups interactions where no user is named."""

EVENTS: dict[str, float] = {
    **dict.fromkeys(("purchase", "buy", "bought", "order", "transaction", "checkout", "sale", "pay", "subscribe"), 10),
    **dict.fromkeys(("cart", "basket", "fav", "favorite", "like", "wish", "wishlist", "save", "share", "download"), 3),
}
"""What an event weighs by the words in it; others weigh 1. A start to search from, no measurement."""

IDENTIFIERS = ("id", "ids", "key", "code", "no", "nr", "num", "number", "nummer", "uid", "guid", "uuid", "hash", "sku")
"""Words that say that a column identifies something."""

DESCRIPTIONS = (
    *("name", "title", "category", "type", "country", "city", "state", "region", "brand", "color", "colour", "size"),
    *("price", "cost", "total", "email", "mail", "age", "gender", "group", "class", "status", "description", "text"),
    *("date", "time", "timestamp", "at", "birth", "address", "zip", "segment", "department", "language", "rank"),
    *("count", "quantity", "qty", "rating", "score", "flag", "tags", "genre", "genres", "year", "summary"),
)
"""Words that say that a column describes a user or an item, and does not identify it."""

OTHER_MOMENTS = ("birth", "born", "dob", "birthday", "release", "released", "expiry", "expires", "updated", "deleted")
"""Words of moments that are not those of an interaction."""


def words_in(name: str) -> tuple[str, ...]:
    """The words of a column's name.

    >>> words_in("customerID"), words_in("user_id:token"), words_in("StockCode")
    (('customer', 'id'), ('user', 'id', 'token'), ('stock', 'code'))
    """
    return tuple(word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|\d+", name))


def place_of(words: Sequence[str], role: Role) -> int | None:
    """How early among the words of a role the best word of a name stands; None where none of them names it.

    >>> place_of(("movieid",), "item") == place_of(("movie", "id"), "item")
    True
    """
    known = WORDS[role]
    places = [known.index(word) for spelled in words for word in (spelled, stem(spelled)) if word in known]
    return min(places, default=None)


def event_weight(kind: str) -> float:
    """What a kind of event might weigh, by its name.

    >>> event_weight("view"), event_weight("add_to_cart"), event_weight("addtocart"), event_weight("Transaction")
    (1.0, 3, 3, 10)
    """
    words = words_in(kind)
    joined = "".join(words)
    return max((weight for word, weight in EVENTS.items() if word in words or joined.endswith(word)), default=1.0)


def stem(word: str) -> str:
    """A word without a plural or an identifier grown together with it.

    >>> stem("movieid"), stem("products"), stem("kundennummer")
    ('movie', 'product', 'kunden')
    """
    for ending in sorted((*IDENTIFIERS, "s"), key=len, reverse=True):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word.removesuffix(ending)
    return word


def identifies(words: Sequence[str]) -> bool:
    """Whether a name says that it identifies something."""
    return any(word in IDENTIFIERS or (stem(word) != word and not word.endswith("s")) for word in words)


def describes(words: Sequence[str]) -> bool:
    """Whether a name says that it describes something."""
    return any(word in DESCRIPTIONS for word in words)
