"""Step-level training data from expert solutions, for Supervised Reinforcement Learning (arXiv 2510.25992).

Importing this package loads nothing heavy. The parts:

- :mod:`srl_data.segmenters` — text → steps, plug-ins by name
- :mod:`srl_data.pipeline` — inputs → a step dataset on disk (what ``srl-data segment`` runs)
- :mod:`srl_data.dataset` — opening such a dataset
- :mod:`srl_data.generate` — worked solutions, correct by construction
- :mod:`srl_data.hub` — publishing
"""
