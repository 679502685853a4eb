"""The data tree: where files are, and how they get there without being lost or overwritten."""
