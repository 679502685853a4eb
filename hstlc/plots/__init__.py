"""Light curves, tables and summaries as pictures and pages."""
