"""A Zoho CRM without credentials: stateful, as strict as the real one, and able to fail like it."""

from sandbox.zoho.access import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN
from sandbox.zoho.server import ZohoServer

__all__ = ["CLIENT_ID", "CLIENT_SECRET", "REFRESH_TOKEN", "ZohoServer"]
