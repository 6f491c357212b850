"""The people who may sign in to an app. The contract's models are here; the operations are not built yet."""
