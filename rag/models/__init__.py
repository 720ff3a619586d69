"""The encoder, the reader and language models, and the engine that the first two run on."""
