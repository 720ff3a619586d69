"""The server: one FastAPI application with the page, REST and MCP, and the door before them."""
