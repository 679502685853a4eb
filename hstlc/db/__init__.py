"""The database: tables, connections, migrations and every query."""
