"""Answerers: each turns evidence into draft sentences, which `rag.cite` then checks."""
