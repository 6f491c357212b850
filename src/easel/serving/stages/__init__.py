"""The stages that decide about a request, one for each concern. `serving/chain.py` defines their order."""
