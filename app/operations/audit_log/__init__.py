"""The audit log as operators read it: who did what, when and why. The table is foundation's.

Not to be confused with `berthold audit`, which proves that the books and states are right: that is
the room `invariants`.
"""
