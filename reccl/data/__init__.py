"""The data room: raw files to tables, splits, row numbers, graph and batches."""
