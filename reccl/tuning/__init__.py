"""Tuning: a study of many trials of one config over a space of its keys, judged on validation rows alone.

`reccl.tune` is its front; see `reccl.tuning.tune`.
"""
