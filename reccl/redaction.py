"""Redaction: text and values without the passwords in them."""

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "***"
LOGIN = re.compile(r"(?<=://)(?P<user>[^\s/:@]*):(?P<password>[^\s/]+)@")
"""The login of a URI; a password may hold an @, not a /."""
SECRET = r"\w*(?:password|passwd|passphrase|pwd|secret|token|api_?key|access_?key|private_?key|credential)\w*"
KEY = re.compile(SECRET, re.IGNORECASE)
PARAMETER = re.compile(rf"(?P<key>(?:^|(?<=[?&;.\s'\"])){SECRET}=)(?P<value>[^\s&;'\"]+)", re.IGNORECASE)
"""`password=...` behind the ? of a URI, in a list of such words, or as `data.password=...` of a setting."""


def redact(text: str) -> str:
    """Text without passwords in URIs; `$NAME`, which is filled in from the environment, stays.

    >>> redact("postgresql://ann:s3cret@host/shop?sslmode=require&password=s3cret")
    'postgresql://ann:***@host/shop?sslmode=require&password=***'
    >>> redact("postgresql://ann:$SHOP_PASSWORD@host/shop")
    'postgresql://ann:$SHOP_PASSWORD@host/shop'
    >>> redact("--set data.api_key=s3cret")
    '--set data.api_key=***'
    """
    if "://" not in text and "=" not in text:
        return text
    text = LOGIN.sub(lambda found: f"{found['user']}:{hide(found['password'])}@", text)
    return PARAMETER.sub(lambda found: f"{found['key']}{hide(found['value'])}", text)


def hide(secret: str) -> str:
    """Stands for a secret; the name of a variable of the environment is none."""
    return secret if secret.startswith("$") else HIDDEN


def redact_values(value: Any) -> Any:
    """Plain values without passwords: in URIs, and under keys such as `password` or `api_key`.

    >>> redact_values({"user": "ann", "api_key": "abc", "hosts": ["db://a:b@c"]})
    {'user': 'ann', 'api_key': '***', 'hosts': ['db://a:***@c']}
    """
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, list | tuple):
        return type(value)(map(redact_values, value))
    if isinstance(value, Mapping):
        return {key: redact_entry(key, entry) for key, entry in value.items()}
    return value


def redact_entry(key: object, value: Any) -> Any:
    """The value of a key, hidden where the key says that it is a secret."""
    if isinstance(key, str) and isinstance(value, str) and value and KEY.fullmatch(key):
        return hide(value)
    return redact_values(value)
