"""Stay rules: how long guests may stay, when they arrive and leave, how early they book."""
