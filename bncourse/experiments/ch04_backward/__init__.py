"""Chapter 4: how gradients change with depth, and how a backward pass is checked (notes 4.1)."""
