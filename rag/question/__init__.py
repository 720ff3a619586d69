"""From what was asked to what is looked for: follow-ups and parts."""
