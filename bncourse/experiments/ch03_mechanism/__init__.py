"""Chapter 3: what a layer does to its input, and what it makes irrelevant (notes 2.1, 2.2)."""
