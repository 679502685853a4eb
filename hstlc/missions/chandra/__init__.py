"""Chandra: its archives."""
