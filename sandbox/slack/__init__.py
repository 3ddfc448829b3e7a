"""A Slack that keeps state and is as strict as Slack: Web API, signed interactions, Socket Mode."""

from sandbox.slack.people import Ack, People, signed_headers
from sandbox.slack.server import SandboxSlack
from sandbox.slack.workspace import Message, View, Workspace

__all__ = ["Ack", "Message", "People", "SandboxSlack", "View", "Workspace", "signed_headers"]
