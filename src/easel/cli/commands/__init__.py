"""The commands of the API's client, one module for each group."""
