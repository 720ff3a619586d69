"""Answerers: each turns evidence into draft sentences, which `rag.answer.check` then checks."""
