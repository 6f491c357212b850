"""The people who may sign in to an app. The contract's models are here. The operations are not built yet."""
