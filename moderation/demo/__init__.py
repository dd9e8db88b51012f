"""The demo: some 200 uploads that code makes from the few harmless photos in `demo/`.

The same photos, count and seed give the same bytes with the same Pillow. Each kind has a folder of its own, and a
file's name has its photo and kind: `crop/cat-crop-3.jpg`.
"""

from moderation.demo.pictures import NoPhotos, make_images

__all__ = ["NoPhotos", "make_images"]
