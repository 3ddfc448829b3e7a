"""Usage from PostHog: one reading of all accounts in a handful of queries."""
