"""Chapter 7: before or after the activation, and in residual blocks (notes 3.2)."""
