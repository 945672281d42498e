"""Studies: several methods on several data sets, over seeds and splits, with the same tuning budget each.

`reccl.study` is its front; see `reccl.studies.study`.
"""
