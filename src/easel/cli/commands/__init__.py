"""The commands of the API's client, a module for each group of them."""
