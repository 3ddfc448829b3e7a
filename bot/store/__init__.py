"""What is remembered: SQLite or PostgreSQL behind plain functions. The only room that knows SQL."""

from bot.store.database import Database, StoreTrouble, Transaction

__all__ = ["Database", "StoreTrouble", "Transaction"]
