"""The bundled reader: one small model that points at the words that answer, and says whether there are any."""
