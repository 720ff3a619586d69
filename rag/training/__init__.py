"""How the bundled reader is trained: it points at the words that answer, and says whether there are any."""
