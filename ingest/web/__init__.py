"""Web addresses to articles: pages and feeds, and the door that every connection passes."""
