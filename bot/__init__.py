"""The application: PostHog usage becomes cards in Slack, clicks become deals in the CRM."""
