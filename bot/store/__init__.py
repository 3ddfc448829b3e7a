"""What is remembered: SQLite or PostgreSQL behind plain functions. The only room that knows SQL."""

from bot.store.database import Database, Transaction

__all__ = ["Database", "Transaction"]
