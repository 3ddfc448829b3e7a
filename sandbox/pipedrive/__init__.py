"""A Pipedrive without credentials: stateful, as strict as the real one, and able to fail like it."""

from sandbox.pipedrive.server import TOKEN, PipedriveServer

__all__ = ["TOKEN", "PipedriveServer"]
