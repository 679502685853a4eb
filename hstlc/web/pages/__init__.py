"""Pages for people: each module has the routes of one subject."""
