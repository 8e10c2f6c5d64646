"""The HTTP door: verify, store, answer. Nothing is decided here."""
