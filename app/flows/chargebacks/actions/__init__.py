"""The verbs of chargebacks: book what is told, recover what was lost, ask, and what admins do."""
