"""Chapter 2: what normalised inputs do, and what happens to them inside (notes 1)."""
