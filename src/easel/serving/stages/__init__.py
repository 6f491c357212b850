"""The stages of the chain, one concern each. `serving/chain.py` defines their order."""
