"""The pages and interfaces: what is in the database and the files, for browsers and programs."""
