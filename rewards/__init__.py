"""Rewards: scoring what a model wrote against what an expert wrote.

This package scores text and knows nothing of datasets, files or trainers. :mod:`srl_data` imports it, never
the other way round. For now it holds the plug-in registry that segmenters and rewards share.
"""
