"""Chapter 5: the two modes, running statistics, and broken runs (notes 2.3, 6, 7)."""
