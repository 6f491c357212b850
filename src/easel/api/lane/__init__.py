"""The lane: a second process of an api. It carries out costly requests, whose long steps would delay all others."""
