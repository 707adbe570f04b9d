"""Dataset cards: the template that ``srl-data card`` fills in, and the cards of the datasets we publish.

The folder lies at the top of the repository because people read and edit it; installed, it is the package
``srl_data.data_cards``, so that ``importlib.resources`` finds the template in a checkout and a wheel alike.
"""
