"""Chapter 9: small, odd and shifted batches, ghost batches, freezing (notes 4.3)."""
