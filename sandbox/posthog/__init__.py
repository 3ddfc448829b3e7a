"""A PostHog that runs HogQL for real on ClickHouse, with PostHog's rules, limits and refusals."""

from sandbox.posthog.project import Event, Project
from sandbox.posthog.server import PostHog

__all__ = ["Event", "PostHog", "Project"]
