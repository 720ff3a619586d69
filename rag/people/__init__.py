"""What a server stores about its users: accounts, sessions, tokens, conversations, verdicts and
preferences."""
