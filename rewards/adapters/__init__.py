"""Rewards in the shapes that trainers ask for.

Each module serves one trainer and imports none: :mod:`rewards.adapters.trl`, and its neighbours. What they share is in
:mod:`rewards.adapters.core`.
"""
