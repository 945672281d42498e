"""Ingest: raw files, from wherever they are, to lazy tables of raw ids."""
