"""Flutterwave's bodies: replies, errors and events, with the fields of its documentation."""
