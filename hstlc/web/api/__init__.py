"""Answers for programs below ``/api/v1``: each module has the routes of one subject."""
