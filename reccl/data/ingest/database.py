"""Interactions from a database, by one query. Credentials stay out of configs and out of errors."""

import os
import re
from urllib.parse import parse_qsl, unquote, urlsplit

import polars as pl

from reccl.errors import DataError
from reccl.redaction import HIDDEN, redact


def read_database(query: str, uri: str) -> pl.LazyFrame:
    """The rows of a query. `$NAME` in the URI is taken from the environment, which keeps passwords out of configs."""
    if HIDDEN in uri:
        raise DataError(
            "database: the password is not in the config, because a recorded config leaves it out; "
            "train with $NAME in its place and export NAME=...; reccl train --resume takes it by "
            "--set 'data.database=...' with $NAME where *** is"
        )
    for name in re.findall(r"\$\{?(\w+)", uri):
        if name not in os.environ:
            raise DataError(f"environment variable {name}, which database names, is not set; export {name}=...")
    filled = os.path.expandvars(uri)
    try:
        return pl.read_database_uri(query, filled).lazy()
    except ImportError:
        raise DataError("reading a database needs connectorx; install it: pip install 'reccl[database]'") from None
    except Exception as error:  # a driver raises what it likes, and may quote the URI
        reason = " ".join(redact_uri(str(error), filled).split())[:500]
        scheme = filled.partition("://")[0] if "://" in filled else "no scheme"
        raise DataError(f"the database ({scheme}) refused the query: {reason}; check database and query") from None


def redact_uri(text: str, uri: str) -> str:
    """Text without the URI, its user and password, and the values behind its `?`.

    >>> redact_uri("cannot reach db://ann:s3cret@host/x (password s3cret)", "db://ann:s3cret@host/x")
    'cannot reach *** (password ***)'
    """
    text = redact(text.replace(uri, HIDDEN))
    try:
        parts = urlsplit(uri)
    except ValueError:  # no URI at all
        return text
    login = parts.netloc.rpartition("@")[0]
    user, _, password = login.partition(":")
    written = [login, password, user, *(value for _, value in parse_qsl(parts.query))]
    for secret in sorted({*written, *map(unquote, written)}, key=len, reverse=True):
        if secret:
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "***", text)
    return text
