"""The only place where database, disk and science meet: one observation end to end."""
