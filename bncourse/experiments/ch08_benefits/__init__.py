"""Chapter 8: speed, rates, initialisation, regularisation, depth (notes 4.1, 4.2, 5)."""
