"""The daemon: which job is due when, who may run it, and how it ends."""
