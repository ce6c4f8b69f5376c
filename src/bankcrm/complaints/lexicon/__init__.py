"""The lexicon: signals, kind and cause of a complaint from its text, with the words behind them."""
