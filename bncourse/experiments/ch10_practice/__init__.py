"""Chapter 10: what the scale of the weights does to training (notes 6, 7)."""
