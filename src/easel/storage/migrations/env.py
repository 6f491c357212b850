"""Alembic's entry point: runs migrations on the connection from storage/migrate.py."""

from alembic import context

from easel.storage.database import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
with context.begin_transaction():
    context.run_migrations()
