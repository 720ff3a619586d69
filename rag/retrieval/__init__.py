"""The only room that orders or cuts passages."""
