"""Decisions about instructions: their attempts, the refund gate, what is posted and recorded."""
