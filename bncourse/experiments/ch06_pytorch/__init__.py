"""Chapter 6: the notes' network and loop, and our layers beside torch's (notes 3.1)."""
