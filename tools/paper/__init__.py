"""The book on paper and as ePub, both made from the site's pages.

paper           the command: pdf, epub
printed         the printed book; browser: which one prints it
ebook           the ePub
leaves          the text of the site's pages alone; cover: the cover
"""
