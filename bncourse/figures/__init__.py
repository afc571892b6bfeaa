"""From arrays to pictures.  Nothing here trains.

plots           measured numbers on Axes; diagrams: tiles and graphs
colours         contrast, and the colours of a dark page
interactive     one picture per value of a parameter: widgets, or frames in a page
frames          many pictures in one SVG; svg: pictures made small
explorations    what the interactive figures draw, a module each
"""
