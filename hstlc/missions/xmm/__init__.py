"""XMM-Newton: its archive."""
