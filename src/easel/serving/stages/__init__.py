"""The stages of the chain, one concern each. `serving/chain.py` puts them in order."""
