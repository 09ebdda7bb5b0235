"""PostgreSQL: connections, notifications, checks."""
