"""Looking at a dataset: what is in it (:mod:`stats`), and whether it is sound (:mod:`validate`)."""
