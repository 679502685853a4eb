"""Chandra: its archives, and the light curves of ACIS and HRC."""
