"""The column names inside reccl, written once. A pipeline renames the columns of raw files to these."""

USER = "user"
"""Raw user id in tables (string or integer); user row number (0 .. U-1) in a data set."""
ITEM = "item"
"""Raw item id in tables (string or integer); item row number (0 .. I-1) in a data set."""
RATING = "rating"
"""Explicit rating, a number; optional."""
WEIGHT = "weight"
"""How much an interaction counts, a number above 0; optional: 1."""
EVENT = "event"
"""Kind of an interaction (view, purchase), while a table is read."""
TARGET = "target"
"""Whether a row is to be predicted where it is held out, while data is prepared; optional: all are."""
TIMESTAMP = "timestamp"
"""Seconds since 1970, an integer; optional."""
PART = "part"
"""Predefined split: 'train', 'validation' or 'test'; optional."""

SCORE = "score"
RANK = "rank"
SOURCE = "source"
RUN_ID = "run_id"

OPTIONAL = (RATING, WEIGHT, TIMESTAMP, PART)
TRAIN, VALIDATION, TEST = "train", "validation", "test"
PARTS = (TRAIN, VALIDATION, TEST)
