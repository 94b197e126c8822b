"""How much a guest gets back: of a booking that is cancelled, of a part that is given back."""
