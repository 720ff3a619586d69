"""The people who use a collection: their accounts, sessions, tokens, conversations, verdicts and settings."""
