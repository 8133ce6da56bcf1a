"""How good a result is, without its truth: everything is measured on the user's own noise."""
