"""Light curves in other bins, made of the events while a person waits."""
