"""Scaffold: a config for a stranger's own files, from what their columns look like."""

from reccl.scaffold.column import Column, profile
from reccl.scaffold.features import Feature, Features
from reccl.scaffold.plan import Plan, chosen, plan
from reccl.scaffold.roles import Guess, guess_roles
from reccl.scaffold.table_file import SAMPLE, TableFile, open_table
from reccl.scaffold.template import config_text
from reccl.scaffold.words import Role

__all__ = [
    "SAMPLE",
    "Column",
    "Feature",
    "Features",
    "Guess",
    "Plan",
    "Role",
    "TableFile",
    "chosen",
    "config_text",
    "guess_roles",
    "open_table",
    "plan",
    "profile",
]
