"""Access to the machine: files, connections, web addresses, SQLite, and the telemetry of libraries."""
