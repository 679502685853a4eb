"""XMM-Newton: its archive, and light curves of the EPIC cameras."""
