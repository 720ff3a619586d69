"""What touches the machine: files, connections, addresses, SQLite, and vendors kept quiet."""
