"""Invariants: each law of the design as a query over one snapshot, which lists what breaks it.

`berthold audit` prints what these queries find, and the job check-invariants alerts operators. (The
audit log, who did what, is something else: see the room `audit_log`.)
"""
