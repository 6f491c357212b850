"""The lane: a second process of an api. It carries out costly requests, because their long steps would delay all other
requests."""
